package report

import (
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Flight is an upgrade that may be under way (standing.Flight), as JSON shows it.
type Flight struct {
	Vault       string       `json:"vault"`
	Wave        string       `json:"wave"`
	Status      fleet.Status `json:"status"`
	StartedAt   *Time        `json:"startedAt"`
	Seconds     *int64       `json:"seconds"`     // how old it is; null: nobody knows
	Late        *string      `json:"late"`        // past-median, beyond-p90 or overdue; null: on time
	Foreign     bool         `json:"foreign"`     // somebody else's: nobody counts it among what is in flight
	ExpectedEnd *ExpectedEnd `json:"expectedEnd"` // null: nobody knows

	Is standing.Flight `json:"-"`
}

// flightsOf describes flights by the names of the plan's vaults.
func flightsOf(st *rollout.State, names []string, fs []standing.Flight) []Flight {
	out := make([]Flight, len(fs))
	for i, f := range fs {
		out[i] = Flight{Vault: names[f.Vault], Wave: st.Waves[st.Plan.Vaults[f.Vault].Wave].Name, Status: f.Status,
			StartedAt: TimeOrNull(f.Since),
			Late:      StringOrNull(string(f.Late)), Foreign: f.Foreign, ExpectedEnd: ExpectedEndOf(f.Ends, nil), Is: f}
		if !f.Since.IsZero() {
			s := int64(f.Age.Seconds())
			out[i].Seconds = &s
		}
	}
	return out
}

// Flying counts what is in flight.
func (v *View) Flying() (c standing.FlightCount) {
	fs := make([]standing.Flight, len(v.InFlight))
	for i := range v.InFlight {
		fs[i] = v.InFlight[i].Is
	}
	return standing.CountFlights(fs)
}

// flights lists what is in flight.
func (v *View) flights(p *layout.Page, c lexicon.Clock) {
	if len(v.InFlight) == 0 {
		return
	}
	vaults := map[string]*Vault{}
	for i := range v.Vaults {
		vaults[v.Vaults[i].Vault] = &v.Vaults[i]
	}
	n, others := v.Flying(), ""
	if n.Foreign > 0 {
		others = ", " + lexicon.Number(n.Foreign) + " not ours"
	}
	p.Section("IN FLIGHT: %s%s", lexicon.Vaults(n.Ours), others)
	g := layout.Grid{Head: []string{"VAULT", "STATUS", "STARTED", "AGE", "OPERATION", "NOTE"},
		Right: map[int]bool{3: true}, Spare: []int{4, 2}, Wrap: true}
	for i := range v.InFlight {
		f, age := &v.InFlight[i], "-"
		if !f.Is.Since.IsZero() {
			age = lexicon.Span(f.Is.Age)
		}
		notes := []string{lexicon.LateWord(f.Is.Late)}
		if r := ValueOf(vaults[f.Vault].Reason); r != "" {
			notes = append(notes, r)
		} else if f.Foreign {
			notes = append(notes, "not ours")
		}
		g.Rows = append(g.Rows, []string{f.Vault, v.words().Status(f.Status), c.Full(f.StartedAt.Value()), age,
			lexicon.Or(f.Is.OperationID, "-"),
			lexicon.Or(strings.TrimPrefix(strings.Join(notes, "; "), "; "), "-")})
	}
	p.Table(g)
}
