package textfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file is replaced by the whole of what comes next, or not at all, and
// nothing is left beside it.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "night.md")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no more room")
	err := Replace(path, func(w io.Writer) error {
		fmt.Fprint(w, "half of the n")
		if data, _ := os.ReadFile(path); string(data) != "old" {
			t.Errorf("a reader sees %q meanwhile", data)
		}
		return broken
	})
	if data, _ := os.ReadFile(path); !errors.Is(err, broken) || string(data) != "old" {
		t.Errorf("after a failure: %v, and the file holds %q", err, data)
	}
	if err := Replace(path, func(w io.Writer) error { _, err := fmt.Fprint(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", fi.Mode(), err)
	}
	left, err := os.ReadDir(dir)
	if data, _ := os.ReadFile(path); string(data) != "new" || err != nil || len(left) != 1 {
		t.Errorf("it holds %q, and the folder %v, %v", data, left, err)
	}
}

// Rewrite keeps the mode of what was there, whatever the umask says.
func TestRewriteKeepsTheMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, 0o664),
		Rewrite(path, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if data, _ := os.ReadFile(path); err != nil || fi.Mode().Perm() != 0o664 || string(data) != "new" {
		t.Errorf("it holds %q with mode %v, %v", data, fi.Mode(), err)
	}
}
