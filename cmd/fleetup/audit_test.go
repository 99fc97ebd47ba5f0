package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// auditedLedger is a ledger of two runs with a re-opening between them: one
// vault failed in the first and once more in the second.
func auditedLedger(t *testing.T) (path string) {
	t.Helper()
	dir := copyFleets(t)
	inv := filepath.Join(dir, "mixed.yaml")
	path = filepath.Join(dir, "mixed.db")
	steps := []struct {
		code fleet.ExitCode
		args []string
	}{
		{fleet.ExitFailures, []string{"run", inv, "--yes"}},
		{fleet.ExitOK, []string{"reopen", "prod/sql-02", "--reason", "case 4711", "--state", path}},
		{fleet.ExitFailures, []string{"run", inv, "--yes"}},
	}
	for _, s := range steps {
		if code, _, stderr := try(t, s.args...); code != s.code {
			t.Fatalf("%v exited %d\n%s", s.args, code, stderr)
		}
	}
	return path
}

// tamper changes the ledger's file behind its back.
func tamper(t *testing.T, path string, do func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(do), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func seqKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// in names a bucket to be changed.
func in(bucket string, do func(b *bbolt.Bucket) error) func(tx *bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return do(tx.Bucket([]byte(bucket))) }
}

// swap replaces text in every value of a bucket whose key has an end; a test
// that changes nothing proves nothing.
func swap(bucket, keyEnd, old, new string) func(tx *bbolt.Tx) error {
	return in(bucket, func(b *bbolt.Bucket) error {
		changes := map[string][]byte{}
		err := b.ForEach(func(k, v []byte) error {
			if bytes.HasSuffix(k, []byte(keyEnd)) && bytes.Contains(v, []byte(old)) {
				changes[string(k)] = bytes.ReplaceAll(v, []byte(old), []byte(new))
			}
			return nil
		})
		if err == nil && len(changes) == 0 {
			err = errors.New("nothing to change")
		}
		for k, v := range changes {
			err = errors.Join(err, b.Put([]byte(k), v))
		}
		return err
	})
}

// rehash makes the chain whole again from an event on, as somebody would who
// knows how it is made.
func rehash(b *bbolt.Bucket, from uint64) error {
	var prev state.Hash
	if from > 1 {
		prev = state.Hash(b.Get(seqKey(from - 1))[:32])
	} else {
		prev = state.Genesis(b.Tx().Bucket([]byte("meta")).Get([]byte("identity")))
	}
	for n := from; ; n++ {
		v := bytes.Clone(b.Get(seqKey(n)))
		if v == nil {
			return nil
		}
		prev = state.Link(prev, n, v[32:])
		if err := b.Put(seqKey(n), append(prev[:], v[32:]...)); err != nil {
			return err
		}
	}
}

