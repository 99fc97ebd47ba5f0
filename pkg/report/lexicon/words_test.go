package lexicon

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A time is as short as leaves no doubt: beyond most of a year its year counts
// more than its minute.
func TestNear(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 23, 3, 30, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		2 * day: "Wed 03:30", 7 * day: "Mon 30 Nov 03:30", 299 * day: "Sat 18 Sep 2027 03:30",
		5 * 7 * day: "Mon 28 Dec 03:30", 69 * day: "Sun 31 Jan 2027 03:30", -400 * day: "Sun 19 Oct 2025 03:30",
		301 * day: "20 Sep 2027", -day: "Sun 22 Nov 03:30",
	} {
		if got := ClockIn(time.UTC).Near(now.Add(d), now); got != want {
			t.Errorf("in %s: %q, want %q", d, got, want)
		}
	}
	if got := ClockIn(time.UTC).Near(time.Time{}, now); got != "-" {
		t.Errorf("no time: %q", got)
	}
}

// Every order has words: without them nobody who watches would learn of it.
func TestEveryOrderHasWords(t *testing.T) {
	t.Parallel()
	orders := 0
	for _, name := range fleet.FactNames() {
		var e fleet.Event
		if err := json.Unmarshal([]byte(`{"at":"2026-03-16T11:00:00Z","fact":"`+name+`","data":{}}`), &e); err != nil {
			continue // it cannot be empty: no order is like that
		}
		if _, ok := e.Fact.(fleet.RunOrder); !ok {
			continue
		}
		orders++
		if w, ok := OperatorActionOf(e.Fact); !ok || w.Kind == "" || w.Text == "" {
			t.Errorf("%s: %+v", name, w)
		}
	}
	if orders < 4 {
		t.Errorf("%d orders were looked at", orders)
	}
}

// TestSoonNamesTheDay: the minute alone is of today, as the zone has it, and not far away.
func TestSoonNamesTheDay(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("Berlin", 3600)
	now := time.Date(2026, 11, 30, 22, 50, 0, 0, time.UTC) // 23:50 there
	for after, want := range map[time.Duration]string{
		5 * time.Minute: "23:55", 30 * time.Minute: "Tue 00:20", -2 * time.Hour: "21:50", 0: "23:50"} {
		if got := ClockIn(berlin).Soon(now.Add(after), now); got != want {
			t.Errorf("%s from then is %q, want %q", after, got, want)
		}
	}
	if got := ClockIn(berlin).Soon(now.Add(-5*time.Hour), now.Add(-23*time.Hour)); got != "Mon 18:50" {
		t.Errorf("eighteen hours ahead on one day: %q", got)
	}
}

// TestSentence: a text becomes a sentence once, and an address at its end stays one that
// can be opened: nothing follows it directly.
func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " it is so ": "It is so.", "It is so.": "It is so.", "Is it?": "Is it?",
		"see https://aka.ms/agent":       "See https://aka.ms/agent .",
		"see https://aka.ms/agent there": "See https://aka.ms/agent there.",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
