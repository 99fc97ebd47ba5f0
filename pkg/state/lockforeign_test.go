package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/state"
)

// What stands where the lock file would be, and is none, is left as it is.
func TestForeignLockFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"text":             "GEM\n  remote: https://example.org/\n",
		"a blank":          "\n",
		"JSON":             "{}",
		"JSON of another":  `{"host":"x","packages":[]}`,
		"a pid":            "4711\n",
		"no time":          `{"host":"build-9","pid":99}`,
		"an array":         `[{"host":"build-9","pid":99,"since":"2026-03-16T22:00:00Z"}]`,
		"bytes":            "\x00\x01\x02",
		"UTF-16":           "\xff\xfeG\x00E\x00M\x00 \x00x\x00",
		"zeros and lines":  strings.Repeat("\x00", 8) + "GEM\n  r:" + "x",
		"many zeros":       strings.Repeat("\x00", 5000),
		"cut JSON":         `{"host": "build-9`,
		"a time of no use": `{"host":"","pid":99,"since":"2026-03-16T22:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "Gemfile")
			if err := os.WriteFile(path+".lock", []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := state.Acquire(path, who("test"))
			if !errors.Is(err, state.ErrForeignLock) || !clear(err, path) {
				t.Fatalf("Acquire: %v; want ErrForeignLock", err)
			}
			if is, err := os.ReadFile(path + ".lock"); err != nil || string(is) != content {
				t.Errorf("it holds %q now, %v", is, err)
			}
			if fi, err := os.Stat(path + ".lock"); err != nil || fi.Mode().Perm() != 0o644 {
				t.Errorf("its mode is %v now, %v", fi.Mode(), err)
			}
		})
	}
}

// A lock file of an earlier version is taken, and so is one that a crash left in the
// middle of a change.
func TestLockFileOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	old := `{"user":"ops","host":"build-9","pid":99,"since":"2026-03-16T22:00:00Z","command":"fleetup run"}` + "\n"
	for name, content := range map[string]string{
		"free":            "",
		"killed":          old,
		"a longer before": old + old[30:],
		"half of a name":  `{"lock":"fleetup","user":"op` + strings.Repeat(" ", 900),
	} {
		path := filepath.Join(t.TempDir(), "fleet.db")
		if err := os.WriteFile(path+".lock", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := state.Acquire(path, who("test"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if h, live, err := state.ReadHolder(path); h != who("test") || !live || err != nil {
			t.Errorf("%s: ReadHolder = %+v, %v, %v; want this process", name, h, live, err)
		}
		l.Close()
	}
}

// No link in the place of the lock file is followed, and no pipe waited for.
func TestLockFileThatIsNoFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := t.TempDir()
	precious, empty := filepath.Join(dir, "precious"), filepath.Join(dir, "empty")
	if err := errors.Join(os.WriteFile(precious, []byte("the only copy"), 0o600),
		os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(lock string) error{
		"a link to a file":       func(l string) error { return os.Symlink(precious, l) },
		"a link to an empty one": func(l string) error { return os.Symlink(empty, l) },
		"a link to nowhere":      func(l string) error { return os.Symlink(filepath.Join(dir, "nowhere"), l) },
		"a link to a folder":     func(l string) error { return os.Symlink(dir, l) },
		"a folder":               func(l string) error { return os.Mkdir(l, 0o700) },
		"a pipe":                 fifo,
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".db")
		if err := put(path + ".lock"); err != nil {
			t.Fatal(err)
		}
		said := make(chan error, 2)
		go func() {
			_, err := state.Acquire(path, who("test"))
			said <- err
			_, _, err = state.ReadHolder(path)
			said <- err
		}()
		for _, what := range []string{"Acquire", "ReadHolder"} {
			select {
			case err := <-said:
				if err == nil || what == "Acquire" && !errors.Is(err, state.ErrForeignLock) {
					t.Errorf("%s: %s: %v", name, what, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: %s waits", name, what)
			}
		}
	}
	if is, err := os.ReadFile(precious); err != nil || string(is) != "the only copy" {
		t.Errorf("the file behind the link holds %q now, %v", is, err)
	}
	if is, err := os.ReadFile(empty); err != nil || len(is) != 0 {
		t.Errorf("the empty file behind the link holds %q now, %v", is, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made behind the link: %v", err)
	}
}
