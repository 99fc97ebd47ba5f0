package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func withStateFile(t *testing.T, s Scenario, resources ...Resource) (*Cloud, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cloud.json")
	c, err := New(Config{Scenario: s, Vaults: fleet(), Resources: resources, StateFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, file
}

func reopen(t *testing.T, file string) *Cloud {
	t.Helper()
	c, err := Reopen(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A killed process leaves its cloud without Close; the next one finds the same.
func TestReopenFindsTheSameCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := fleet()
		c, file := withStateFile(t, Scenario{Duration: Duration{Constant: "30m"}, Faults: []Fault{
			{Kind: kindResetAfter, Vault: "alpha"},
			{Kind: kindStartBusy, Vault: "beta", Times: 2},
			{Kind: kindBusy, Vault: "delta", For: "10m"},
			{Kind: kindForeign, Vault: "gamma ray"},
			{Kind: kindProviderUnregistered, Subscription: lab},
		}})
		cl := inMemory(t, c)
		id := newID()
		cl.upgrade(v[0], id)
		wantStatus(t, cl.upgrade(v[0], newID()), 409)
		wantStatus(t, cl.upgrade(v[1], newID()), 409)
		wantStatus(t, cl.prereqs(v[3]), 409)
		wantStatus(t, cl.do(t.Context(), "POST",
			"/subscriptions/"+lab+"/providers/Microsoft.RecoveryServices/register?api-version=2021-04-01", "",
			postHeader("")), 200)
		wantStatus(t, cl.do(t.Context(), "GET", "/", "", postHeader("")), 404)
		time.Sleep(10 * time.Minute)
		foreign := cl.record(v[2]).OperationId
		before := c.Summary()

		c = reopen(t, file)
		cl = inMemory(t, c)
		after := c.Summary()
		before.Concurrent, after.Concurrent = nil, nil
		if !reflect.DeepEqual(before, after) {
			t.Errorf("before %+v\nafter  %+v", before, after)
		}
		if r := cl.record(v[0]); r.OperationId != id || r.Status != "InProgress" {
			t.Errorf("record %+v", r)
		}
		if got := cl.record(v[2]).OperationId; got != foreign {
			t.Errorf("the foreign operation was %s, is %s", foreign, got)
		}
		wantStatus(t, cl.upgrade(v[1], newID()), 409) // the second of two
		wantStatus(t, cl.upgrade(v[1], newID()), 200)
		wantStatus(t, cl.prereqs(v[3]), 200) // ten minutes since it was first asked
		wantStatus(t, cl.upgrade(v[3], newID()), 200)
		time.Sleep(20 * time.Minute)
		if r := cl.record(v[0]); r.Status != "Upgraded" {
			t.Errorf("record %+v", r)
		}
		s := reopen(t, file).Summary()
		if a, _ := s.Vault("contoso-prod", "alpha"); a.Accepted != 1 || a.SentAgain != 1 || a.Status != "Upgraded" ||
			s.Mistakes != 1 || s.MaxUpgrades != 3 {
			t.Errorf("summary %+v", s)
		}
	})
}

// watcher looks at the truth file at the moment an answer begins.
type watcher struct {
	*httptest.ResponseRecorder
	atAnswer func()
}

func (w *watcher) WriteHeader(status int) { w.atAnswer(); w.ResponseRecorder.WriteHeader(status) }

func TestStartIsOnDiskBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{})
	id, seen := newID(), false
	w := &watcher{ResponseRecorder: httptest.NewRecorder(), atAnswer: func() {
		b, err := os.ReadFile(file)
		seen = err == nil && strings.Contains(string(b), id)
	}}
	cl := &client{t: t}
	v := fleet()[0]
	req := newRequest(t, "POST", "http://emulator"+cl.path(v)+"/upgrade", input(v))
	req.Header = postHeader(id)
	c.ServeHTTP(w, req)
	if w.Code != 200 || !seen {
		t.Errorf("status %d, on disk before the answer: %v", w.Code, seen)
	}
}

// counted is a truth file that notes what was done to it.
type counted struct {
	*os.File
	did []string
}

func (c *counted) Write(b []byte) (int, error) {
	c.did = append(c.did, "write")
	return c.File.Write(b)
}
func (c *counted) Sync() error { c.did = append(c.did, "sync"); return c.File.Sync() }

