package dryrun

import (
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// Unfinished is the run that a ledger's next one has to wait for.
type Unfinished struct {
	Run   string   `json:"id"`
	Phase string   `json:"phase"` // as status says it
	Next  []string `json:"next"`  // the commands that it wants, the first one first
	steps []report.Step
	path  string
}

// UnfinishedRun is a run of the ledger at a path that is not closed, in a phase; steps are
// what it wants.
func UnfinishedRun(run, phase, path string, steps []report.Step) *Unfinished {
	u := &Unfinished{Run: run, Phase: phase, Next: []string{}, steps: steps, path: path}
	for _, s := range steps {
		u.Next = append(u.Next, s.On(path))
	}
	return u
}

// says is that no run of the plan can begin now.
func (u *Unfinished) says(p *layout.Page) {
	p.Line("%s: run %s of this ledger is not over, and a run of this plan begins only when it is. The plan is of "+
		"what the run has left so far.",
		"UNFINISHED, "+strings.ToUpper(u.Phase), u.Run)
}

// earlierRuns are the runs that left what a plan shows: the unfinished one, where there is
// one, among them.
func earlierRuns(unfinished *Unfinished) string {
	if unfinished != nil {
		return "the ledger's runs"
	}
	return "earlier runs"
}

// notTriedAgain is the heading of the vaults that no run starts because of those runs.
// Where the newest run is of another kind reopen would refuse them: this plan's comes first.
func notTriedAgain(unfinished *Unfinished, reopens bool) string {
	s := "NOT TRIED AGAIN: failed or unknown from " + earlierRuns(unfinished) + "; "
	if !reopens {
		s += "after the next run of this plan "
	}
	return s + layout.KeepTogether("fleetup reopen") + " permits another try"
}
