package report

import (
	"bytes"
	"strings"
	"testing"

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
