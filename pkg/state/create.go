package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
)

// Binding is what a ledger is bound to for its life.
type Binding struct {
	Cloud   string // identifies the cloud; compared byte for byte
	Version string // of the program, written down when it creates the ledger
	// Identity is that of a ledger that is made again elsewhere (Ledger.Restore), as
	// Reader.Identity gave it; nil makes a new one.
	Identity []byte
}

// Info is the identity of a ledger. It is written once; the hash chain starts
// from it.
type Info struct {
	ID        string    `json:"id"` // random
	Cloud     string    `json:"cloud"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"` // the program's version
}

func newIdentity(b Binding) ([]byte, error) {
	if b.Identity != nil {
		var i Info
		if err := json.Unmarshal(b.Identity, &i); err != nil || i.Cloud != b.Cloud {
			return nil, errors.Join(refuse("what is given for the identity of a ledger of cloud %q is none", b.Cloud),
				err)
		}
		return b.Identity, nil
	}
	return json.Marshal(Info{ID: rand.Text(), Cloud: b.Cloud, CreatedAt: time.Now().UTC(), CreatedBy: b.Version})
}

// create makes an empty ledger. It is built under another name in the same
// directory and linked to its own when it is complete and synced: bbolt cannot
// recover from an initialisation that was cut short. A ledger that somebody
// else put there meanwhile stays, and is no error.
//
// A creator that dies leaves at most a file ".NAME.new-…" behind, which nothing
// ever looks at.
func create(path, real string, b Binding) (err error) {
	fail := func(err error, next string) error {
		return &FileError{Path: path, Detail: "cannot be created", Err: err, Next: next}
	}
	f, err := newBeside(real)
	if err != nil {
		return fail(err, "check the mode of the directory "+filepath.Dir(real)+" and the space on its disk")
	}
	temp := f.Name()
	defer func() {
		if rerr := os.Remove(temp); rerr != nil && err == nil {
			err = fail(rerr, "remove "+temp+" by hand")
		}
	}()
	if err := initialise(temp, f, b); err != nil {
		return fail(err, "check the space on its disk")
	}
	failpoint.Hit(failpoint.LedgerBuilt)
	if err := os.Link(temp, real); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err, "it needs a file system with hard links: "+onLocalDisk)
	}
	failpoint.Hit(failpoint.LedgerLinked)
	return nil
}

// initialise writes the buckets and the identity, syncs the file and closes
// it.
func initialise(temp string, f *os.File, b Binding) error {
	identity, err := newIdentity(b)
	if err != nil {
		f.Close()
		return err
	}
	err = guard(func() error {
		db, err := bbolt.Open(temp, fileMode, boltOptions(false, noWait,
			func(string, int, fs.FileMode) (*os.File, error) { return f, nil }))
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			for _, name := range buckets {
				if _, err := tx.CreateBucket(name); err != nil {
					return err
				}
			}
			meta := tx.Bucket(bucketMeta)
			if err := meta.Put(keyFormat, strconv.AppendInt(nil, format, 10)); err != nil {
				return err
			}
			return meta.Put(keyIdentity, identity)
		})
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, db.Close())
	})
	letGo(f) // bbolt did so, unless it panicked
	return err
}
