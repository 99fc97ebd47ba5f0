package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// eachText visits every text in a value that is no word of this program's own.
func eachText(v reflect.Value, path string, visit func(path string, text reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			visit(path, v)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), path, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), path, visit)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if k.Type() == reflect.TypeFor[string]() {
				visit(path, k)
			}
			eachText(v.MapIndex(k), path, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				eachText(v.Field(i), path+"."+f.Name, visit)
			}
		}
	}
}

// TestEveryTextIsCleaned: whatever of a view came from outside comes to the page clean,
// and the view itself stays as it is.
func TestEveryTextIsCleaned(t *testing.T) {
	t.Parallel()
	v := troubledNight(60)
	v.Selector = ptr("a")
	v.Run.Note = &report.Note{By: ptr("a"), Text: "a"}
	v.Run.Closed = &report.Closure{By: ptr("a"), Reason: ptr("a")}
	v.Run.InAdvance = &report.Approval{Wave: "a", By: ptr("a"), Reason: ptr("a")}
	v.Run.Halt = &report.Halt{Scope: "a", Sentence: "a", SameError: ptr("a")}
	v.Run.WaitingFor = ptr("a")
	v.Timeline.Entries[0].By, v.Timeline.Entries[0].Detail, v.Timeline.Entries[0].Vault = ptr("a"), ptr("a"), ptr("a")
	// words of this program, made later
	v.Checklist, v.Actions, v.Proof, v.Evidence, v.Headline = nil, nil, nil, nil, nil
	own := map[string]bool{".Next.When": true, ".Timeline.Entries.Kind": true, ".Run.Verdict": true,
		".Run.InAdvance.When": true,
		".Next.Command":       true} // this one is made, and quoted, of what is clean
	eachText(reflect.ValueOf(v), "", func(_ string, text reflect.Value) {
		if text.CanSet() {
			text.SetString(hostileReason)
		}
	})
	unclean := map[string]bool{}
	eachText(reflect.ValueOf(cleaned(v)), "", func(path string, text reflect.Value) {
		if !own[path] && text.String() != lexicon.Clean(text.String()) {
			unclean[path] = true
		}
	})
	for path := range unclean {
		t.Errorf("View%s is not cleaned", path)
	}
	if v.Run.ID != hostileReason || v.Vaults[0].Name != hostileReason || v.InFlight[0].Vault != hostileReason {
		t.Error("the view itself was changed")
	}
}

// TestPackedOverANetwork: an answer is packed for who takes it packed, unless it stays
// on this machine; a proxy here (another Host) and a client elsewhere are a network.
func TestPackedOverANetwork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		remote, host, takes string
		packed              bool
	}{
		{"127.0.0.1:1", "localhost:8080", "gzip", false},
		{"127.0.0.1:1", "fleet.example", "gzip", true},
		{"192.0.2.1:1", "localhost:8080", "gzip", true},
		{"192.0.2.1:1", "fleet.example", "gzip", true},
		{"192.0.2.1:1", "fleet.example", "br", false},
		{"127.0.0.1:1", "localhost:8080", "br", false},
	} {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		r.RemoteAddr, r.Host = c.remote, c.host
		r.Header.Set("Accept-Encoding", c.takes)
		(&Server{}).answer(w, r, "text/plain",
			func(w io.Writer) error { _, err := io.WriteString(w, "said"); return err })
		if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != c.packed || !packed &&
			w.Body.String() != "said" {
			t.Errorf("%+v: packed %v, %q", c, packed, w.Body)
		}
	}
	w := httptest.NewRecorder()
	(&Server{}).answer(w, httptest.NewRequest(http.MethodGet, "/", nil), "text/plain",
		func(io.Writer) error { return errors.New("\x1b[2Jno") })
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "\x1b") {
		t.Errorf("an answer that cannot be made is %d %q", w.Code, w.Body)
	}
}

// TestGuessesAreForWhoWatches: the end of a run is foreseen for as long as somebody
// watches, and who watches is told of a new guess at once.
func TestGuessesAreForWhoWatches(t *testing.T) {
	t.Parallel()
	d := newLiveHub(Run{State: rollout.NewState(fleetPlan(1))}, "b", func() time.Time { return began })
	if d.ends.Wanted() {
		t.Error("it is wanted where nobody watches")
	}
	d.watchers[&watcher{}] = true
	if !d.ends.Wanted() {
		t.Error("it is not wanted where somebody watches")
	}
	d.changed = false
	d.ends.Made()
	select {
	case <-d.wake:
	default:
		t.Error("a new guess wakes nobody")
	}
	if !d.changed {
		t.Error("a new guess is no change")
	}
}