// TestAuditFindsEveryChange: whatever is changed in the file, verify exits 1
// and names it.
func TestAuditFindsEveryChange(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const touched = 5
	for _, c := range []struct {
		name string
		edit func(tx *bbolt.Tx) error
		says []string
	}{
		{"an event changed", in("events", func(b *bbolt.Bucket) error {
			return b.Put(seqKey(touched), bytes.Replace(b.Get(seqKey(touched)), []byte(`"fact"`), []byte(`"fact" `), 1))
		}), []string{"EVENT 5 of run ", "changed", " 1 fault"}},
		{"an event changed, and its hash made to fit", in("events", func(b *bbolt.Bucket) error {
			text := bytes.Replace(b.Get(seqKey(touched))[32:], []byte(`"fact"`), []byte(`"fact" `), 1)
			h := state.Link(state.Hash(b.Get(seqKey(touched - 1))[:32]), touched, text)
			return b.Put(seqKey(touched), append(h[:], text...))
		}), []string{"EVENT 6 of run ", " 1 fault"}},
		{"two changes far apart", in("events", func(b *bbolt.Bucket) error {
			for _, n := range []uint64{3, 9} {
				if err := b.Put(seqKey(n), append(bytes.Clone(b.Get(seqKey(n))), ' ')); err != nil {
					return err
				}
			}
			return nil
		}), []string{"EVENT 3 of run ", "EVENT 9 of run ", " 2 faults"}},
		{"an event taken out", in("events", func(b *bbolt.Bucket) error { return b.Delete(seqKey(touched)) }),
			[]string{"EVENT 5 of run ", "missing: taken out"}},
		{"two events exchanged", in("events", func(b *bbolt.Bucket) error {
			x, y := bytes.Clone(b.Get(seqKey(touched))), bytes.Clone(b.Get(seqKey(touched+1)))
			return errors.Join(b.Put(seqKey(touched), y), b.Put(seqKey(touched+1), x))
		}), []string{"EVENTS 5 to 7 of run ", "moved"}},
		{"an event taken out, and the rest moved up", in("events", func(b *bbolt.Bucket) error {
			for n := uint64(touched); ; n++ {
				next := bytes.Clone(b.Get(seqKey(n + 1)))
				if next == nil {
					return b.Delete(seqKey(n))
				}
				if err := b.Put(seqKey(n), next); err != nil {
					return err
				}
			}
		}), []string{"EVENTS 5 to "}},
		{"every event emptied", in("events", func(b *bbolt.Bucket) error {
			for n := uint64(2); b.Get(seqKey(n)) != nil; n += 1 {
				if err := b.Put(seqKey(n), []byte("{}")); err != nil {
					return err
				}
			}
			return nil
		}), []string{"EVENT 2 of run ", "and ", " more"}},
		{"something else among the events", in("events",
			func(b *bbolt.Bucket) error { return b.Put([]byte("note"), []byte("{}")) }),
			[]string{"no event"}},
		{"the last event cut off", in("events", func(b *bbolt.Bucket) error {
			k, _ := b.Cursor().Last()
			return b.Delete(k)
		}), []string{"RUN the index of the runs and the journal differ", "closed"}},
		{"the last run cut off", in("events", func(b *bbolt.Bucket) error {
			c := b.Cursor()
			for k, v := c.Last(); k != nil; k, v = c.Prev() {
				if err := b.Delete(bytes.Clone(k)); err != nil || bytes.Contains(v, []byte("RunOpened")) {
					return err
				}
			}
			return nil
		}), []string{"which opened it, is gone: the journal's end was cut off"}},
		{"another identity", swap("meta", "identity", `"id":"`, `"id":"X`), []string{"EVENT 1 of run "}},
		{"another exit code in the index", swap("runs", "\x01", `"exitCode":3`, `"exitCode":0`),
			[]string{"differ on run", "exitCode"}},
		{"another plan in the index", swap("runs", "\x02", `"planFingerprint":"`, `"planFingerprint":"0`),
			[]string{"planFingerprint"}},
		{"a run taken out of the index", in("runs", func(b *bbolt.Bucket) error { return b.Delete(seqKey(2)) }),
			[]string{"is in the journal and not in the index"}},
		{"a plan changed", in("plans", func(b *bbolt.Bucket) error {
			k, v := b.Cursor().First()
			return b.Put(bytes.Clone(k), repack(t, v, "rg-vaults", "rg-theirs"))
		}), []string{"PLAN plan ", "changed after it was made"}},
		{"a plan in the place of another", in("plans", func(b *bbolt.Bucket) error {
			k, v := b.Cursor().First()
			p, err := plan.Decode(unpacked(t, v))
			if err != nil {
				return err
			}
			other, err := plan.Encode(p.AcceptWarnings()) // whole, and with a fingerprint of its own
			if err != nil {
				return err
			}
			return b.Put(bytes.Clone(k), packed(t, other))
		}), []string{"PLAN plan ", "it is plan "}},
		{"a plan taken out", in("plans", func(b *bbolt.Bucket) error {
			k, _ := b.Cursor().First()
			return b.Delete(bytes.Clone(k))
		}), []string{"PLAN plan ", "has none"}},
		{"a failed vault's record made good", swap("vaults", "/sql-02", `"status":"failed"`, `"status":"upgraded"`),
			[]string{"VAULT prod/sql-02 of run ", "its record says upgraded, and the journal says failed"}},
		{"a failed vault's record re-opened", swap("vaults", "/sql-02", `"operationId":"`, `"operationId":"x`),
			[]string{"VAULT prod/sql-02", "operationId"}},
		{"a failed vault's record taken out", in("vaults", func(b *bbolt.Bucket) error {
			c := b.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				if bytes.HasSuffix(k, []byte("/sql-02")) {
					return c.Delete()
				}
			}
			return errors.New("no such record")
		}), []string{"VAULT prod/sql-02", "its record is gone, and the journal says failed"}},
		{"a record that nothing accounts for", in("vaults", func(b *bbolt.Bucket) error {
			return b.Put([]byte("zzz"), []byte(`{"vault":"zzz","runId":"r","status":"upgraded"}`))
		}), []string{"VAULT zzz", "no event is about it"}},
		{"a second record of a vault", in("vaults", func(b *bbolt.Bucket) error {
			_, v := b.Cursor().First()
			return b.Put([]byte("zzz"), bytes.Clone(v))
		}), []string{"two records"}},
		{"a failed vault's record under another key", func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("vaults"))
			c := b.Cursor()
			for k, v := c.First(); k != nil; k, v = c.Next() {
				if bytes.HasSuffix(k, []byte("/sql-02")) {
					k, v = bytes.Clone(k), bytes.Clone(v)
					return errors.Join(b.Delete(k), b.Put(append(k[:len(k)-1:len(k)-1], '3'), v))
				}
			}
			return errors.New("no such record")
		}, []string{"VAULT prod/sql-02", "its record is stored as that of ", "/sql-03"}},
		{"another end in the index", swap("runs", "\x01", `"closedAt":"2`, `"closedAt":"1`),
			[]string{"differ on run", "closedAt"}},
		{"an end taken out of the index", swap("runs", "\x02", `"closed":true`, `"closed":false`),
			[]string{"differ on run", "closed"}},
		{"a record that cannot be read", swap("vaults", "/sql-02", `{"vault"`, `["vault"`),
			[]string{"VAULT", "cannot be read"}},
		{"a failure rewritten in a chain made whole", func(tx *bbolt.Tx) error {
			if err := swap("events", "", `"state":"Failed"`, `"state":"Upgraded"`)(tx); err != nil {
				return err
			}
			return rehash(tx.Bucket([]byte("events")), 2)
		}, []string{"fault"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			copied := filepath.Join(t.TempDir(), "fleet.db")
			if err := os.WriteFile(copied, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if code, out, stderr := try(t, "audit", "verify", "--state", copied); code != fleet.ExitOK ||
				!strings.HasPrefix(out, "GOOD") {
				t.Fatalf("untouched it is no good (%d)\n%s%s", code, out, stderr)
			}
			tamper(t, copied, c.edit)
			code, out, stderr := try(t, "audit", "verify", "--state", copied)
			if code != fleet.ExitInternal {
				t.Errorf("it exited %d", code)
			}
			for _, s := range c.says {
				if !strings.Contains(out+stderr, s) {
					t.Errorf("it does not say %q\n%s%s", s, out, stderr)
				}
			}
			if n := strings.Count(out, "\n"); n > 20+4 {
				t.Errorf("it wrote %d lines", n)
			}
			nothingStarts(t, copied, inv)
		})
	}
}

