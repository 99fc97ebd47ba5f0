package report

import (
	"io"
	"strconv"
	"time"
)

// RunRow is a run in the list of a ledger's runs.
type RunRow struct {
	ID              string        `json:"id"`
	Status          string        `json:"status"` // finished, interrupted, or running when a process carries it out
	Verdict         *string       `json:"verdict"`
	ExitCode        *int          `json:"exitCode"` // null until it is finished
	PlanFingerprint string        `json:"planFingerprint"`
	StartedAt       *Time         `json:"startedAt"`
	EndedAt         *Time         `json:"endedAt"`
	Took            time.Duration `json:"-"`
}

// Runs writes the list of a ledger's runs, the oldest first.
func Runs(w io.Writer, rows []RunRow, o Options) error {
	c := clockIn(o.Zone)
	g := grid{head: []string{"RUN", "STATUS", "STARTED", "ENDED", "TOOK", "EXIT", "PLAN"}, right: map[int]bool{5: true}, spare: []int{6, 3}}
	for _, r := range rows {
		ended, took, code := "-", "-", "-"
		if r.EndedAt != nil {
			ended, took, code = c.full(r.EndedAt.Time), span(r.Took), strconv.Itoa(*r.ExitCode)+" "+*r.Verdict
		}
		g.rows = append(g.rows, []string{r.ID, r.Status, c.full(r.StartedAt.value()), ended, took, code, elideHash(r.PlanFingerprint)})
	}
	p := &page{}
	p.title("RUNS %d%stimes %s", len(rows), dot, c)
	p.table(g)
	p.command("Next", command("report", o.State))
	if len(rows) > 1 {
		p.command("Next, for an earlier run", command("report", "--run", rows[len(rows)-2].ID, o.State))
	}
	return p.writeTerminal(w, o.Width)
}
