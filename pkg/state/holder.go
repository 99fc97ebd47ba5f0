package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
)

// Holder says which process has the ledger, and since when. It is the content
// of the lock file and holds no secret.
type Holder struct {
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Socket  string    `json:"socket,omitempty"`  // where it can be spoken to
	Command string    `json:"command,omitempty"` // such as "fleetup run"
}

// String names the process for people.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	s := "process"
	if h.Command != "" {
		s = h.Command + ", process"
	}
	s = fmt.Sprintf("%s %d on %s", s, h.PID, h.Host)
	if h.User != "" {
		s += " by " + h.User
	}
	return s + ", since " + h.Since.UTC().Format(time.RFC3339)
}

// A holder writes its name a moment after it has the lock, and clears it a
// moment before it lets go. Whoever asks in between asks again.
const (
	holderTries = 100
	holderPause = 2 * time.Millisecond
)

// ReadHolder says who holds the lock of the ledger at path now; false when
// nobody does. It takes no lock that Acquire asks for, so a reader never makes
// a run believe the ledger is in use, and it writes and creates nothing.
//
// The Holder is zero, with true, when somebody holds the lock and could not be
// read.
func ReadHolder(path string) (Holder, bool, error) {
	lockPath, err := lockPathOf(path)
	if err != nil {
		return Holder{}, false, err
	}
	return readHolder(lockPath)
}

func readHolder(lockPath string) (Holder, bool, error) {
	f, err := openPlain(lockPath, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, fmt.Errorf("cannot ask who holds the ledger: %w", err)
	}
	defer f.Close()
	for range holderTries {
		live, err := probeLive(f)
		if err != nil {
			return Holder{}, false, fmt.Errorf("cannot ask who holds the ledger: lock file %s: %w", lockPath, err)
		}
		if !live {
			return Holder{}, false, nil
		}
		if h, ok := decodeHolder(f); ok {
			return h, true, nil
		}
		time.Sleep(holderPause)
	}
	return Holder{}, true, nil
}

// decodeHolder reads the first JSON value of the lock file. What follows it may
// be the rest of a longer one from an earlier holder. Whoever may write the file
// decides what is in it, so its words are made fit to be shown.
func decodeHolder(f io.ReaderAt) (Holder, bool) {
	var h Holder
	err := json.NewDecoder(io.NewSectionReader(f, 0, 64<<10)).Decode(&h)
	for _, s := range []*string{&h.User, &h.Host, &h.Command} {
		*s = shown(*s)
	}
	return h, err == nil && h.PID != 0
}

// shown makes a word fit for a line of a terminal: what could steer it shows as
// a question mark, and it has an end.
func shown(s string) string {
	const most = 120
	r := []rune(strings.ToValidUTF8(s, "?"))
	if len(r) > most {
		r = append(r[:most], '…')
	}
	for i := range r {
		if unicode.In(r[i], unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			r[i] = '?'
		}
	}
	return string(r)
}

// lockBegins is how every lock file begins: it is told by that from a file of
// another program with the same name. It is the same in each content, so a crash in
// the middle of a change leaves it there. Earlier versions skip it.
const lockBegins = `{"lock":"fleetup"`

// lockSize is how long a lock file is at least. It never becomes shorter, so that
// no crash leaves a size without its bytes.
const lockSize = 1 << 10

// writeHolder replaces the lock file's content; with the zero Holder it names
// nobody.
func writeHolder(f *os.File, h Holder) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	b := []byte(lockBegins + "}")
	if h != (Holder{}) {
		h.Since = h.Since.UTC()
		text, err := json.Marshal(h)
		if err != nil {
			return err
		}
		b = append([]byte(lockBegins+","), text[1:]...)
	}
	b = append(b, bytes.Repeat([]byte(" "), max(0, int(max(lockSize, fi.Size()))-len(b)-1))...)
	if _, err := f.WriteAt(append(b, '\n'), 0); err != nil || fi.Size() >= lockSize {
		return err
	}
	return f.Sync() // the first time
}
