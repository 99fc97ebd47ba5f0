package layout

import (
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// A message is broken between words; a command to paste never is, and one that a
// sentence names keeps its two words together.
func TestMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"one two three four five", "one two three four\n  five"},
		{"Next: fleetup plan a.yaml", "Next:\n  fleetup plan a.yaml"},
		{"Next, to look once more: fleetup status --state fleet.db",
			"Next, to look once\n  more:\n  fleetup status --state fleet.db"},
		{"Then: az account show", "Then:\n  az account show"},
		{"look at it: one fleetup refresh reads", "look at it: one\n  fleetup refresh\n  reads"},
		{"a name with a\u00a0space of its own", "a name with a\u00a0space\n  of its own"},
	} {
		if got := Message(c.in, 20); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
		if got := Message(c.in, 0); got != c.in {
			t.Errorf("off a terminal %q becomes %q", c.in, got)
		}
	}
	if got := Message("one "+KeepTogether("two three four"), 0); got != "one two three four" {
		t.Errorf("a bond is shown: %q", got)
	}
	if n := text.StringWidth(NoBreak); n != 1 || Columns(NoBreak) != 1 {
		t.Errorf("a bond takes %d columns", n)
	}
}

// Where spare columns do not suffice, heads and cells are broken between words; where
// that would leave too little, each row is an entry of a list. Nothing is wider than the
// terminal, and no column but a spare one goes.
func TestGridNarrow(t *testing.T) {
	t.Parallel()
	g := Grid{Head: []string{"WAVE", "AT ONCE", "HALTS AFTER", "END p50", "THEN"}, Right: map[int]bool{1: true},
		Spare: []int{3}, Wrap: true,
		Rows: [][]string{{"canary", "10", "32 in the run", "Mon 14:36", "30m soak, approval"},
			{"customer-facing", "4", "2 failures", "Mon 18:00", ""}}}
	for width, want := range map[int]string{
		80: "WAVE             AT ONCE  HALTS AFTER    END p50    THEN\n" +
			"canary                10  32 in the run  Mon 14:36  30m soak, approval\n" +
			"customer-facing        4  2 failures     Mon 18:00\n",
		60: "WAVE             AT ONCE  HALTS AFTER    THEN\n" +
			"canary                10  32 in the run  30m soak, approval\n" +
			"customer-facing        4  2 failures\n  (not shown at 60 columns: END p50)\n",
		58: "WAVE             AT ONCE  HALTS AFTER   THEN\n" +
			"canary                10  32 in the     30m soak, approval\n                          run\n" +
			"customer-facing        4  2 failures\n  (not shown at 58 columns: END p50)\n",
		40: "canary\n    AT ONCE 10 · HALTS AFTER 32 in the\n    run · THEN 30m soak, approval\n" +
			"customer-facing\n    AT ONCE 4 · HALTS AFTER 2 failures\n  (not shown at 40 columns: END p50)\n",
	} {
		p := &Page{}
		p.Table(g)
		var b strings.Builder
		if err := p.WriteTerminal(&b, width); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("at %d columns:\n%swant\n%s", width, b.String(), want)
		}
	}
}
