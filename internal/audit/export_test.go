package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What would steer a terminal, or would not be the same again, is not written as
// it is stored.
func TestExportIsHarmless(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{"{\"a\":\"\u009b2J\"}", "{\"a\":\n1}", "{\"a\":\"\u202e\"}", "{\"a\":\xff}",
		"no JSON", ""} {
		var b bytes.Buffer
		if err := writeEvidence(&b, exportLine{Seq: 1}, "data", []byte(stored)); err != nil {
			t.Fatal(err)
		}
		var line struct{ DataBase64 []byte }
		err := json.Unmarshal(b.Bytes(), &line)
		if err != nil || string(line.DataBase64) != stored || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%q became %q, %v", stored, b.String(), err)
		}
	}
	var b bytes.Buffer
	if err := writeEvidence(&b, exportLine{Seq: 1}, "data", []byte(`{"b" : 1}`)); err != nil ||
		!strings.HasSuffix(b.String(), `,"data":{"b" : 1}}`+"\n") {
		t.Errorf("harmless bytes became %q, %v", b.String(), err)
	}
}

// TestEveryFactIsSaidInWords: an auditor reads sentences, not names of types.
func TestEveryFactIsSaidInWords(t *testing.T) {
	t.Parallel()
	for _, name := range fleet.FactNames() {
		var e fleet.Event
		if err := json.Unmarshal(fmt.Appendf(nil, `{"at":"2026-03-16T11:00:00Z","fact":%q,"data":{}}`,
			name), &e); err != nil {
			t.Fatal(err)
		}
		if s := Sentence(e.Fact, fleet.DirectionUpgrade); s == name || !strings.Contains(s, " ") {
			t.Errorf("%s is said as %q: words.go has no sentence for it", name, s)
		}
	}
	for _, d := range []fleet.Deadline{fleet.DeadlineBusy, fleet.DeadlineReconcile, fleet.DeadlineOverdue,
		fleet.DeadlineAttempts, fleet.DeadlineWindow, fleet.DeadlineFollow} {
		s := Sentence(fleet.DeadlinePassed{Deadline: d}, fleet.DirectionUpgrade)
		if means, ok := strings.CutSuffix(s, fmt.Sprintf(" (deadline %s)", d)); !ok || means == "passed a deadline" ||
			strings.Contains(s, "reached") {
			t.Errorf("the deadline %s is said as %q", d, s)
		}
	}
}
