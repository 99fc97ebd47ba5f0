package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// recompute computes the chain of an export anew, by the recipe of docs/audit.md
// and with nothing of this program. It returns the head.
func recompute(export string) (string, error) {
	bytesOf := func(line, name string) []byte {
		if _, text, ok := strings.Cut(line, `,"`+name+`":`); ok {
			return []byte(text[:len(text)-1])
		}
		_, text, _ := strings.Cut(line, `,"`+name+`Base64":"`)
		b, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, `"}`))
		return b
	}
	lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
	prev := sha256.Sum256(bytesOf(lines[0], "identity"))
	for n, line := range lines[1:] {
		var e struct {
			Seq        uint64
			Prev, Hash string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return "", err
		}
		if e.Prev != hex.EncodeToString(prev[:]) || e.Seq != uint64(n)+1 {
			return "", fmt.Errorf("line %d: event %d does not follow", n+2, e.Seq)
		}
		prev = sha256.Sum256(append(binary.BigEndian.AppendUint64(prev[:], e.Seq), bytesOf(line, "data")...))
		if e.Hash != hex.EncodeToString(prev[:]) {
			return "", fmt.Errorf("line %d: event %d has another hash", n+2, e.Seq)
		}
	}
	return hex.EncodeToString(prev[:]), nil
}

// TestAuditExport: an auditor with nothing but the export can compute the head
// that the report printed, and read who did what and why.
func TestAuditExport(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	code, out, stderr := try(t, "audit", "export", "--state", path)
	if code != fleet.ExitOK || stderr != "" {
		t.Fatalf("export exited %d\n%s", code, stderr)
	}
	head, err := recompute(out)
	if want := reportedHead(t, path); err != nil || head != want {
		t.Errorf("the export's head is %s, want %s: %v", head, want, err)
	}
	if _, err := recompute(strings.Replace(out, `"verdict":"ready"`, `"verdict":"ready "`, 1)); err == nil {
		t.Error("a changed export has a whole chain")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var header map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &header); err != nil || header["identity"] == nil ||
		header["genesis"] == nil {
		t.Errorf("the first line is %s, %v", lines[0], err)
	}
	runs, reopened := map[string]bool{}, 0
	for _, line := range lines[1:] {
		var e struct {
			At                         *time.Time
			Run, Fact, Vault, VaultKey *string
			What, Why                  *string
			Who                        *fleet.Actor
			Data                       map[string]any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		if e.Who == nil || e.Who.User != me.Username || e.Who.PID == 0 || e.What == nil || e.Run == nil ||
			e.At == nil || e.Data["fact"] != *e.Fact {
			t.Errorf("it lacks something: %s", line)
			continue
		}
		runs[*e.Run] = true
		if (e.Vault != nil) != (e.VaultKey != nil) || e.VaultKey != nil && !strings.Contains(*e.Vault, "/") {
			t.Errorf("its vault has no name: %s", line)
		}
		if *e.Fact == "Reopened" {
			reopened++
			if *e.Vault != "prod/sql-02" || e.Why == nil || *e.Why != "case 4711" {
				t.Errorf("the re-opening says %s", line)
			}
		}
	}
	if len(runs) != 2 || reopened != 1 {
		t.Errorf("the export has %d runs and %d re-openings", len(runs), reopened)
	}
	// A journal that is not whole is exported all the same, and said not to be.
	tamper(t, path, in("events", func(b *bbolt.Bucket) error { return b.Delete(seqKey(4)) }))
	code, cut, stderr := try(t, "audit", "export", "--state", path)
	if code != fleet.ExitInternal || strings.Count(cut, "\n") != len(lines)-1 ||
		!strings.Contains(stderr, "audit verify") {
		t.Errorf("of a broken journal export exited %d, with %d lines\n%s", code, strings.Count(cut, "\n"), stderr)
	}
	if _, err := recompute(cut); err == nil {
		t.Error("the export of a broken journal has a whole chain")
	}
}

// failing fails as a full disk does.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// An export that could not be written whole is no success.
func TestExportToAFullDisk(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	e := &environment{stdin: strings.NewReader(""), stdout: failing{}, stderr: &bytes.Buffer{},
		interrupt: make(chan struct{})}
	if code := e.run([]string{"fleetup", "audit", "export", "--state", path}); code != fleet.ExitInternal {
		t.Errorf("it exited %d", code)
	}
}