// TestAFactThatDoesNotFitIsTold: a page that cannot follow its run says so and stays as
// it was.
func TestAFactThatDoesNotFitIsTold(t *testing.T) {
	t.Parallel()
	p := fleetPlan(1)
	d := newLiveHub(Run{State: rollout.NewState(p)}, "b", func() time.Time { return began })
	events := func(facts ...fleet.Fact) (es []fleet.Event) {
		for _, f := range facts {
			es = append(es, fleet.Event{At: began, Fact: f})
		}
		return es
	}
	d.add(events(fleet.RunOpened{RunID: "r"}, fleet.Verified{Vault: p.Vaults[0].Key}, fleet.Paused{Reason: "r"}))
	d.fold()
	if d.broken == nil || !strings.Contains(d.broken.Error(), "a fact that it cannot follow") ||
		d.run.State.Run.Paused != nil {
		t.Fatalf("it went on, %v", d.broken)
	}
	d.add(events(fleet.Paused{Reason: "r"}))
	if d.fold(); d.run.State.Run.Paused != nil {
		t.Error("it went on after that")
	}
}

// TestPartsOfATask: what a task says of itself and of its vaults.
func TestPartsOfATask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		title, detail, want string
	}{{"2 vaults wait", "for a window", "for a window"}, {"2 vaults wait for a window", "for a window", ""}} {
		if got := detailBeside(&report.Action{Title: c.title, Detail: &c.detail}); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	for code, want := range map[fleet.Status]fleet.Status{fleet.Busy: fleet.Busy, fleet.Deferred: fleet.Deferred,
		fleet.Failed: fleet.Blocked, "": fleet.Blocked} {
		if got := iconOf(&report.Action{Do: standing.TaskWait, Code: ptr(string(code))}); got != want {
			t.Errorf("waiting for %q has the icon of %s", code, got)
		}
	}
	x := &report.Vault{Vault: "prod/v", Reason: ptr("it failed"), OperationID: ptr("op"), StartedAt: after(0),
		EndedAt: after(time.Hour), ResourceID: ptr("/v"), RequestIDs: []string{"q"}}
	for do, want := range map[standing.TaskKind]string{
		standing.TaskSupport: "Why, Operation, Ended",
		standing.TaskReopen:  "Why, Operation, Ended, Resource ID, Request IDs",
		standing.TaskDecide:  "Why, Operation, Started, Gave up, Look at, Request IDs",
		standing.TaskMend:    "",
	} {
		var names []string
		for _, p := range taskVaultOf(x, 0, &report.Action{Do: do}, clock{time.UTC, began}).Pairs {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%s: got %s, want %s", do, got, want)
		}
	}
	for n, open := range map[int]bool{shownAtOnce: true, shownAtOnce + 1: false} {
		v := &report.View{}
		a := report.Action{Do: standing.TaskMend, Person: true}
		for i := range n {
			v.Vaults = append(v.Vaults, report.Vault{Vault: fmt.Sprint("prod/v", i)})
			a.Vaults = append(a.Vaults, v.Vaults[i].Vault)
		}
		v.Actions = []report.Action{a}
		if ts, _ := tasksOf(v, clock{time.UTC, began}, 0); len(ts) != 1 || ts[0].Open != open ||
			len(ts[0].Vaults) != n {
			t.Errorf("a task of %d vaults: %+v", n, ts)
		}
	}
	told := func(name string) task {
		one := taskVault{Pairs: []pair{{name, "the same"}}}
		tk := task{Vaults: []taskVault{one, one}}
		tk.lift()
		return tk
	}
	if !reflect.DeepEqual(told("Why").Vaults,
		[]taskVault{{Pairs: []pair{{"Why", "the same"}}}, {Pairs: []pair{{"Why", "the same"}}}}) {
		t.Error("what is no message was lifted out of the vaults")
	}
	if tk := told("Message"); len(tk.Vaults[0].Pairs) != 0 {
		t.Errorf("a message that all have is said for each: %+v", tk)
	}
}
