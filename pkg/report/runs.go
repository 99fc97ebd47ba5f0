package report

import (
	"io"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// RunRow is a run in the list of a ledger's runs.
type RunRow struct {
	ID string `json:"id"`
	// finished, interrupted, or running when a process carries it out; Phase tells more
	Status          string  `json:"status"`
	Verdict         *string `json:"verdict"`
	ExitCode        *int    `json:"exitCode"`  // null until it is finished
	KindName        *string `json:"kind"`      // null: its plan cannot be read
	Direction       *string `json:"direction"` // which way the kind takes the vaults
	PlanFingerprint string  `json:"planFingerprint"`
	StartedAt       *Time   `json:"startedAt"`
	EndedAt         *Time   `json:"endedAt"`
	// vaults that a person's closing of the run left to the next one
	NeverStarted int     `json:"neverStarted"`
	Phase        *string `json:"phase"` // as status says it; null: its journal cannot be read
	// the exit code of an unfinished run that no process carries out; else null
	Standing *ExitAs       `json:"standing"`
	Took     time.Duration `json:"-"`
	Kind     fleet.Kind    `json:"-"` // see Of
}

// ExitAs is an exit code with its name.
type ExitAs struct {
	ExitCode int    `json:"exitCode"`
	Verdict  string `json:"verdict"`
}

// Of says of which kind the run was; empty where nobody knows.
func (r *RunRow) Of(k fleet.Kind) {
	if r.Kind = k; k != "" {
		r.KindName, r.Direction = StringOrNull(string(k)), StringOrNull(string(k.Direction()))
	}
}

// Ended says how a run that is over is called, by the vaults that it left to the next one.
func (r *RunRow) Ended(neverStarted int) {
	r.NeverStarted, r.Phase = neverStarted, StringOrNull(string(standing.Ended(neverStarted)))
}

// Stands says where an unfinished run stands, in the words and with the exit code of its
// status: the run goes on by what halted it, or by what it waits for. One that is closed
// is left as it is. It costs O(vaults).
func (r *RunRow) Stands(st *rollout.State, live bool, now time.Time) {
	if st.Run.Closed != nil {
		return
	}
	phase := standing.PhaseOf(st, live, now)
	r.Phase = StringOrNull(string(phase))
	if code := st.Verdict(); !live {
		r.Standing = &ExitAs{int(code), code.Name()}
	}
}

// RunsNext is what to type next after the list of a ledger's runs.
func RunsNext(rows []RunRow) []Step {
	var steps []standing.Step
	if n := len(rows); n > 0 {
		newest := "report"
		if rows[n-1].EndedAt == nil {
			newest = "status" // it says what the run needs
		}
		steps = append(steps, standing.Step{Args: []string{newest}})
		if n > 1 {
			steps = append(steps, standing.Step{For: standing.ToEarlier, Instead: true,
				Args: []string{"report", "--run", rows[n-2].ID}})
		}
	}
	return Steps(steps)
}

// Runs writes the list of a ledger's runs, the oldest first.
func Runs(w io.Writer, rows []RunRow, o Options) error {
	c := lexicon.ClockIn(o.Zone)
	g := layout.Grid{Head: []string{"RUN", "STATUS", "STARTED", "ENDED", "TOOK", "EXIT", "PLAN", "KIND"},
		Right: map[int]bool{5: true}, Spare: []int{6, 3}}
	for _, r := range rows {
		ended, took, code, kind := "-", "-", "-", "-"
		if r.EndedAt != nil {
			ended, took = c.Full(r.EndedAt.Time), lexicon.Span(r.Took)
		}
		if r.ExitCode != nil {
			code = strconv.Itoa(*r.ExitCode) + " (" + *r.Verdict + ")"
		} else if s := r.Standing; s != nil {
			code = strconv.Itoa(s.ExitCode) + " (" + s.Verdict + ")"
		}
		status := lexicon.Or(ValueOf(r.Phase), r.Status)
		if r.NeverStarted > 0 {
			status = "closed, " + lexicon.NeverStarted(r.NeverStarted)
		}
		if r.Kind != "" {
			kind = lexicon.KindWords(r.Kind)
		}
		g.Rows = append(g.Rows, []string{r.ID, status, c.Full(r.StartedAt.Value()), ended, took, code,
			lexicon.ElideHash(r.PlanFingerprint), kind})
	}
	p := &layout.Page{}
	p.Title("RUNS %d%stimes %s", len(rows), lexicon.Dot, c)
	p.Table(g)
	NextLines(p, RunsNext(rows), o.State)
	return p.WriteTerminal(w, o.Width)
}