// Only an accepted start waits for the disk.
func TestStartsAreSynced(t *testing.T) {
	t.Parallel()
	c, _ := withStateFile(t, Scenario{})
	f := &counted{File: c.stateFile.f.(*os.File)}
	c.stateFile.f = f
	cl := inMemory(t, c)
	cl.list(prod)
	cl.upgrade(fleet()[0], newID())
	cl.upgrade(fleet()[0], newID())
	if got := strings.Join(f.did, " "); got != "write write sync write" {
		t.Errorf("did %s", got)
	}
}

func TestTruthFileIsPrivateAndNeverOverwritten(t *testing.T) {
	t.Parallel()
	_, file := withStateFile(t, Scenario{})
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	before, _ := os.ReadFile(file)
	if _, err := New(Config{Vaults: fleet(), StateFile: file}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second cloud over the first: %v", err)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := New(Config{Vaults: fleet(), StateFile: filepath.Join(file, "x")}); err == nil {
		t.Error("a cloud in a directory that is a file")
	}
	if _, err := Reopen(file+".nowhere", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reopened nothing: %v", err)
	}
}

func TestTornAndDamagedTruthFiles(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{})
	cl := inMemory(t, c)
	wantStatus(t, cl.upgrade(fleet()[0], newID()), 200)
	wantStatus(t, cl.upgrade(fleet()[1], newID()), 200)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	last := lines[len(lines)-2]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

	tests := map[string]struct {
		content  []byte
		accepted int
		wrong    string
	}{
		"whole":                  {whole, 2, ""},
		"torn":                   {whole[:len(whole)-len(last)/2], 1, ""},
		"only the line end lost": {whole[:len(whole)-1], 1, ""},
		"zeros at the end":       {join(lines[0], lines[1], bytes.Repeat([]byte{0}, 5000)), 1, ""},
		"zeros and a line end":   {join(lines[0], lines[1], bytes.Repeat([]byte{0}, 100), []byte("\n")), 1, ""},
		"damage inside":          {join(lines[0], []byte("{\n"), lines[2]), 0, "line 2 is damaged"},
		"no header":              {join(lines[1], lines[2]), 0, "line 1 is damaged"},
		"torn header":            {lines[0][:40], 0, "line 1"},
		"empty":                  {nil, 0, "line 1"},
		"newer version": {join(bytes.Replace(lines[0], []byte(`"fleetupEmulator":1`),
			[]byte(`"fleetupEmulator":2`), 1)), 0, "version 2"},
		"another cloud's start": {join(lines[0], bytes.ReplaceAll(lines[1], []byte("alpha"), []byte("omega"))), 0,
			"does not have"},
		"a bad fault": {join(bytes.Replace(lines[0], []byte(`"scenario":{`), []byte(`"scenario":{"timeScale":-1,`), 1)),
			0, "timeScale"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "cloud.json")
			if err := os.WriteFile(file, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Reopen(file, nil)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) || !strings.Contains(err.Error(), file) {
					t.Fatalf("%v, want %q", err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := c.Summary(); s.Accepted != tt.accepted {
				t.Errorf("%d accepted, want %d", s.Accepted, tt.accepted)
			} else if n := s.Requests["upgrade"]; n != tt.accepted || len(s.Requests) > 1 {
				t.Errorf("requests %v", s.Requests)
			}
			if b, _ := os.ReadFile(file); !bytes.HasPrefix(whole, b) || !bytes.HasSuffix(b, []byte("\n")) {
				t.Errorf("left in the file: %q", b)
			}
			// What is written now follows the last good line.
			wantStatus(t, inMemory(t, c).upgrade(fleet()[3], newID()), 200)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if s := reopen(t, file).Summary(); s.Accepted != tt.accepted+1 {
				t.Errorf("%d accepted after one more", s.Accepted)
			}
		})
	}
}

func TestAStartThatCannotBeSavedIsNotAccepted(t *testing.T) {
	t.Parallel()
	c, _ := withStateFile(t, Scenario{})
	if err := c.stateFile.close(); err != nil {
		t.Fatal(err)
	}
	cl := inMemory(t, c)
	wantStatus(t, cl.upgrade(fleet()[0], newID()), 500, "Nothing was done", "truth file")
	if s := c.Summary(); s.Accepted != 0 {
		t.Errorf("%d accepted", s.Accepted)
	}
	wantStatus(t, cl.list(prod), 500) // nobody can say what is on disk: nothing more is decided
}

