package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// disk is a file that takes so many bytes, and says when it is written to.
type disk struct {
	mu   sync.Mutex
	b    bytes.Buffer
	room int
	err  error
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, _ := d.b.Write(p[:min(len(p), d.room)])
	if d.room -= n; n < len(p) {
		return n, d.err
	}
	return n, nil
}

func (d *disk) grow(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += n
}

// complaints counts what a sink says.
type complaints struct {
	mu   sync.Mutex
	all  []error
	said chan struct{}
}

func newComplaints() *complaints { return &complaints{said: make(chan struct{}, 10)} }

func (c *complaints) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, err)
	c.said <- struct{}{}
}

func line(i int) []byte { return fmt.Appendf(nil, "time=%04d\n", i) }

// All lines are written, in order, from many goroutines' hands.
func TestSinkWritesEveryLine(t *testing.T) {
	t.Parallel()
	d, c := &disk{room: 1 << 20}, newComplaints()
	s := newSink(d, c.add)
	for i := range 1000 {
		if n, err := s.Write(line(i)); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	}
	s.close(time.Minute)
	var want bytes.Buffer
	for i := range 1000 {
		want.Write(line(i))
	}
	if d.b.String() != want.String() || len(c.all) > 0 || s.missing() > 0 {
		t.Errorf("%d bytes of %d written, %v said, %d lost", d.b.Len(), want.Len(), c.all, s.missing())
	}
	if n, err := s.Write(line(1)); n != 10 || err != nil || s.missing() != 1 {
		t.Errorf("after its end: %d, %v, %d lost", n, err, s.missing())
	}
}

// A full disk costs lines and one sentence. With room again, whole lines follow.
func TestSinkOnAFullDisk(t *testing.T) {
	t.Parallel()
	d, c := &disk{room: 25, err: syscall.ENOSPC}, newComplaints()
	s := newSink(d, c.add)
	var five []byte
	for i := range 5 {
		five = append(five, line(i)...)
	}
	if n, err := s.Write(five); n != 50 || err != nil {
		t.Fatal(n, err)
	}
	<-c.said
	if _, err := s.Write(line(5)); err != nil {
		t.Fatal(err)
	}
	for s.missing() < 4 { // the third is torn, and none of those behind it fits
		time.Sleep(time.Millisecond)
	}
	d.grow(1000)
	_, _ = s.Write(line(6))
	s.close(time.Minute)
	if want := "time=0000\ntime=0001\ntime=\ntime=0006\n"; d.b.String() != want {
		t.Errorf("written %q, want %q", d.b.String(), want)
	}
	if len(c.all) != 1 || !errors.Is(c.all[0], syscall.ENOSPC) || s.missing() != 4 {
		t.Errorf("said %v, %d lost", c.all, s.missing())
	}
}

