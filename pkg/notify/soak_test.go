package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestSoakOfARunThatIsClosed: a wave that ends in a run which is being closed is followed
// by nothing, so nobody is told of its soak.
func TestSoakOfARunThatIsClosed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	for _, closing := range []bool{false, true} {
		st := rollout.NewState(&plan.Plan{Waves: []plan.Wave{{Name: "canary", Soak: 30 * time.Minute}, {Name: "rest"}}})
		facts := []fleet.Fact{fleet.RunOpened{RunID: "r1", Changed: map[string]time.Time{"canary": at}},
			fleet.WaveOpened{Wave: "canary"}}
		if closing {
			facts = append(facts, fleet.Stopped{Close: true, By: fleet.Actor{User: "ops"}, Reason: "withdrawn"})
		}
		told, said := report.NewTimelineBuilder(), ""
		for _, f := range append(facts, fleet.WaveDone{Wave: "canary"}) {
			e := fleet.Event{At: at, Fact: f}
			if err := st.Apply(e); err != nil {
				t.Fatal(err)
			}
			told.Add(st, e)
			for _, ev := range NewEventBuilder(0).Events(st, []fleet.Event{e}) {
				said += ev.Data.Sentence + "\n"
			}
		}
		for where, soaks := range map[string]bool{
			"a notification": strings.Contains(said, "It soaks until"),
			"the timeline": slices.ContainsFunc(
				report.FromState(st, report.ViewOptions{Timeline: told}).Timeline.Entries,
				func(e report.Entry) bool { return e.Kind == "soak" }),
		} {
			if soaks == closing {
				t.Errorf("closing %t: %s tells of a soak: %t", closing, where, soaks)
			}
		}
	}
}
