package test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
	"github.com/fleetup-dev/fleetup/test/syscalls"
)

// A disk that refuses a commit of the real program ends the run: it says what
// that means, exits 1 and sends nothing more, whatever call is refused. Once
// the disk is well again, resume goes on and nothing is sent twice.
func TestDiskRefusesACommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, call string
		errno      syscall.Errno
	}{
		{"it is full", "pwrite64", syscall.ENOSPC},
		{"it cannot be written to", "pwrite64", syscall.EIO},
		{"it cannot be synced", "fdatasync", syscall.EIO},
		{"it became read-only", "pwrite64", syscall.EROFS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			plainFleet(w, 6, time.Second)
			w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 2, PerSubscription: 2},
				Waves: []strict.Wave{{Name: "all"}}})
			stderr, err := os.Create(filepath.Join(w.dir, "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			defer stderr.Close()
			// Both slots are taken when the disk begins to refuse: what is sent
			// after that needs a commit that did not happen.
			var refused, after atomic.Int64
			calls, ws, err := syscalls.Run(syscalls.Program{Argv: []string{binary, "run", w.inv, "--yes"}, Dir: w.dir,
				Stderr: stderr,
				Env: []string{"HOME=" + w.dir, "USER=tester", "TZ=UTC", "AZURE_CLIENT_SECRET=" + clientSecret,
					"FLEETUP_LOG_FILE=" + w.logFile(), "FLEETUP_LOG_LEVEL=debug", "FLEETUP_LOG_FORMAT=json"},
				Refuse: func(call *syscalls.Call) syscall.Errno {
					if call.Path != w.db || call.Name != c.call {
						return 0
					}
					if refused.Load() > 0 {
						after.Add(1)
					} else if w.accepted() < 2 {
						return 0
					}
					refused.Add(1)
					return c.errno
				}})
			if err != nil {
				t.Fatal(err)
			}
			said, err := os.ReadFile(stderr.Name())
			if err != nil {
				t.Fatal(err)
			}
			run := &client{t: t, args: []string{"run"}}
			run.stderr.b.Write(said)
			if ws.ExitStatus() != 1 {
				t.Fatalf("exit status %d, want 1, after %d calls\n%s", ws.ExitStatus(), len(calls),
					tail(string(said), 40))
			}
			run.says(w.db, c.errno.Error(), "may be written all the same", "nothing more was sent",
				"make room or mend the disk", "fleetup resume ", "--state")
			if refused.Load() == 0 || after.Load() > 0 {
				t.Errorf("%d calls were refused, %d of them after the first: after a failed commit the disk is left "+
					"alone", refused.Load(), after.Load())
			}
			if n := w.accepted(); n != 2 {
				t.Errorf("%d starts were accepted, want the 2 from before", n)
			}
			w.gate.quiet(t)
			w.cloud.ClientDied()
			w.start("status", "--state", w.db).ends(0)
			w.start("resume", "--state", w.db, "--yes").ends(0)
			for name, n := range w.starts() {
				if n != 1 {
					t.Errorf("%s was started %d times", name, n)
				}
			}
			w.judge()
		})
	}
}
