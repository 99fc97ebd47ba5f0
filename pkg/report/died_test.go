package report

import (
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// A crash is only noticed by the resume. It stands behind the last that the process did,
// before what people said to the ledger since, however many entries came before.
func TestACrashStandsBeforeWhatWasSaidSince(t *testing.T) {
	t.Parallel()
	for before := range firstEntries + 3 {
		told, st := NewTimelineBuilder(), rollout.NewState(reporttest.FixturePlan())
		minute := 0
		add := func(f fleet.Fact) {
			minute++
			told.Add(st, fleet.Event{At: reporttest.T0.Add(time.Duration(minute) * time.Minute), Fact: f})
		}
		add(fleet.RunOpened{})
		for range before {
			add(fleet.WaveOpened{Wave: "canary"})
		}
		lived := reporttest.T0.Add(time.Duration(minute) * time.Minute)
		add(fleet.Noted{Text: "it went away"})
		add(fleet.Reopened{Vault: st.Plan.Vaults[0].Key, Reason: "support says so"})
		add(fleet.Resumed{})
		v := FromState(st, ViewOptions{Timeline: told})
		var kinds []string
		for _, e := range v.Timeline.Entries[before:] {
			if kinds = append(kinds, e.Kind); e.Kind == "died" && !e.At.Time.Equal(lived) {
				t.Errorf("%d waves: it died at %s, the last it did was at %s", before, e.At.Time, lived)
			}
		}
		if got := fmt.Sprint(kinds[1:]); got != "[died note reopened resumed]" {
			t.Errorf("%d waves: %s", before, got)
		}
	}
}
