package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a command may take before the test gives it up: far
// more than any needs, on a machine that has other things to do.
const patience = 90 * time.Second

// clientSecret is a secret of the environment that belongs nowhere.
const clientSecret = "pK8~not-to-be-seen~Q3"

// client is one process of the program.
type client struct {
	t              *testing.T
	args           []string
	cmd            *exec.Cmd
	stdout, stderr lockedBuffer
	began, ended   time.Time
	done           chan struct{} // closed when the process has ended
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts the program with arguments. It ends with the test at the latest.
func (w *site) start(args ...string) *client {
	w.t.Helper()
	return w.launch(binary, nil, args)
}

// startAt starts the build of the program that dies at a failpoint.
func (w *site) startAt(failpoint string, args ...string) *client {
	w.t.Helper()
	return w.launch(mortal(w.t), []string{"FLEETUP_FAILPOINT=" + failpoint}, args)
}

// launch starts a build of the program, with more in its environment than every
// build gets.
func (w *site) launch(program string, more, args []string) *client {
	w.t.Helper()
	c := &client{t: w.t, args: args, cmd: exec.Command(program, args...), began: time.Now(), done: make(chan struct{})}
	c.cmd.Dir = w.dir
	// Nothing of the machine's own settings; a sign-in that must not be used on
	// loopback.
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "USER=tester", "TZ=UTC",
		// Every process logs all that it can, so that the secrets are looked for
		// there too.
		"FLEETUP_LOG_FILE=" + w.logFile(), "FLEETUP_LOG_LEVEL=debug", "FLEETUP_LOG_FORMAT=json",
		"AZURE_TENANT_ID=" + subA, "AZURE_CLIENT_ID=" + subB, "AZURE_CLIENT_SECRET=" + clientSecret}
	c.cmd.Env = append(c.cmd.Env, more...)
	c.cmd.Env = append(c.cmd.Env, w.env...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		w.t.Fatalf("start %v: %v", args, err)
	}
	go func() {
		_ = c.cmd.Wait() // the exit code is read from the process's state
		c.ended = time.Now()
		close(c.done)
	}()
	w.clients = append(w.clients, c)
	w.t.Cleanup(func() { _ = c.cmd.Process.Kill(); <-c.done })
	return c
}

// logFile is the log that all processes of a world append to.
func (w *site) logFile() string { return filepath.Join(w.dir, "fleetup.log") }

// wait returns the exit code once the process has ended; -1 after a kill.
func (c *client) wait() int {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		_ = c.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines tell what it waits for
		select {
		case <-c.done:
		case <-time.After(5 * time.Second):
		}
		c.t.Fatalf("%v did not end within %v\n%s\n%s", c.args, patience, c.stdout.String(),
			tail(c.stderr.String(), 300))
	}
	return c.cmd.ProcessState.ExitCode()
}

// ends waits for the process and demands its exit code.
func (c *client) ends(code int) *client {
	c.t.Helper()
	if got := c.wait(); got != code {
		c.t.Fatalf("%v exited %d, want %d\n%s\n%s", c.args, got, code, tail(c.stdout.String(), 60),
			tail(c.stderr.String(), 60))
	}
	return c
}

// signal sends a signal; a process that has just ended is no mistake.
func (c *client) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Fatalf("signal %v: %v", s, err)
	}
}

// kill ends the process without a warning and waits until it is gone.
func (c *client) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// killed reports whether the process has ended by a kill.
func (c *client) killed() bool {
	ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}

// says demands words in what the process wrote.
func (c *client) says(words ...string) *client {
	c.t.Helper()
	all := c.stdout.String() + c.stderr.String()
	for _, s := range words {
		if !strings.Contains(all, s) {
			c.t.Errorf("%v does not say %q:\n%s", c.args, s, tail(all, 40))
		}
	}
	return c
}

func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	if len(all) > lines {
		all = append([]string{"…"}, all[len(all)-lines:]...)
	}
	return strings.Join(all, "\n")
}

// standing is what `status -o json` and `report -o json` say (design.md#the-command-line).
type standing struct {
	SchemaVersion int
	Run           struct {
		ID, Status, Verdict string
		ExitCode            int
	}
	Totals map[string]int
	Waves  []struct{ Name, Status string }
	Vaults []vaultStanding
}

type vaultStanding struct {
	Vault, SubscriptionID, Name, Status string
	OperationID                         *string
	Attempt                             int
	UpgradedResourceID                  *string
	Findings                            []struct{ Severity, Code, Message string }
	Reason                              *string
	Carried, Foreign, Reopened          bool
}

func (s *standing) find(t *testing.T, name string) vaultStanding {
	t.Helper()
	for _, v := range s.Vaults {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("the report has no vault %q", name)
	return vaultStanding{}
}

func (v *vaultStanding) why() string {
	var b strings.Builder
	if v.Reason != nil {
		b.WriteString(*v.Reason)
	}
	for _, f := range v.Findings {
		b.WriteString("; " + f.Code + ": " + f.Message)
	}
	return b.String()
}

func (v *vaultStanding) has(code string) bool {
	for _, f := range v.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// status reads where a ledger stands. Of a large fleet, which has vaults of every
// fate, both commands that tell it are asked, and must agree.
func (w *site) status(db string) *standing {
	w.t.Helper()
	got := w.stands("status", db)
	if len(got.Vaults) < 20 {
		return got
	}
	other := w.stands("report", db)
	if a, b := got.Run, other.Run; a != b || len(got.Vaults) != len(other.Vaults) {
		w.t.Errorf("status and report differ: %+v, %+v", a, b)
	}
	for i := range got.Vaults {
		if a, b := got.Vaults[i], other.Vaults[i]; a.Vault != b.Vault || a.Status != b.Status {
			w.t.Errorf("status and report differ: %s %s, %s %s", a.Vault, a.Status, b.Vault, b.Status)
		}
	}
	return got
}

// stands is what a command says of where a ledger stands.
func (w *site) stands(command, db string) *standing {
	w.t.Helper()
	s := &standing{}
	c := w.start(command, "-o", "json", "--state", db).ends(0)
	if err := json.Unmarshal([]byte(c.stdout.String()), s); err != nil {
		w.t.Fatalf("%s -o json: %v\n%s", command, err, c.stdout.String())
	}
	return s
}

// written returns everything the program has written: output and files.
func (w *site) written() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for _, c := range w.clients {
		all["stdout of "+strings.Join(c.args, " ")] += c.stdout.String()
		all["stderr of "+strings.Join(c.args, " ")] += c.stderr.String()
	}
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() { // a killed process leaves its socket behind
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}
