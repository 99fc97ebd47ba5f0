package textfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestOpenInside: files in the folder and links that stay in it are read; links
// out of it, folders and what is not there are not.
func TestOpenInside(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "fleet")
	for _, d := range []string{dir, filepath.Join(dir, "facts"), filepath.Join(top, "fleet2")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"secret", "fleet2/near", "fleet/a", "fleet/facts/b"} {
		if err := os.WriteFile(filepath.Join(top, filepath.FromSlash(f)), []byte(f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"in": "facts/b", "up": "../secret", "near": "../fleet2/near",
		"absolute": filepath.Join(top, "secret"),
		"home":     filepath.Join(dir, "a"), "out": top, "gone": "nowhere"}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err) // a machine without symbolic links
		}
	}
	for name, want := range map[string]string{"a": "fleet/a", "facts/b": "fleet/facts/b", "in": "fleet/facts/b",
		"home": "fleet/a"} {
		f, err := OpenInside(dir, filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, _ := io.ReadAll(f); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
		f.Close()
	}
	for name, want := range map[string]error{"up": ErrOutside, "near": ErrOutside, "absolute": ErrOutside,
		"out/secret": ErrOutside, "out/fleet/a": nil,
		"facts": ErrNotRegular, "gone": os.ErrNotExist, "../secret": ErrOutside} {
		f, err := OpenInside(dir, filepath.Join(dir, name))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			f.Close()
		}
	}
}
