package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The buckets of a ledger, and the keys in meta.
var (
	bucketMeta   = []byte("meta")
	bucketPlans  = []byte("plans")
	bucketRuns   = []byte("runs")
	bucketEvents = []byte("events")
	bucketVaults = []byte("vaults")
	buckets      = [][]byte{bucketMeta, bucketPlans, bucketRuns, bucketEvents, bucketVaults}

	keyFormat   = []byte("format")
	keyIdentity = []byte("identity")
)

const (
	// format is the newest layout this version reads, and the one it writes.
	format = 1
	// fillEvents leaves no room in the pages of a bucket that only grows at
	// its end.
	fillEvents = 0.95
	// readersLeave is how long a writer waits for readers that opened the
	// ledger before it had the lock. New ones stay away.
	readersLeave = 30 * time.Second
	// writerLeaves is how long a writer waits for another that has the ledger
	// without this lock: it is on its way out, or will not go.
	writerLeaves = 2 * time.Second
	// noWait makes bbolt try its own lock once.
	noWait = time.Millisecond
)

// boltOptions are the options of every opening. open takes the place of
// os.OpenFile.
func boltOptions(readOnly bool, wait time.Duration,
	open func(string, int, fs.FileMode) (*os.File, error)) *bbolt.Options {
	return &bbolt.Options{
		ReadOnly:     readOnly,
		Timeout:      wait,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile:     open,
	}
}

// openBolt opens an existing bbolt file and returns the descriptor that bbolt
// works on, which tells later whether the path still leads to it. It creates
// nothing. Errors are bbolt's own; a panic is a panicError.
func openBolt(path string, readOnly bool, wait time.Duration) (*bbolt.DB, *os.File, error) {
	var (
		db *bbolt.DB
		f  *os.File
	)
	err := guard(func() error {
		var err error
		db, err = bbolt.Open(path, fileMode, boltOptions(readOnly, wait,
			func(name string, flag int, mode fs.FileMode) (*os.File, error) {
				var err error
				f, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return f, err
			}))
		return err
	})
	if err != nil {
		if f != nil {
			letGo(f) // bbolt did so on an error, and not on a panic
		}
		return nil, nil, err
	}
	return db, f, nil
}

// panicError is a panic or a memory fault inside bbolt. Its locks may be held
// for ever, so nothing more may be asked of that database.
type panicError struct{ reason any }

func (e *panicError) Error() string {
	if _, ok := e.reason.(runtime.Error); ok {
		return "its pages cannot be read" // an address or an index that makes no sense to anybody
	}
	line, _, _ := strings.Cut(fmt.Sprint(e.reason), "\n")
	return line
}

// guard runs what reads or writes the mapped file. A damaged file makes bbolt
// panic, and one that was cut short makes the read of a mapped page fault; both
// become errors. Nothing of a caller's may run inside.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{r}
		}
	}()
	return fn()
}

// examine looks at a path before bbolt does: bbolt would turn an empty file
// into a database.
func examine(path string, real string) error {
	fi, err := os.Stat(real)
	switch {
	case err != nil:
		return explain(path, err)
	case !fi.Mode().IsRegular():
		return notRegular(path, fi)
	case fi.Size() == 0:
		return &FileError{Path: path, Kind: ErrDamaged, Detail: "is an empty file, not a ledger",
			Next: "delete it if no run ever used it; otherwise " + restoreIt}
	case !strings.HasSuffix(path, ".db") && isText(real): // one that is called a ledger may have been one
		return &FileError{Path: path, Kind: ErrNotLedger,
			Detail: "is not a ledger but a text, such as an inventory or a report",
			Next:   "name the ledger with --state FILE; it stands beside its inventory and ends in .db"}
	case !hasMagic(real):
		return &FileError{Path: path, Kind: ErrNotLedger, Detail: "is not a ledger, or its beginning is destroyed",
			Next: "name another file with --state FILE, or " + restoreIt}
	}
	return nil
}

// boltMagic stands at the beginning of each head of a bbolt file (bbolt, db.go).
const boltMagic = 0xED0CDAED

// hasMagic reports whether one of a bbolt file's two heads is where it should be:
// one may be damaged. Pages are as large as the machine's that made the file, 4 to
// 64 KiB. A file that cannot be read here fails where it is opened.
func hasMagic(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	for _, page := range []int64{0, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		var word [4]byte
		if _, err := f.ReadAt(word[:], page+headOffset); err == nil &&
			binary.NativeEndian.Uint32(word[:]) == boltMagic {
			return true
		}
	}
	return false
}

// isText reports whether a file begins as a text does: in UTF-8, without a control
// character but those that part lines and columns. A ledger's first page has zeros.
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	head = head[:n]
	for i := 0; i < 3 && len(head) > 0 && !utf8.Valid(head); i++ { // a character may be cut at the end
		head = head[:len(head)-1]
	}
	return n > 0 && utf8.Valid(head) && bytes.IndexFunc(head, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\f", r)
	}) < 0
}

func notRegular(path string, fi fs.FileInfo) error {
	what := "is not a regular file"
	if fi.IsDir() {
		what = "is a directory"
	}
	return &FileError{Path: path, Kind: ErrNotLedger, Detail: what, Next: "name a file with --state FILE"}
}

// explain says what an error of opening or reading the file means.
func explain(path string, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FileError{Path: path, Kind: ErrNoLedger, Detail: "does not exist", Err: fs.ErrNotExist,
			Next: "name the ledger with --state FILE; a first fleetup run creates it"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &FileError{Path: path, Detail: "cannot be opened", Err: err,
			Next: "check the owner and the mode of the file and of its directory"}
	case errors.Is(err, berrors.ErrInvalid):
		return &FileError{Path: path, Kind: ErrNotLedger, Detail: "is not a ledger, or its beginning is destroyed",
			Next: "name another file with --state FILE, or " + restoreIt}
	case errors.Is(err, berrors.ErrVersionMismatch):
		return &FileError{Path: path, Kind: ErrNotLedger, Detail: "is a bbolt file of a version that is not supported",
			Next: "name another file with --state FILE"}
	case errors.As(err, &errno):
		return &FileError{Path: path, Detail: "cannot be used", Err: err,
			Next: "check its disk, and what this user may take of it"}
	}
	return damaged(path, "is damaged", err)
}

// A bbolt file begins with two heads, one page each, that commits write in turn.
const (
	headOffset = 16 // in its page
	headLength = 56 // without its checksum
)

// headsWhole reports whether both heads carry their checksum. bbolt is content
// with one, and then silently shows the state before the newest commit: an
// intent that was acknowledged would be forgotten. A crash does not tear a head,
// which fits in one sector; an unreadable one is damage.
func headsWhole(f *os.File, pageSize int) (bool, error) {
	for page := range 2 {
		var head [headLength + 8]byte
		if _, err := f.ReadAt(head[:], int64(page*pageSize+headOffset)); err != nil {
			return false, err
		}
		sum := fnv.New64a()
		sum.Write(head[:headLength])
		if sum.Sum64() != binary.NativeEndian.Uint64(head[headLength:]) {
			return false, nil
		}
	}
	return true, nil
}

func damaged(path, detail string, err error) error {
	return &FileError{Path: path, Kind: ErrDamaged, Detail: detail, Err: err, Next: restoreIt}
}
