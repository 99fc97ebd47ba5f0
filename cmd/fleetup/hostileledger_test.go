package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// hostileValues are what may stand where a ledger has something else.
func hostileValues() []string {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + "1" + strings.Repeat(end, n) }
	return []string{`null`, `true`, `0`, `-1`, `3.7`, `1e400`, `NaN`, `9223372036854775807`, `-9223372036854775808`,
		`9223372036854775808`, `""`, `"x"`, `[]`, `{}`, `[[]]`,
		deep("[", "]", 20_000), deep(`{"a":`, "}", 5_000), `"` + strings.Repeat("y", 1<<20) + `"`, "\"\xff\xfe\xc3\"",
		`"\u001b[2J\u009b\u202e<script>alert(1)</script>\n=cmd"`,
		`"9999-12-31T23:59:59Z"`, `"0001-01-01T00:00:00Z"`, `"/subscriptions/../../etc"`, `"failed"`, `"upgraded"`,
		`"starting"`}
}

// spoiled is a JSON document with one of its values changed, taken out or said twice.
func spoiled(t *testing.T, r *rand.Rand, data []byte) []byte {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	const raw, twice = "@@RAW@@", "@@TWICE"
	var changes []func(value any)
	var walk func(v any)
	walk = func(v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				changes = append(changes, func(n any) { x[k] = n }, func(any) { delete(x, k) },
					func(n any) { x[k+twice] = n })
				walk(x[k])
			}
		case []any:
			for i := range x {
				changes = append(changes, func(n any) { x[i] = n })
				walk(x[i])
			}
		}
	}
	walk(v)
	changes[r.IntN(len(changes))](raw)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	values := hostileValues()
	out = bytes.ReplaceAll(out, []byte(`"`+raw+`"`), []byte(values[r.IntN(len(values))]))
	return bytes.ReplaceAll(out, []byte(twice), nil)
}

// spoil changes one thing of a ledger, behind its back and with a chain that fits.
func spoil(t *testing.T, r *rand.Rand, path string) {
	t.Helper()
	tamper(t, path, func(tx *bbolt.Tx) error {
		bucket := []string{"events", "events", "events", "vaults", "runs", "plans", "meta", "keys"}[r.IntN(8)]
		of := bucket
		if bucket == "keys" {
			of = []string{"events", "vaults", "runs", "plans", "meta"}[r.IntN(5)]
		}
		b := tx.Bucket([]byte(of))
		var keys [][]byte
		if err := b.ForEach(func(k, _ []byte) error { keys = append(keys, bytes.Clone(k)); return nil }); err != nil {
			return err
		}
		k := keys[r.IntN(len(keys))]
		v := bytes.Clone(b.Get(k))
		switch {
		case bucket == "events":
			return errors.Join(b.Put(k, append(v[:32:32], spoiled(t, r, v[32:])...)), rehash(b, 1))
		case bucket == "plans":
			return b.Put(k, packed(t, spoiled(t, r, unpacked(t, v))))
		case bucket == "keys":
			odd := []string{"\x00", "\xff\xfe", "a\nb\x1b[2J", strings.Repeat("k", 30_000), string(k) + "\x00",
				"../../x"}
			return b.Put([]byte(odd[r.IntN(len(odd))]), v)
		case v[0] != '{': // the format's number
			return b.Put(k, []byte("-1"))
		}
		return b.Put(k, spoiled(t, r, v))
	})
}

// Whatever one value of a ledger was changed to, by somebody who can make the chain
// fit, no command panics, none that writes starts anything, and each that refuses
// says what to do, in lines that steer no terminal and in bearable length.
func TestHostileLedgers(t *testing.T) {
	t.Parallel()
	files := inOld(t, "*.db.gz")
	for seed := range uint64(2 * len(files)) {
		file := files[seed%uint64(len(files))]
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		t.Run(fmt.Sprintf("%d of %s", seed, name), func(t *testing.T) {
			t.Parallel()
			dir := unpackOld(t, filepath.Dir(file), name)
			path := filepath.Join(dir, name)
			spoil(t, rand.New(rand.NewPCG(seed, 1)), path)
			before := acceptedBy(t, session.EmulatorPath(path))
			vault, _, _ := strings.Cut(goOn[name].statuses, " ")
			for _, args := range []string{"status", "status -o json", "status -o csv", "report -o html",
				"report -o markdown", "show " + vault, "runs", "audit verify", "resume --yes",
				"note x --reason r", "refresh", "reopen " + vault + " --reason r"} {
				withoutPanic(t, args, path)
			}
			if now := acceptedBy(t, session.EmulatorPath(path)); now != before {
				t.Errorf("%d starts were accepted", now-before)
			}
		})
	}
}

// acceptedBy is how many starts an emulated cloud has accepted.
func acceptedBy(t *testing.T, stateFile string) int {
	t.Helper()
	c, err := emulator.Reopen(stateFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Summary().Accepted
}

// withoutPanic gives a command that is interrupted at once, so that nothing is left but
// to look at the ledger.
func withoutPanic(t *testing.T, args, path string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v\n%s", args, p, debug.Stack())
		}
	}()
	var out, errs bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, interrupt: make(chan struct{})}
	close(e.interrupt)
	code := e.run(append(append([]string{"fleetup"}, strings.Fields(args)...), "--state", path))
	says := errs.String()
	if code == fleet.ExitInternal && !strings.HasPrefix(args, "audit") && !strings.Contains(says, "Next") &&
		!strings.Contains(says, `"next": "`) {
		t.Errorf("%s exited 1 and does not say what to do: %.500s", args, says)
	}
	if code == fleet.ExitInternal && len(says) > 16<<10 || strings.HasPrefix(args, "audit") && out.Len() > 64<<10 {
		t.Errorf("%s says %d and %d bytes", args, out.Len(), len(says))
	}
	harmless(t, "what "+args+" says", says)
	if !strings.Contains(args, "html") {
		harmless(t, "what "+args+" shows", out.String())
	} else if strings.Contains(out.String(), "<script>alert(1)") {
		t.Error("the page runs what a ledger says")
	}
}