// A file that takes nothing holds nobody up: neither a writer, nor the end.
func TestSinkOnADeadFile(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	c := newComplaints()
	s := newSink(writerFunc(func(p []byte) (int, error) { <-stuck; return len(p), nil }), c.add)
	big := append(bytes.Repeat([]byte("x"), 1<<20), '\n')
	for range 40 {
		if n, err := s.Write(big); n != len(big) || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(c.all) != 1 || !errors.Is(c.all[0], errSlow) || s.missing() < 40-2*(sinkLimit>>20)-1 {
		t.Errorf("said %v, %d lost", c.all, s.missing())
	}
	s.close(time.Millisecond)
}

// Every fact's line names it, its vault and its operation; no text that
// somebody wrote is in it.
func TestFactsAreLogged(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	write := logFacts(slog.New(logHandler(&b, "json", "")))
	at := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	const words = "words of somebody"
	by := fleet.Actor{User: "ann", Host: "jump1"}
	write([]fleet.Event{
		{At: at, Fact: fleet.RunOpened{RunID: "r1", By: by}},
		{At: at, Fact: fleet.StartIntended{Vault: "k", OperationID: "op-1", Attempt: 2}},
		{At: at, Fact: fleet.StartAnswered{Vault: "k", OperationID: "op-1",
			Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 503, RequestID: "req", Message: words}}},
		{At: at, Fact: fleet.Reopened{Vault: "k", By: by, Reason: words, Case: words}},
		{At: at, Fact: fleet.Validated{Vault: "k", Verdict: fleet.VerdictBlocked, RequestIDs: []string{"q1"},
			Findings: []fleet.Finding{{Message: words}}}},
		{At: at, Fact: fleet.RunHalted{Scope: "run", Failures: 3, Budget: 2}},
		{At: at, Fact: fleet.RunSuspended{Why: fleet.SuspendedSignal, Detail: words, Code: fleet.ExitInterrupted}},
	})
	var got []map[string]any
	for l := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, "time")
		if m["msg"] != "fact" || m["at"] != "2026-03-16T22:00:00Z" {
			t.Errorf("line %s", l)
		}
		delete(m, "msg")
		delete(m, "at")
		got = append(got, m)
	}
	want := []map[string]any{
		{"level": "INFO", "fact": "RunOpened", "run": "r1", "by": "ann@jump1"},
		{"level": "INFO", "fact": "StartIntended", "vault": "k", "operationId": "op-1", "attempt": 2.},
		{"level": "WARN", "fact": "StartAnswered", "vault": "k", "operationId": "op-1", "verdict": "unknown",
			"status": 503., "code": "", "requestId": "req"},
		{"level": "INFO", "fact": "Reopened", "vault": "k", "by": "ann@jump1"},
		{"level": "INFO", "fact": "Validated", "vault": "k", "verdict": "blocked", "requestIds": []any{"q1"}},
		{"level": "WARN", "fact": "RunHalted", "scope": "run", "failures": 3., "budget": 2.},
		{"level": "WARN", "fact": "RunSuspended", "why": "signal", "exit": 5.},
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("line %d is\n%v, want\n%v", i+1, got[i], want[i])
		}
	}
	if logFacts(slog.New(logHandler(&b, "", "error"))) != nil {
		t.Error("facts are logged above warn")
	}
}

// A name typed wrong does not write into somebody's file.
func TestAppendLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, holds string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(holds), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, tt := range map[string]struct {
		path    string
		want    error
		mistake bool
	}{
		"new":          {filepath.Join(dir, "new.log"), nil, false},
		"empty":        {path("empty", ""), nil, false},
		"text":         {path("text", "time=2026-01-01T00:00:00Z level=INFO msg=begin\n"), nil, false},
		"json":         {path("json", `{"time":"2026-01-01T00:00:00Z"}`+"\n"), nil, false},
		"an inventory": {path("fleet.yaml", "apiVersion: fleetup/v1\n"), errNoLog, false},
		"short":        {path("short", "ti"), errNoLog, false},
		"a device":     {os.DevNull, nil, false},
		"a folder":     {dir, syscall.EISDIR, true},
		"nowhere":      {filepath.Join(dir, "no", "x"), os.ErrNotExist, true},
	} {
		f, err := appendLog(tt.path)
		if !errors.Is(err, tt.want) || isMistake(err) != tt.mistake {
			t.Errorf("%s: got %v", name, err)
		}
		if err == nil {
			_ = f.Close()
		}
	}
	torn := path("torn", `{"time":"2026-01-01T00:00:00Z"}`+"\n"+`{"time":"2026-01`)
	f, err := appendLog(torn)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("{}\n")
	_ = f.Close()
	if got, err := os.ReadFile(torn); !strings.HasSuffix(string(got), `{"time":"2026-01`+"\n{}\n") {
		t.Errorf("after a line that a kill has torn: %q, %v", got, err)
	}
	if i, err := os.Stat(filepath.Join(dir, "new.log")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("a new log: %v, %v", i, err)
	}
}
