package report

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// TestAnAcceptedStartIsInDoubtNoMore: the task of a vault whose start the service took,
// and of which nothing more could be read, does not put the start in doubt.
func TestAnAcceptedStartIsInDoubtNoMore(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][2]string{
		fleet.CodeUnconfirmed: {"the start was accepted, and how it ended is not known",
			"The service accepted it, and may still carry it out. Look at"},
		fleet.CodeAnswerLost: {"the start may have been accepted", "Look at"},
	} {
		a := &Action{task: &standing.Task{Code: code}, about: []*Vault{{Name: "web"}}}
		title, detail := (&View{}).unknownWords(a, lexicon.Clock{})
		if !strings.HasSuffix(title, ": "+want[0]) || !strings.HasPrefix(detail, want[1]) {
			t.Errorf("%s: %q, %q", code, title, detail)
		}
	}
}
