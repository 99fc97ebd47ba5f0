package syscalls

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call on a file below the traced directory, or a write to
// standard output.
type Call struct {
	Name   string // as the kernel has it: "pwrite64"
	FD     int    // what it worked on; of an openat, what it returned
	Path   string // of the file it worked on; of a linkat or renameat, the old name
	To     string // of a linkat or renameat, the new name
	Flags  int    // of an openat; of a fallocate, its mode
	Offset int64  // of a pwrite64 and a fallocate
	Size   int64  // of an ftruncate and a fallocate
	Data   []byte // what was written
	Result int64  // a negative one is an errno
}

func (c *Call) String() string {
	s := fmt.Sprintf("%s(%d %s", c.Name, c.FD, c.Path)
	if c.To != "" {
		s += " -> " + c.To
	}
	if c.Data != nil {
		s += fmt.Sprintf(", %d bytes at %d", len(c.Data), c.Offset)
	}
	return s + fmt.Sprintf(", size %d) = %d", c.Size, c.Result)
}

// Program is what Run runs.
type Program struct {
	Argv []string // Argv[0] is the path
	Env  []string
	Dir  string // below it, files are of interest; without symbolic links

	Stderr *os.File // nil for this process's own

	// Refuse, where set, is asked about every call before the kernel sees it. An
	// errno other than 0 is what the program gets instead.
	Refuse func(*Call) syscall.Errno
}

// Run runs the program to its end and returns its calls that worked, in the
// order in which they returned.
func Run(p Program) ([]Call, syscall.WaitStatus, error) {
	type outcome struct {
		calls []Call
		ws    syscall.WaitStatus
		err   error
	}
	done := make(chan outcome)
	go func() {
		// All that is asked of a traced process must come from one thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		t := &tracer{Program: p, files: map[int]string{1: stdout}, begun: map[int]*Call{},
			refused: map[int]syscall.Errno{}}
		ws, err := t.run()
		done <- outcome{t.calls, ws, err}
	}()
	o := <-done
	return o.calls, o.ws, o.err
}

const stdout = "stdout"

type tracer struct {
	Program
	calls   []Call
	files   map[int]string        // open files of interest, by descriptor
	begun   map[int]*Call         // by thread; nil for a call that is of no interest
	refused map[int]syscall.Errno // by thread
}

// wallNoThread waits for threads too, and not for what other threads of this
// process have started. What this very thread started before, for another test,
// is kept apart by the traced process's own process group.
const wallNoThread = unix.WALL | unix.WNOTHREAD

func (t *tracer) run() (syscall.WaitStatus, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	stderr := t.Stderr
	if stderr == nil {
		stderr = os.Stderr
	}
	pid, err := syscall.ForkExec(t.Argv[0], t.Argv, &syscall.ProcAttr{Env: t.Env,
		Files: []uintptr{null.Fd(), null.Fd(), stderr.Fd()}, Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true}})
	if err != nil {
		return 0, fmt.Errorf("%s cannot be traced: %w", t.Argv[0], err)
	}
	var ws syscall.WaitStatus
	if err := wait(pid, &ws); err != nil {
		return 0, err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(pid, options); err != nil {
		return 0, err
	}
	seen := map[int]bool{pid: true}
	tid, signal := pid, 0
	for {
		if err := syscall.PtraceSyscall(tid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return 0, err
		}
		for {
			if tid, err = waitAny(pid, &ws); err != nil {
				return 0, err
			}
			if tid == pid && (ws.Exited() || ws.Signaled()) {
				return ws, nil
			}
			if ws.Stopped() {
				break
			}
		}
		signal = 0
		switch sig := ws.StopSignal(); {
		case sig == syscall.SIGTRAP|0x80:
			if err := t.stop(tid); err != nil && !errors.Is(err, syscall.ESRCH) {
				return 0, err
			}
		case sig == syscall.SIGTRAP: // a clone
		case sig == syscall.SIGSTOP && !seen[tid]: // a thread's first moment
		default:
			signal = int(sig)
		}
		seen[tid] = true
	}
}

func wait(pid int, ws *syscall.WaitStatus) error {
	for {
		if _, err := syscall.Wait4(pid, ws, wallNoThread, nil); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// waitAny waits for any thread of a process group.
func waitAny(group int, ws *syscall.WaitStatus) (int, error) {
	for {
		if tid, err := syscall.Wait4(-group, ws, wallNoThread, nil); !errors.Is(err, syscall.EINTR) {
			return tid, err
		}
	}
}

// info is struct ptrace_syscall_info, the same on every architecture.
type info struct {
	op    uint8
	_     [3]uint8
	arch  uint32
	_, _  uint64
	value [8]uint64 // at the entry: the number, six arguments; at the exit: the result
}

const (
	atEntry = 1
	atExit  = 2
)

// stop deals with a thread at the entry or the exit of a call.
func (t *tracer) stop(tid int) error {
	var in info
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(in), uintptr(unsafe.Pointer(&in)), 0, 0); errno != 0 {
		return errno
	}
	switch in.op {
	case atEntry:
		c, err := t.entry(tid, in.value[0], in.value[1:7])
		if err != nil {
			return err
		}
		t.begun[tid] = c
		if c != nil && t.Refuse != nil {
			if errno := t.Refuse(c); errno != 0 {
				t.refused[tid] = errno
				return skipCall(tid)
			}
		}
	case atExit:
		c := t.begun[tid]
		delete(t.begun, tid)
		if errno := t.refused[tid]; errno != 0 {
			delete(t.refused, tid)
			return setResult(tid, errno)
		}
		if c != nil {
			c.Result = int64(in.value[0])
			t.exit(c)
		}
	}
	return nil
}

// exit keeps what a call has done.
func (t *tracer) exit(c *Call) {
	if c.Result < 0 {
		return
	}
	if c.Name == "openat" {
		c.FD = int(c.Result)
		t.files[c.FD] = c.Path
	}
	if c.Data != nil {
		c.Data = c.Data[:c.Result]
	}
	t.calls = append(t.calls, *c)
}

// below reports whether a path is of interest.
func (t *tracer) below(path string) bool { return path == t.Dir || strings.HasPrefix(path, t.Dir+"/") }