// Whatever a kill leaves of the file, a start that was answered is in it.
func TestKilledAtEveryByte(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{})
	cl := inMemory(t, c)
	head, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lengths := []int{len(head)}
	for _, v := range fleet()[:3] {
		wantStatus(t, cl.upgrade(v, newID()), 200)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, len(b))
		head = b
	}
	cut := filepath.Join(t.TempDir(), "cloud.json")
	for n := lengths[0]; n <= len(head); n += 7 {
		if err := os.WriteFile(cut, head[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		want := 0
		for want+1 < len(lengths) && lengths[want+1] <= n {
			want++
		}
		c, err := Reopen(cut, nil)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if s := c.Summary(); s.Accepted != want {
			t.Fatalf("cut at %d: %d accepted, %d answered", n, s.Accepted, want)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSummaryShowsDoubleStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t, Scenario{Duration: Duration{Constant: "10m"},
			Faults: []Fault{{Kind: kindFails, Vault: "alpha"}}})
		cl := inMemory(t, c)
		v := fleet()
		first := newID()
		wantStatus(t, cl.upgrade(v[0], first), 200)
		wantStatus(t, cl.upgrade(v[1], newID()), 200)
		wantStatus(t, cl.upgrade(v[3], newID()), 200)
		wantStatus(t, cl.upgrade(v[0], newID()), 409)
		time.Sleep(10 * time.Minute)
		wantStatus(t, cl.upgrade(v[0], first), 400, "earlier upgrade") // an ID is used once
		second := newID()
		wantStatus(t, cl.upgrade(v[0], second), 200)
		wantStatus(t, cl.upgrade(v[1], newID()), 400)
		wantStatus(t, cl.list(prod), 200)

		a := cl.do(t.Context(), "GET", "/_emulator/summary", "", nil)
		wantStatus(t, a, 200)
		var s Summary
		if err := json.Unmarshal([]byte(a.body), &s); err != nil {
			t.Fatal(err)
		}
		if s.Accepted != 4 || s.Refused != 3 || s.DoubleAccepted != 1 || s.SentAgain != 2 || s.Mistakes != 1 {
			t.Errorf("summary %s", a.body)
		}
		alpha, _ := s.Vault(prod, "alpha")
		if alpha.Accepted != 2 || fmt.Sprint(alpha.OperationIDs) != fmt.Sprint([]string{first, second}) ||
			alpha.Status != "InProgress" || alpha.SentAgain != 1 {
			t.Errorf("alpha %+v", alpha)
		}
		if s.MaxUpgrades != 3 || s.MaxByLocation["westus"] != 3 || s.Subscriptions[0].MaxUpgrades != 2 ||
			s.Subscriptions[1].MaxUpgrades != 1 || s.Subscriptions[0].Listings != 1 {
			t.Errorf("summary %s", a.body)
		}
		if s.Requests["upgrade"] != 7 || s.Requests["list"] != 1 {
			t.Errorf("requests %v", s.Requests)
		}
		if _, ok := s.Vault(lab, "alpha"); ok {
			t.Error("found a vault that is not there")
		}
	})
}

// However many starts of a vault come at once, one is accepted.
func TestStartsAtOnce(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{})
	cl := overLoopback(t, c)
	answers := make(chan int)
	for range 20 {
		go func() { answers <- cl.upgrade(fleet()[0], newID()).status }()
	}
	got := map[int]int{}
	for range 20 {
		got[<-answers]++
	}
	if got[200] != 1 || got[409] != 19 {
		t.Errorf("answers %v", got)
	}
	if s := reopen(t, file).Summary(); s.Accepted != 1 || s.SentAgain != 19 {
		t.Errorf("summary %+v", s)
	}
}

func BenchmarkStart(b *testing.B) {
	vaults := manyVaults(10_000)
	for _, file := range []string{"", filepath.Join(b.TempDir(), "cloud.json")} {
		b.Run(fmt.Sprintf("disk=%v", file != ""), func(b *testing.B) {
			var c *Cloud
			var cl *client
			for i := 0; b.Loop(); i++ {
				if i%len(vaults) == 0 {
					b.StopTimer()
					if c != nil {
						_ = c.Close()
						_ = os.Remove(file)
					}
					var err error
					if c, err = New(Config{Vaults: vaults, StateFile: file}); err != nil {
						b.Fatal(err)
					}
					cl = inMemory(b, c)
					b.StartTimer()
				}
				if a := cl.upgrade(vaults[i%len(vaults)], newID()); a.status != 200 {
					b.Fatal(a.body)
				}
			}
			_ = c.Close()
			_ = os.Remove(file)
		})
	}
}

func BenchmarkListing(b *testing.B) {
	c, err := New(Config{Vaults: manyVaults(10_000)})
	if err != nil {
		b.Fatal(err)
	}
	cl := inMemory(b, c)
	for b.Loop() {
		if a := cl.list(prod); a.status != 200 {
			b.Fatal(a.body)
		}
	}
}