// repack changes the text of a stored plan.
func repack(t *testing.T, stored []byte, old, new string) []byte {
	t.Helper()
	return packed(t, bytes.ReplaceAll(unpacked(t, stored), []byte(old), []byte(new)))
}

func unpacked(t *testing.T, stored []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func packed(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A record that was changed between two runs is found although the second run
// has written over it.
func TestAuditFindsAChangeBetweenRuns(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	inv, path := filepath.Join(dir, "mixed.yaml"), filepath.Join(dir, "mixed.db")
	if code, _, stderr := try(t, "run", inv, "--yes"); code != fleet.ExitFailures {
		t.Fatalf("it exited %d\n%s", code, stderr)
	}
	ignorant(t, path)
	code, out, _ := try(t, "audit", "verify", "--state", path)
	if code != fleet.ExitInternal || !strings.Contains(out, "VAULT prod/sql-02 of run ") ||
		!strings.Contains(out, "the runs before had left it failed, and run ") {
		t.Errorf("verify exited %d\n%s", code, out)
	}
}

// ignorant begins a run that takes nothing over from the ones before it, as one
// did that believed a changed record.
func ignorant(t *testing.T, path string) {
	t.Helper()
	lock, err := state.Acquire(path, state.Holder{Host: "h", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	l, err := state.OpenExisting(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	last, _, err := l.LatestRun()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := l.Plan(last.PlanFingerprint)
	if err != nil {
		t.Fatal(err)
	}
	opened := fleet.RunOpened{RunID: "later", PlanFingerprint: last.PlanFingerprint, Version: versionString()}
	if err := l.Begin(plan, []fleet.Event{{At: last.ClosedAt, Fact: opened}}, nil); err != nil {
		t.Fatal(err)
	}
}

// nothingStarts: no command that writes to a ledger, and none that starts a vault,
// takes one that is not what was written. The file stays as it is.
func nothingStarts(t *testing.T, path, inv string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", inv, "--yes"}, {"resume", "--yes"},
		{"reopen", "prod/sql-02", "--reason", "case 4712"}, {"refresh"}, {"pause", "--reason", "r"}} {
		code, _, stderr := try(t, append(args, "--state", path)...)
		if code != fleet.ExitInternal || !strings.Contains(stderr, path) || !strings.Contains(stderr, "Next: ") {
			t.Errorf("%v exited %d\n%s", args, code, stderr)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the ledger was written to")
	}
}

// TestAFlippedBitBringsNoFailedVaultBack: whichever bit of a failed vault's
// record is flipped in the file, the vault is not started again, and the message
// names it and what to do.
func TestAFlippedBitBringsNoFailedVaultBack(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := os.ReadFile(session.EmulatorPath(path))
	if err != nil {
		t.Fatal(err)
	}
	rec := regexp.MustCompile(`{"vault":"[^"]*/sql-02","runId":"[^"]*","status":"failed"`)
	places := rec.FindAllIndex(whole, -1) // one of them is the newest; bbolt leaves older pages behind
	if len(places) == 0 {
		t.Fatal("the record is not to be found")
	}
	for bit := range 8 * len("failed") {
		flipped := bytes.Clone(whole)
		for _, at := range places {
			flipped[at[1]-len(`failed"`)+bit/8] ^= 1 << (bit % 8)
		}
		copied := filepath.Join(t.TempDir(), "fleet.db")
		if err := errors.Join(os.WriteFile(copied, flipped, 0o600),
			os.WriteFile(session.EmulatorPath(copied), truth, 0o600)); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := try(t, "run", inv, "--yes", "--state", copied)
		if code != fleet.ExitInternal {
			t.Fatalf("bit %d: run exited %d\n%s", bit, code, stderr)
		}
		for _, says := range []string{"prod/sql-02", "do not upgrade", "audit verify --state ", "Nothing was started"} {
			if !strings.Contains(strings.ReplaceAll(stderr, "\n  ", " "), says) {
				t.Fatalf("bit %d: it does not say %q\n%s", bit, says, stderr)
			}
		}
		if now, err := os.ReadFile(session.EmulatorPath(copied)); err != nil || !bytes.Equal(now, truth) {
			t.Fatalf("bit %d: the cloud was asked, %v", bit, err)
		}
	}
}

// Who only reads is told what the events say, and warned.
func TestReadersOfAChangedRecordAreWarned(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	reads := [][]string{{"status", "--state", path}, {"report", "--state", path},
		{"show", "prod/sql-02", "--state", path}, {"plan", inv, "--state", path}}
	for _, args := range reads {
		if code, _, stderr := try(t, args...); code != fleet.ExitOK || strings.Contains(stderr, "audit verify") {
			t.Errorf("%v exited %d\n%s", args, code, stderr)
		}
	}
	tamper(t, path, swap("vaults", "/sql-02", `"status":"failed"`, `"status":"blocked"`))
	for _, args := range reads {
		code, out, stderr := try(t, args...)
		if code != fleet.ExitOK || !strings.Contains(stderr, "audit verify --state ") ||
			!strings.Contains(stderr, "prod/sql-02") {
			t.Errorf("%v exited %d\n%s%s", args, code, out, stderr)
		}
	}
}

// A clock that was years ahead when facts were written is told by whoever reads or
// goes on.
func TestFactsFromTheFuture(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	commands := [][]string{{"status"}, {"report"}, {"resume", "--yes"}, {"run", inv, "--yes"}}
	for _, args := range commands[:3] {
		if _, _, stderr := try(t, append(args, "--state", path)...); strings.Contains(stderr,
			"ahead of this machine's clock") {
			t.Errorf("%v warns of nothing\n%s", args, stderr)
		}
	}
	lock, err := state.Acquire(path, state.Holder{Host: "h", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := state.OpenExisting(lock)
	if err != nil {
		t.Fatal(err)
	}
	noted := fleet.Event{At: time.Now().AddDate(10, 0, 1),
		Fact: fleet.Noted{By: fleet.Actor{User: "ops"}, Text: "the battery was flat"}}
	if err := errors.Join(l.Commit([]fleet.Event{noted}, nil), l.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range commands {
		code, _, stderr := try(t, append(args, "--state", path)...)
		if code == fleet.ExitInternal || !strings.Contains(stderr, "days ahead of this machine's clock") {
			t.Errorf("%v exited %d\n%s", args, code, stderr)
		}
	}
}

// What a run takes over is what the events of earlier runs say; what the words of
// an older version's record were decides nothing.
func TestWordsOfAnOlderVersionDecideNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		old, new string
		code     fleet.ExitCode
	}{
		{"words", `"reason":"`, `"reason":"so to speak: `, fleet.ExitOK},
		{"what decides", `"accepted":true`, `"accepted":false`, fleet.ExitInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := auditedLedger(t)
			tamper(t, path, func(tx *bbolt.Tx) error {
				return errors.Join(swap("events", "", `"version":"`+versionString(), `"version":"v0.0.1`)(tx),
					rehash(tx.Bucket([]byte("events")), 1),
					swap("vaults", "/sql-02", c.old, c.new)(tx))
			})
			code, out, _ := try(t, "audit", "verify", "--state", path)
			if code != c.code {
				t.Errorf("verify exited %d\n%s", code, out)
			}
		})
	}
}

// What no look at the file can find, a head that was noted elsewhere does: the
// ledger was put back to what it had been.
func TestAuditOfACutTail(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	inv, path := filepath.Join(dir, "mixed.yaml"), filepath.Join(dir, "mixed.db")
	try(t, "run", inv, "--yes")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	early := reportedHead(t, path)
	if code, _, stderr := try(t, "reopen", "prod/sql-02",
		"--reason", "case 4711", "--state", path); code != fleet.ExitOK {
		t.Fatal(stderr)
	}
	late := reportedHead(t, path)
	for _, c := range []struct {
		head string
		code fleet.ExitCode
		says string
	}{
		{late, fleet.ExitOK, "0 events came after it"},
		{early, fleet.ExitOK, "1 event came after it"},
		{strings.ToUpper(early[:8]) + "…", fleet.ExitOK, "1 event came after it"},
		{strings.Repeat("0", 64), fleet.ExitInternal, "its tail was cut off, or this is another ledger"},
		{early[:7], fleet.ExitUsage, "is not a hash"},
		{"", fleet.ExitUsage, "is not a hash"},
		{"fleet.db", fleet.ExitUsage, "is not a hash"},
	} {
		code, out, stderr := try(t, "audit", "verify", "--state", path, "--head", c.head)
		if code != c.code || !strings.Contains(out+stderr, c.says) {
			t.Errorf("--head %s exited %d, want %d and %q\n%s%s", c.head, code, c.code, c.says, out, stderr)
		}
	}
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := try(t, "audit", "verify", "--state", path); code != fleet.ExitOK {
		t.Errorf("nothing in the file tells that it is an old one, but verify exited %d\n%s", code, out)
	}
	code, out, _ := try(t, "audit", "verify", "--state", path, "--head", late, "-o", "json")
	var doc auditDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if code != fleet.ExitInternal || doc.Good || doc.Asked == nil || doc.Asked.Found || len(doc.Faults) != 1 ||
		doc.Faults[0].What != "head" {
		t.Errorf("with the head verify exited %d\n%s", code, out)
	}
}

// reportedHead is the journal's head as the report prints it.
func reportedHead(t *testing.T, path string) string {
	t.Helper()
	code, out, stderr := try(t, "report", "-o", "json", "--state", path)
	var doc struct{ Evidence struct{ JournalHead string } }
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != fleet.ExitOK ||
		len(doc.Evidence.JournalHead) != 64 {
		t.Fatalf("report exited %d, %v: head %q\n%s", code, err, doc.Evidence.JournalHead, stderr)
	}
	return doc.Evidence.JournalHead
}

// A ledger whose run never began has its identity for a head.
func TestAuditOfAnEmptyJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock, err := state.Acquire(path, state.Holder{Host: "h", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := state.Open(lock, state.Binding{Cloud: "Emulator", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	_, head, err := l.Head()
	if err := errors.Join(err, l.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := try(t, "audit", "verify", "--state", path, "--head", head)
	if code != fleet.ExitOK || !strings.Contains(out, "0 events in 0 runs") ||
		!strings.Contains(out, "the ledger's beginning; 0 events") {
		t.Errorf("verify exited %d\n%s%s", code, out, stderr)
	}
	tamper(t, path, swap("meta", "identity", "Emulator", "AzureUSA"))
	if code, _, _ := try(t, "audit", "verify", "--state", path, "--head", head); code != fleet.ExitInternal {
		t.Errorf("with another identity verify exited %d", code)
	}
}
