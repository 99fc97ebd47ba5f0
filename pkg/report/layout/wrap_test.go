package layout

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
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
	g := Grid{Head: []string{"NAME", "A", "B", "WHY"}, Right: map[int]bool{2: true}, Spare: []int{1, 2},
		Rows: [][]string{{"sql-01", strings.Repeat("a", 20), strings.Repeat("9", 20), strings.Repeat("because ", 10)}}}
	for _, c := range []struct {
		wrap  bool
		width int
		want  string
	}{
		{true, 0, "NAME A B WHY"},    // no terminal
		{true, 72, "NAME A B WHY"},   // the last column is wrapped first
		{true, 71, "NAME B WHY"},     //
		{true, 49, "NAME WHY"},       //
		{true, 20, "NAME WHY"},       // hopeless: the least
		{false, 200, "NAME A B WHY"}, //
		{false, 130, "NAME B WHY"},
	} {
		g.Wrap = c.wrap
		less, missing := g.within(c.width)
		if got := strings.Join(less.Head, " "); got != c.want {
			t.Errorf("width %d, wrap %v: %s, want %s", c.width, c.wrap, got, c.want)
		}
		var left []string
		for _, head := range g.Head {
			if !slices.Contains(less.Head, head) {
				left = append(left, head)
			}
		}
		if !slices.Equal(missing, left) {
			t.Errorf("width %d: %q are missing, %q are said to be", c.width, left, missing)
		}
		if n := len(less.Head); len(less.Rows[0]) != n || n == 3 && !less.Right[1] {
			t.Errorf("width %d: row %q, right %v", c.width, less.Rows[0], less.Right)
		}
	}
}

func TestMarkdownCannotBeBroken(t *testing.T) {
	t.Parallel()
	got := lexicon.Markdown("a|b `c` <img src=x> *d* _e_ [f](g) # ~h~ & \\ \n")
	want := "a\\|b \\`c\\` &lt;img src=x&gt; \\*d\\* \\_e\\_ \\[f\\](g) \\# \\~h\\~ &amp; \\\\ \\\\x0a"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for in, want := range map[string]string{"- a": `\- a`, "+ a": `\+ a`, "12. a": `12\. a`, "1) a": `1\) a`,
		"12": "12", "===": `\===`} {
		if got := markdownLine(in); got != want {
			t.Errorf("markdownLine(%q) is %q, want %q", in, got, want)
		}
	}
	var b bytes.Buffer
	page := &Page{}
	page.Verbatim("x\n```` y\nz")
	if err := page.writeMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if want := "`````text\nx\n```` y\nz\n`````\n"; b.String() != want {
		t.Errorf("a fence reads %q, want %q", b.String(), want)
	}
	for in, want := range map[string]string{"run": "`run`", "a`b": "`` a`b ``", "``": "``` `` ```"} {
		if got := lexicon.CodeSpan(in); got != want {
			t.Errorf("codeSpan(%q) is %q, want %q", in, got, want)
		}
	}
}

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
	p := &Page{}
	p.Line("until 2026-03-16T12:00:00Z")
	p.Pair("Ends", "2026-03-16T12:00:00Z")
	p.Table(Grid{Head: []string{"WHY"}, Rows: [][]string{{"2026-03-16T12:00:00Z"}}})
	p.Command("Next", "fleetup note 2026-03-16T12:00:00Z")
	p.Verbatim("Started: 2026-03-16T12:00:00Z")
	p.Zoned(lexicon.ClockIn(zone), now)
	b := p.Blocks
	if b[0].text != "until Mon 23:00" || b[1].value != "Mon 23:00" || b[2].grid.Rows[0][0] != "Mon 23:00" ||
		b[3].value != "fleetup note 2026-03-16T12:00:00Z" || b[4].text != "Started: 2026-03-16T12:00:00Z" {
		t.Errorf("the page reads %+v", b)
	}
}
