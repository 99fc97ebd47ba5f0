package session

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
)

// What a person may have meant who named a file that is not there, or none: files of
// the same folder. They are only proposed.

// entriesLookedAt is how many names of a folder are looked at.
const entriesLookedAt = 2000

// Nearby is the file beside a path that has no file, whose name is nearest to the
// path's; "" where none is near, or more than one is.
func Nearby(path string) string {
	files := others(path, "")
	for _, ending := range []string{".yaml", ".yml", ".json", ".db"} {
		if slices.Contains(files, filepath.Base(path)+ending) {
			return path + ending
		}
	}
	return beside(path, words.Likeliest(filepath.Base(path), files))
}

// NearbyLedger is Nearby for a ledger.
func NearbyLedger(path string) string {
	files := others(path, ".db")
	if own := filepath.Base(LedgerOf(path)); slices.Contains(files, own) {
		return beside(path, own)
	}
	return beside(path, words.Likeliest(filepath.Base(path), files))
}

// LedgerMeant is the ledger that a person means who names a file in its place: the
// ledger itself, or its inventory; "" where there is none.
func LedgerMeant(path string) string {
	for _, at := range []string{path, NearbyLedger(path)} {
		if strings.HasSuffix(at, ".db") && textfile.Exists(at) {
			return at
		}
	}
	if s, err := Open(path, "", false); err == nil && textfile.Exists(s.Ledger) { // a saved plan knows it
		return s.Ledger
	}
	return ""
}

// Ledgers are the files of this folder that are called as ledgers are.
func Ledgers() []string { return filesIn(".", ".db") }

// Inventories are the inventories of this folder.
func Inventories() []string {
	return slices.DeleteFunc(slices.Concat(filesIn(".", ".yaml"), filesIn(".", ".yml")), func(name string) bool {
		data, err := textfile.ReadBegin(name, 4<<10)
		return err != nil || !saysVersion().Match(data)
	})
}

var saysVersion = lazyregexp.New(`(?m)^apiVersion:\s*["']?fleetup/`)

// filesIn are the regular files of a folder whose names end so, in order; none where it cannot
// be read.
func filesIn(folder, ending string) (names []string) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(entriesLookedAt) // what could be read will do
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ending) && !strings.HasPrefix(e.Name(), ".") && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// others are the files beside a path whose names end so.
func others(path, ending string) []string {
	return slices.DeleteFunc(filesIn(filepath.Dir(path), ending),
		func(name string) bool { return name == filepath.Base(path) })
}

// beside is a name in the folder of a path, as the path names it; "" for none.
func beside(path, name string) string {
	if name == "" {
		return ""
	}
	folder, _ := filepath.Split(path)
	return folder + name
}

// looksLedger reports whether a file begins as ledgers do (bbolt, db.go: the magic
// number of the first head).
func looksLedger(data []byte) bool {
	return len(data) >= 20 && bytes.Equal(data[16:20], []byte{0xed, 0xda, 0x0c, 0xed})
}
