package report

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A page has its times in one zone, those in sentences of the journal among
// them; what is to be copied keeps UTC.
func TestZoned(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	zone := time.FixedZone("AEDT", 11*3600)
	for in, want := range map[string]string{
		"the window that opens 2026-03-16T12:00:00Z":    "the window that opens Mon 23:00",
		"ended 2026-03-15T22:30:00.5Z; operation x":     "ended Mon 16 Mar 09:30; operation x",
		"expired at 2026-03-16T13:00Z":                  "expired at Tue 00:00",
		"9833dcf1-2026-11-30 05:54:22Z-P":               "9833dcf1-2026-11-30 05:54:22Z-P",
		"2026-13-45T12:00:00Z and x2026-03-16T12:00:00": "2026-13-45T12:00:00Z and x2026-03-16T12:00:00",
	} {
		if got := Zoned(in, zone, now); got != want {
			t.Errorf("%q reads %q, want %q", in, got, want)
		}
	}
	p := &page{}
	p.line("until 2026-03-16T12:00:00Z")
	p.pair("Ends", "2026-03-16T12:00:00Z")
	p.table(grid{head: []string{"WHY"}, rows: [][]string{{"2026-03-16T12:00:00Z"}}})
	p.command("Next", "fleetup note 2026-03-16T12:00:00Z")
	p.verbatim("Started: 2026-03-16T12:00:00Z")
	p.zoned(clockIn(zone), now)
	b := p.blocks
	if b[0].text != "until Mon 23:00" || b[1].value != "Mon 23:00" || b[2].grid.rows[0][0] != "Mon 23:00" ||
		b[3].value != "fleetup note 2026-03-16T12:00:00Z" || b[4].text != "Started: 2026-03-16T12:00:00Z" {
		t.Errorf("the page reads %+v", b)
	}
}

// A line of progress and the timeline say a suspension's time in their zone.
func TestLinesAreZoned(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("AEDT", 11*3600)
	n := newNight(t)
	e := fleet.Event{At: t0, Fact: fleet.RunSuspended{Why: fleet.SuspendedWait, Until: t0.Truncate(24 * time.Hour).Add(12 * time.Hour), Code: fleet.ExitInterrupted}}
	if err := n.st.Apply(e); err != nil {
		t.Fatal(err)
	}
	got := Lines(NewTracker(n.st), n.st, []fleet.Event{e}, zone)
	want := Zoned("the window that opens 2026-03-16T12:00:00Z", zone, t0)
	if len(got) != 1 || !strings.Contains(got[0], want) || strings.Contains(got[0], "Z") {
		t.Errorf("the line is %q, want it to have %q", got, want)
	}
}
