package test

import (
	"errors"
	"os"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// A file that cannot serve as the ledger is refused with what is the matter and
// what to do, by every command; nothing is sent and nothing is written to it.
func TestFileThatIsNoLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 2, 100*time.Millisecond)
	w.write(strictcloud.Inventory{})
	w.start("run", w.inv, "--yes").ends(0)
	whole, err := os.ReadFile(w.db)
	if err != nil {
		t.Fatal(err)
	}
	before := w.starts()
	bolt := func(fn func(tx *bbolt.Tx) error) func() error {
		return func() error {
			db, err := bbolt.Open(w.db, 0o600, nil)
			if err != nil {
				return err
			}
			return errors.Join(db.Update(fn), db.Close())
		}
	}
	for _, c := range []struct {
		name string
		make func() error
		says []string
	}{
		{"empty", func() error { return os.WriteFile(w.db, nil, 0o600) },
			[]string{"is an empty file, not a ledger", "restore it from a backup"}},
		{"of another program",
			func() error { return os.WriteFile(w.db, []byte("SQLite format 3\x00 and so on"), 0o600) },
			[]string{"is not a ledger", "--state FILE"}},
		{"another program's bbolt file", func() error {
			return errors.Join(os.Remove(w.db),
				bolt(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("logs")); return err })())
		}, []string{"another program", "--state FILE"}},
		{"cut short", func() error { return os.WriteFile(w.db, whole[:20480], 0o600) },
			[]string{"is cut short: it has 20480 bytes of ", "restore it from a backup", "do not upgrade its vaults"}},
		{"of a newer version", func() error {
			return errors.Join(os.WriteFile(w.db, whole, 0o600),
				bolt(func(tx *bbolt.Tx) error {
					return tx.Bucket([]byte("meta")).Put([]byte("format"),
						[]byte("99"))
				})())
		}, []string{"format 99", "use the version of fleetup that wrote it"}},
	} {
		if err := c.make(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		content, err := os.ReadFile(w.db)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"run", w.inv, "--yes"}, {"resume", "--yes", "--state", w.db},
			{"status", "--state", w.db}, {"report", "--state", w.db}} {
			w.start(args...).ends(1).says(append(c.says, w.db)...)
		}
		if now, err := os.ReadFile(w.db); err != nil || string(now) != string(content) {
			t.Errorf("%s: the file was changed (%v)", c.name, err)
		}
	}
	if err := os.WriteFile(w.db, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	w.start("report", "--state", w.db).ends(0)
	for name, n := range w.starts() {
		if n != before[name] {
			t.Errorf("%s was started %d times more", name, n-before[name])
		}
	}
	w.judge()
}
