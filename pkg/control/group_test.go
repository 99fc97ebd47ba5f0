//go:build unix

package control

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// With a group its members may pass through to the socket, and nobody else.
func TestSocketOfAGroup(t *testing.T) {
	t.Parallel()
	gid := os.Getegid()
	s := serving(t, Config{Ledger: filepath.Join(t.TempDir(), "fleet.db"), Group: strconv.Itoa(gid), Obey: deaf})
	defer s.Close()
	if s.Group() != gid {
		t.Errorf("the group is %d, want %d", s.Group(), gid)
	}
	for path, want := range map[string]os.FileMode{filepath.Dir(s.Path()): 0o710 | os.ModeDir,
		s.Path(): 0o660 | os.ModeSocket} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st := fi.Sys().(*syscall.Stat_t); fi.Mode() != want || int(st.Gid) != gid {
			t.Errorf("%s has mode %v and group %d, want %v and %d", path, fi.Mode(), st.Gid, want, gid)
		}
	}
	for _, name := range []string{"no such group", "-1"} {
		if s, err := Serve(Config{Ledger: filepath.Join(t.TempDir(), "fleet.db"), Group: name,
			Obey: deaf}); err == nil {
			s.Close()
			t.Errorf("%q passes for a group", name)
		}
	}
}
