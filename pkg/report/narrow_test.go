package report

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

func TestWrapped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in            string
		width, indent int
		want          string
	}{
		{"one two three", 0, 2, "one two three"},
		{"one two three", 13, 2, "one two three"},
		{"one two three", 12, 2, "one two\n  three"},
		{"one two three", 5, 2, "one\n  two\n  three"},
		{"  one two", 7, 4, "  one\n    two"},
		{"/a/very/long/path and", 8, 2, "/a/very/long/path\n  and"},
		{"größe über alles", 10, 1, "größe über\n alles"},
		{"", 10, 2, ""},
	} {
		if got := wrapped(c.in, c.width, c.indent); got != c.want {
			t.Errorf("wrapped(%q, %d) is %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestGridWithin(t *testing.T) {
	t.Parallel()
	g := grid{head: []string{"NAME", "A", "B", "WHY"}, right: map[int]bool{2: true}, spare: []int{1, 2},
		rows: [][]string{{"sql-01", strings.Repeat("a", 20), strings.Repeat("9", 20), strings.Repeat("because ", 10)}}}
	for _, c := range []struct {
		wrap  bool
		width int
		want  string
	}{
		{true, 0, "NAME A B WHY"},    // no terminal
		{true, 72, "NAME A B WHY"},   // the last column is wrapped first
		{true, 71, "NAME B WHY"},     //
		{true, 49, "NAME WHY"},       //
		{true, 20, "NAME A B WHY"},   // hopeless: everything
		{false, 200, "NAME A B WHY"}, //
		{false, 130, "NAME B WHY"},
	} {
		g.wrap = c.wrap
		less := g.within(c.width)
		if got := strings.Join(less.head, " "); got != c.want {
			t.Errorf("width %d, wrap %v: %s, want %s", c.width, c.wrap, got, c.want)
		}
		if n := len(less.head); len(less.rows[0]) != n || n == 3 && !less.right[1] {
			t.Errorf("width %d: row %q, right %v", c.width, less.rows[0], less.right)
		}
	}
}

// TestPagesFitTheTerminal: at 80 columns nothing is wider, but for what is
// copied as a whole.
func TestPagesFitTheTerminal(t *testing.T) {
	t.Parallel()
	view := FromState(haltedNight(t).st, ViewOptions{Now: t0})
	var b bytes.Buffer
	if err := Status(&b, view, Options{State: "fleet.db", Width: 80}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if w := text.StringWidth(strings.TrimRight(line, "\n")); w > 80 && !strings.Contains(line, ": fleetup ") {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

// Every page breaks between words at any width: a word of the narrow page is a
// word of the wide one, and what is to be pasted stands on one line.
func TestPagesBreakBetweenWords(t *testing.T) {
	t.Parallel()
	now := t0.Add(9 * time.Hour)
	views := map[string]*View{
		"busy": busyNight(t).view(ViewOptions{Live: true, Now: now}), "halted": haltedNight(t).view(ViewOptions{Now: now}),
		"finished": finishedNight(t).view(ViewOptions{Now: now, Evidence: &Evidence{Events: 5312, JournalHead: strings.Repeat("ab", 32)}}),
	}
	pages := map[string]func(width int) string{}
	for name, v := range views {
		for what, write := range map[string]func(io.Writer, *View, Options) error{"status": Status, "report": Report} {
			pages[what+" "+name] = func(width int) string {
				var b bytes.Buffer
				if err := write(&b, v, Options{Zone: sydney, State: "contoso.db", Width: width}); err != nil {
					t.Fatal(err)
				}
				return b.String()
			}
		}
	}
	p := todayPlan(kindAlerts)
	p50, p90, err := Forecasts(p, t0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pages["plan"] = func(width int) string {
		var b bytes.Buffer
		if err := Plan(&b, p, PlanOptions{Zone: sydney, Now: t0, P50: &p50, P90: &p90, Upgrade: p.Upgrade, Width: width}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, page := range pages {
		whole := page(0)
		words := map[string]bool{}
		for _, w := range strings.Fields(whole) {
			words[w] = true
		}
		for _, width := range []int{60, 72, 80, 100, 120} {
			narrow := page(width)
			for _, w := range strings.Fields(narrow) {
				if !words[w] {
					t.Errorf("%s at %d columns has %q, which is a part of a word", name, width, w)
				}
			}
			if strings.Contains(narrow, bond) {
				t.Errorf("%s at %d columns has a space that cannot be pasted", name, width)
			}
			for _, command := range []string{"fleetup audit verify --head", "fleetup permissions alerts.yaml"} {
				if strings.Contains(whole, command) && !strings.Contains(narrow, command) {
					t.Errorf("%s at %d columns breaks %q:\n%s", name, width, command, narrow)
				}
			}
		}
	}
}

// A command that is too long for a line of the live view goes on as a shell goes
// on with it; no argument is parted.
func TestLiveCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	tr := NewTracker(canaryDone(t).st)
	tr.Ledger = "a folder/it's long/and longer/contoso.db"
	want := ApproveArgs("canary")
	for width := 60; width <= 200; width += 10 {
		all := strings.Join(tr.Live(t0.Add(110*time.Minute), width, 40, false), "\n")
		_, command, ok := strings.Cut(all, "fleetup ")
		command, _, _ = strings.Cut("fleetup "+command, "\nENDS")
		command = strings.Join(strings.Fields(strings.ReplaceAll(command, "\\\n", " ")), " ")
		if !ok || command != Command(append(want, "--state", tr.Ledger)...) {
			t.Errorf("at %d columns %q:\n%s", width, command, all)
		}
	}
	if got := shellWords(`fleetup approve --reason 'it'\''s fine' --state 'a b.db'`); !slices.Equal(got,
		[]string{"fleetup", "approve", "--reason", `'it'\''s fine'`, "--state", "'a b.db'"}) {
		t.Errorf("%q", got)
	}
}
