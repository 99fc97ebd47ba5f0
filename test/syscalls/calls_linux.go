package syscalls

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// others are the calls that change a file in ways that nobody here
// understands. They are handed out by name, so that a test can say so.
var others = map[uint64]string{
	unix.SYS_WRITEV: "writev", unix.SYS_PWRITEV: "pwritev", unix.SYS_PWRITEV2: "pwritev2",
	unix.SYS_SENDFILE: "sendfile",
}

// entry reads a call that is about to be made; nil for one that is of no
// interest.
func (t *tracer) entry(tid int, number uint64, args []uint64) (*Call, error) {
	fd := int(int32(args[0]))
	path, known := t.files[fd]
	c := &Call{FD: fd, Path: path}
	var err error
	switch number {
	case unix.SYS_OPENAT:
		c.Name, c.Flags = "openat", int(args[2])
		c.Path, err = readString(tid, args[1])
		known = t.below(c.Path)
	case unix.SYS_UNLINKAT:
		c.Name = "unlinkat"
		c.Path, err = readString(tid, args[1])
		known = t.below(c.Path)
	case unix.SYS_LINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		c.Name = "renameat"
		if number == unix.SYS_LINKAT {
			c.Name = "linkat"
		}
		if c.Path, err = readString(tid, args[1]); err == nil {
			c.To, err = readString(tid, args[3])
		}
		known = t.below(c.To)
	case unix.SYS_CLOSE:
		c.Name = "close"
		delete(t.files, fd) // at once: another thread may be given the number before this call returns
	case unix.SYS_FSYNC:
		c.Name = "fsync"
	case unix.SYS_FDATASYNC:
		c.Name = "fdatasync"
	case unix.SYS_FTRUNCATE:
		c.Name, c.Size = "ftruncate", int64(args[1])
	case unix.SYS_FALLOCATE:
		c.Name, c.Flags, c.Offset, c.Size = "fallocate", int(args[1]), int64(args[2]), int64(args[3])
	case unix.SYS_PWRITE64, unix.SYS_WRITE:
		if c.Name = "write"; number == unix.SYS_PWRITE64 {
			c.Name, c.Offset = "pwrite64", int64(args[3])
		}
		if known {
			c.Data, err = readBytes(tid, args[1], int(args[2]))
		}
	case unix.SYS_MMAP:
		// A shared mapping that can be written to would go round all of this.
		c.FD = int(int32(args[4]))
		c.Name, c.Path = "mmap", t.files[c.FD]
		known = c.Path != "" && args[2]&unix.PROT_WRITE != 0 && args[3]&unix.MAP_SHARED != 0
	default:
		c.Name = others[number]
		known = known && c.Name != ""
	}
	if !known || err != nil {
		return nil, err
	}
	return c, nil
}

// readBytes reads the memory of a stopped thread.
func readBytes(tid int, at uint64, n int) ([]byte, error) {
	b := make([]byte, n)
	if n == 0 {
		return b, nil
	}
	got, err := readSome(tid, at, b)
	if err == nil && got < n {
		err = fmt.Errorf("only %d of %d bytes of thread %d can be read", got, n, tid)
	}
	return b, err
}

func readSome(tid int, at uint64, b []byte) (int, error) {
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	return unix.ProcessVMReadv(tid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}, 0)
}

// readString reads up to a zero byte, a piece at a time that does not reach
// into a page which need not be there.
func readString(tid int, at uint64) (string, error) {
	const piece = 256
	var s []byte
	for len(s) < unix.PathMax {
		b := make([]byte, piece-at%piece)
		n, err := readSome(tid, at, b)
		if err != nil {
			return "", err
		}
		if i := bytes.IndexByte(b[:n], 0); i >= 0 {
			return string(append(s, b[:i]...)), nil
		}
		s, at = append(s, b[:n]...), at+uint64(n)
	}
	return string(s), nil
}
