package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// A colleague of the starter's group may ask and tell a live run, and the
// journal keeps the colleague's name, whatever the colleague says of himself.
// Somebody of no such group may not. Only root can become somebody else to try
// that; anybody else tries it as himself.
func TestColleagues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 4, 4*time.Second)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Upgrades: 2, PerSubscription: 1}})
	const group, colleague, stranger = 54_321, 65_501, 65_502
	asOther := os.Geteuid() == 0
	gid := group
	if !asOther {
		gid = os.Getegid()
	}
	opened(t, w.dir)
	run := w.start("run", w.inv, "--yes", "--socket-group", strconv.Itoa(gid))
	w.until("an upgrade is accepted", func() bool { return w.accepted() >= 1 })
	say := func(uid, gid int, args ...string) (string, error) {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "USER=somebody-else", "HOME="+w.dir)
		if asOther {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := say(colleague, gid, "status", "--state", w.db); err != nil || !strings.Contains(out, "RUNNING") {
		t.Errorf("a colleague asks: %v\n%s", err, out)
	}
	if out, err := say(colleague, gid, "pause", "--state", w.db, "--reason", "a customer calls"); err != nil {
		t.Errorf("a colleague pauses: %v\n%s", err, out)
	} else if asOther && !strings.Contains(out, "by uid 65501: ") {
		t.Errorf("the pause is somebody else's:\n%s", out)
	}
	if asOther {
		if out, err := say(stranger, stranger, "pause", "--off", "--state", w.db, "--reason", "hello"); err == nil {
			t.Errorf("a stranger was heard:\n%s", out)
		}
	}
	if s := w.asked(); s.Run.Status != "paused" {
		t.Errorf("the run is %s", s.Run.Status)
	}
	w.start("pause", "--off", "--state", w.db, "--reason", "seen").ends(0)
	run.ends(0)
	if fi, err := os.Stat(w.db); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the ledger itself has mode %v, %v", fi.Mode(), err)
	}
	w.judge()
}

// opened lets everybody walk to a test's folder and to the program.
func opened(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{dir, filepath.Dir(dir), filepath.Dir(binary)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
