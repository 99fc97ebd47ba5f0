package report

import (
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ViewOptions is what a state does not know of itself.
type ViewOptions struct {
	Live bool      // a process holds the run right now
	Now  time.Time // for ages; zero: the time of the newest fact

	Evidence *Evidence // of the journal that the state was read from; nil: left out
}

// FromState returns the view of a run. It costs O(vaults) and does not keep or
// change the state.
func FromState(st *rollout.State, o ViewOptions) *View {
	now := o.Now
	if now.IsZero() {
		now = st.Run.LastAt
	}
	code := st.Verdict()
	v := &View{
		SchemaVersion: SchemaVersion,
		Run: Run{
			ID: st.Run.ID, Verdict: code.Name(), ExitCode: int(code), PlanFingerprint: or(st.Run.Fingerprint, st.Plan.Fingerprint),
			StartedAt: at(st.Run.OpenedAt), EndedAt: at(st.Run.ClosedAt), ResumedAt: at(st.Run.ResumedAt),
			UpdatedAt: at(st.Run.LastAt), GeneratedAt: at(now), Inventory: maybe(st.Plan.Inventory), Budget: budget(st.RunBudget()),
		},
		Evidence: o.Evidence,
		Totals:   newTotals(),
		Waves:    make([]Wave, len(st.Waves)),
		Vaults:   make([]Vault, len(st.Vaults)),
	}
	if h := st.Run.Halt; h != nil {
		v.Run.Halt, v.halted = haltOf(h, st.Run.HaltedAt), Halted(st.Plan, h)
	}
	if s := st.Run.Suspended; s != nil {
		v.Run.Suspended = &Suspension{s.Why, maybe(s.Detail)}
		if s.Why == fleet.SuspendedSignIn && !o.Live {
			v.Run.WaitingFor = maybe(fleet.SuspendedSignIn)
		}
		if s.Why == fleet.SuspendedWait && !o.Live {
			v.Run.WaitingFor = maybe(s.Detail)
			v.Run.Approved = waitsForApproval(s.Detail) && approved(st, now)
		}
	}
	for i := range st.Waves {
		v.Waves[i] = wave(st, i, now)
	}
	deferral := deferral(st, o.Live)
	names := Names(st.Plan)
	flying := false
	for i := range st.Vaults {
		vt := vaultOf(&st.Plan.Vaults[i], names[i], st.Waves[st.Plan.Vaults[i].Wave].Name)
		vt.fill(&st.Vaults[i], deferral)
		v.Vaults[i] = vt
		v.Totals[vt.Status]++
		v.Waves[st.Plan.Vaults[i].Wave].Totals[vt.Status]++
		flying = flying || vt.inFlight()
	}
	v.Run.Status = runStatus(st, o.Live, flying)
	return v
}

// runStatus says where the run stands as a whole. A halted run whose last
// upgrades are still followed is running.
func runStatus(st *rollout.State, live, flying bool) RunStatus {
	switch {
	case st.Run.Closed != nil:
		return RunFinished
	case st.Run.Halt != nil && !(live && flying):
		return RunHalted
	case live:
		return RunRunning
	case st.Run.Suspended != nil && st.Run.Suspended.Why == fleet.SuspendedWait:
		return RunWaiting
	}
	return RunInterrupted
}

// waitsForApproval tells the wait for an approval from that for a window, by the
// suspension's words.
func waitsForApproval(detail string) bool { return strings.HasPrefix(detail, "an approval") }

// approved reports whether the gate that the run stands before would open.
func approved(st *rollout.State, now time.Time) bool {
	w, when, ok := st.NextGate()
	return ok && st.CheckApproval(w, when, now) == nil
}

func wave(st *rollout.State, i int, now time.Time) Wave {
	ws := &st.Waves[i]
	w := Wave{Name: ws.Name, Totals: newTotals(), StartedAt: at(ws.OpenedAt), EndedAt: at(ws.DoneAt)}
	switch {
	case !ws.DoneAt.IsZero():
		w.Status = WaveFinished
		if st.CurrentWave() == i && i+1 < len(st.Waves) && ws.DoneAt.Add(st.Plan.Waves[i].Soak).After(now) {
			w.Status = WaveSoaking
			break
		}
		if next, when, ok := st.NextGate(); ok && next == i && when == fleet.GateAfter && st.CurrentWave() == i {
			w.Status = WaveAwaitingApproval
		}
	case ws.OpenedAt.IsZero() && awaits(st, i):
		w.Status = WaveAwaitingApproval
	case ws.OpenedAt.IsZero():
		w.Status = WavePending
	case st.Run.Halt != nil:
		w.Status = WaveHalted
	default:
		w.Status = WaveRunning
	}
	if b, ok := st.WaveBudget(i); ok {
		own := budget(b)
		w.Budget = &own
	}
	return w
}

// awaits reports whether a wave that is not open stands behind its own gate,
// and everything before it is done.
func awaits(st *rollout.State, i int) bool {
	next, when, ok := st.NextGate()
	if !ok || next != i || when != fleet.GateBefore || st.Run.ID == "" {
		return false
	}
	return i == 0 || !st.Waves[i-1].DoneAt.IsZero()
}

func budget(b rollout.Budget) Budget { return Budget{b.Limit, b.Failed, b.Unresolved, b.Base} }

// newTotals holds the counts that are shown even when they are 0.
func newTotals() map[fleet.Status]int {
	return map[fleet.Status]int{fleet.Upgraded: 0, fleet.Failed: 0, fleet.Unknown: 0}
}

// deferral is why vaults of the run that have not started cannot start now;
// empty when they can.
func deferral(st *rollout.State, live bool) string {
	switch {
	case st.Run.Closed != nil:
		return ""
	case st.Run.Halt != nil:
		return "the run is halted: " + Halted(st.Plan, st.Run.Halt)
	case live:
		return ""
	case st.Run.Suspended == nil:
		return "the run's process ended before it could start"
	case st.Run.Suspended.Why == fleet.SuspendedSignIn:
		return "a sign-in or permission is missing: " + or(st.Run.Suspended.Detail, "the cloud refused")
	}
	return "the run was stopped before it could start"
}

// vaultOf describes a vault of the plan before anything is known of its run.
func vaultOf(v *plan.Vault, name, wave string) Vault {
	return Vault{
		Vault: name, SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName, Name: v.Name,
		Location: v.Location, ResourceType: v.ResourceType, TargetResourceGroup: v.TargetResourceGroup,
		Labels: labels(v.Labels), Wave: wave, Status: fleet.Pending, RequestIDs: []string{}, Findings: []Finding{},
	}
}

// fill adds what a run knows. deferral, unless empty, is why the vault shows
// deferred if it has not started.
func (v *Vault) fill(s *rollout.VaultState, deferral string) {
	v.Status, v.OperationID, v.Attempt = s.Status, maybe(s.OperationID), s.Attempt
	v.StartedAt, v.EndedAt, v.UpgradedResourceID = at(s.StartedAt), at(s.EndedAt), maybe(s.UpgradedResourceID)
	v.RequestIDs, v.Findings, v.Reason = list(s.RequestIDs), findings(s.Findings), maybe(s.Reason)
	v.Foreign = s.Foreign && s.Status == fleet.Upgrading
	v.Overdue = s.Overdue && s.Status == fleet.Upgrading
	v.Carried, v.Reopened, v.Accepted = s.Carried, s.Reopened, s.Forgiven
	v.Unresolved = s.Status == fleet.Unknown && !s.Final
	if deferral == "" {
		return
	}
	switch s.Status {
	case fleet.Pending, fleet.Ready, fleet.Validating:
		v.Status = fleet.Deferred
		if s.Reason != "" {
			deferral += "; before that: " + s.Reason
		}
		v.Reason = maybe(deferral)
	}
}
