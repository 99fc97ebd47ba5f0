package report

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// ViewOptions is what a state does not know of itself.
type ViewOptions struct {
	Live bool      // a process holds the run right now
	Now  time.Time // for ages; zero: the time of the newest fact

	// Outlook is when it is expected to end (rollout.Foresee); the zero one: no
	// guess was made.
	Outlook rollout.Outlook

	Evidence *Evidence // of the journal that the state was read from; nil: left out

	// Later is the ID of the ledger's newest run, where this is an earlier one.
	Later string
	// TakenUp are the vaults that a later run has: what is to be done about them is told
	// there.
	TakenUp map[fleet.Key]bool

	// Chronicle is what the run's journal tells besides; nil: the journal was
	// not read, and the view has no timeline.
	Timeline *TimelineBuilder
	// Selector, unless nil, picks the vaults that are shown, and Selection is
	// how the user wrote it. What is said of others is left out.
	Selector  *plan.Selector
	Selection string
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
			ID: st.Run.ID, Verdict: code.Name(), ExitCode: int(code),
			PlanFingerprint: lexicon.Or(st.Run.Fingerprint, st.Plan.Fingerprint),
			StartedAt:       TimeOrNull(st.Run.OpenedAt), EndedAt: TimeOrNull(st.Run.ClosedAt),
			ResumedAt: TimeOrNull(st.Run.ResumedAt),
			UpdatedAt: TimeOrNull(st.Run.LastAt), GeneratedAt: TimeOrNull(now),
			Inventory: StringOrNull(st.Plan.Inventory), Budget: runBudget(st),
			StartedBy: StringOrNull(st.Run.By.User), Live: o.Live,
			Elsewhere: !o.Live && st.Elsewhere() && !st.LeftHalted(),
			Kind:      st.Plan.Kind, Direction: st.Plan.Kind.Direction(), Permanent: st.Plan.Upgrade == nil ||
				st.Plan.Upgrade.Permanent,
		},
		Totals: newTotals(), Waves: make([]Wave, len(st.Waves)), Subscriptions: []Subscription{}, Actions: []Action{},
		Checklist: []string{}, Vaults: make([]Vault, 0, len(st.Vaults)), Timeline: Timeline{Entries: []Entry{}},
		Evidence: o.Evidence,
	}
	remaining := standing.RemainingOf(st, o.Outlook, now, o.Live)
	if !v.Run.Elsewhere { // it may be further than anybody here knows
		v.Run.ExpectedEnd = ExpectedEndOf(remaining.Likely, remaining.If)
	}
	if v.Run.Closing = st.Closing() && st.Run.Closed == nil; v.Run.Closing {
		v.Run.ClosingBy = &Closing{StringOrNull(st.Run.Stopped.By.User), StringOrNull(st.Run.Stopped.Reason)}
	}
	v.Run.Note = NoteOf(st)
	v.Run.Limits = limitsOf(st)
	v.Run.InAdvance = approvalOf(standing.GivenInAdvance(st, now))
	if h := st.Run.Halt; h != nil {
		v.Run.Halt = HaltOf(st.Plan, h, st.Run.HaltedAt)
		v.Run.Halt.Sentence = lexicon.HaltedNow(st)
	}
	if s := st.Run.Suspended; s != nil {
		v.Run.Suspended = suspensionOf(s)
		switch held := !o.Live && st.Run.Closed == nil; { // a closed run waits for nothing, however its process left it
		case held && s.Why == fleet.SuspendedSignIn:
			v.Run.WaitingFor = StringOrNull(fleet.SuspendedSignIn)
		case held && s.Why == fleet.SuspendedWait:
			v.Run.WaitingFor = v.Run.Suspended.Detail
			v.Run.Approved = s.Gate != "" && standing.Approved(st, now)
		}
	}
	for i := range st.Waves {
		v.Waves[i] = wave(st, i, o.Live, now)
		if i < len(remaining.Waves) {
			v.Waves[i].ExpectedEnd = ExpectedEndOf(remaining.Waves[i], remaining.If)
		}
	}
	earlier, kept, left, ahead, shown := 0, 0, 0, 0, make([]int, 0, len(st.Vaults))
	deferral, windows := deferral(st, o), standing.NewWindows(st.Plan, now)
	names := st.Plan.Names()
	subs := map[string]int{}
	for i := range st.Vaults {
		pv := &st.Plan.Vaults[i]
		if o.Selector != nil && !o.Selector.Picks(&pv.Vault) {
			continue
		}
		vt := VaultOf(pv, names[i], st.Waves[pv.Wave].Name)
		vt.TakenUp = o.TakenUp[pv.Key]
		vt.fill(&st.Vaults[i], deferral, v.words())
		vt.Meanwhile = st.Meanwhile(i)
		if st.Vaults[i].DoneEarlier() {
			earlier++
		}
		if vt.ahead && vt.Earlier {
			ahead++
		}
		if st.Vaults[i].HeldAfterwards() {
			kept++
		}
		if st.Vaults[i].NeverStarted() {
			left++
		}
		vt.Reads, vt.GaveUpAt = o.Timeline.readsOf(i), TimeOrNull(o.Timeline.gaveUpAt(i))
		if vt.Sent > 0 { // so the permission was used
			vt.EarlierOperations = slices.DeleteFunc(slices.Clone(o.Timeline.permittedAfter(i)),
				func(id string) bool { return id == st.Vaults[i].OperationID }) // permitted after this one
		}
		if st.Run.Closed == nil && vt.waits() {
			vt.NextWindow = TimeOrNull(windows.Opens(i))
		}
		shown, v.Vaults = append(shown, i), append(v.Vaults, vt)
		v.Totals[vt.Status]++
		v.Waves[pv.Wave].Totals[vt.Status]++
		sub, known := subs[pv.SubscriptionID]
		if !known {
			sub = len(v.Subscriptions)
			subs[pv.SubscriptionID] = sub
			v.Subscriptions = append(v.Subscriptions, subscription(st, pv, now))
		}
		v.Subscriptions[sub].Totals[vt.Status]++
	}
	v.InFlight = flightsOf(st, names, standing.Flights(st, slices.Values(shown), now))
	for i := range v.Waves {
		v.Waves[i].Group = groupOf(v.Waves[i].Totals)
	}
	for i := range v.Subscriptions {
		v.Subscriptions[i].Group = groupOf(v.Subscriptions[i].Totals)
	}
	v.Overall = lexicon.CountOverall(func(s fleet.Status) int { return v.Totals[s] }, earlier, kept, ahead)
	v.Run.Waits = []Wait{}
	v.Run.Waits = append(v.Run.Waits, waitsOf(standing.Shown(st, o.Live, now), st.Plan)...)
	if w := HoldsUp(v.Run.Waits); o.Live && w != nil {
		v.Run.WaitingFor = StringOrNull(w.Text)
	} else if v.Run.WaitingFor == nil && len(v.Run.Waits) > 0 && v.Run.Waits[0].For == standing.WaitPause {
		v.Run.WaitingFor = StringOrNull(v.Run.Waits[0].Text)
	}
	look := standing.TaskOptions{Live: o.Live, Now: now, Vaults: shown, TakenUp: o.TakenUp, Later: o.Later != ""}
	v.Tasks = standing.Tasks(st, look)
	v.steps, v.toApprove = standing.Following(st, v.Tasks, look), standing.NeedsApproval(st, o.Live, now)
	place := make(map[int]int, len(shown))
	for at, i := range shown {
		place[i] = at
	}
	for i := range v.Tasks {
		for j, n := range v.Tasks[i].Vaults {
			v.Tasks[i].Vaults[j] = place[n]
		}
	}
	v.Run.Later = StringOrNull(o.Later)
	v.Run.Phase = standing.PhaseOf(st, o.Live, now)
	v.Run.Status = statusOf(v.Run.Phase)
	if v.Run.Phase == standing.Closed {
		v.Run.Closed = &Closure{StringOrNull(st.Run.Stopped.By.User), StringOrNull(st.Run.Stopped.Reason), left}
	}
	v.Run.Night, v.Run.NextWindow = v.night(st, windows, o.Timeline.lastSign()), v.nextWindow()
	if v.Totals[fleet.Upgraded] > 0 {
		v.Checklist = slices.Clone(checklist)
		if up := st.Plan.Upgrade; up != nil {
			v.Checklist = ListOrEmpty(slices.Clone(up.After))
		}
	}
	ours := func(h *fleet.RunHalted) bool { // by a budget that a vault which is shown counts in
		part := plan.HaltedPart(h)
		return part == nil || slices.ContainsFunc(shown,
			func(i int) bool { return part.Key(&st.Plan.Vaults[i]) == h.Scope })
	}
	o.Timeline.tell(v, names, func(i int) bool {
		return o.Selector == nil ||
			o.Selector.Picks(&st.Plan.Vaults[i].Vault)
	}, ours)
	if o.Selector != nil {
		v.Selector = StringOrNull(o.Selection)
		v.keepToItself(func(id string) bool { _, ok := subs[id]; return ok }, st.Run.Halt == nil || ours(st.Run.Halt))
	}
	return v
}

// subscription describes a subscription of which nothing is counted yet.
func subscription(st *rollout.State, v *plan.Vault, now time.Time) Subscription {
	s := Subscription{ID: v.SubscriptionID, Name: v.SubscriptionName, Totals: newTotals()}
	if b, ok := st.PartBudget(fleet.PartSubscription, v.SubscriptionID); ok {
		own := BudgetOf(b)
		s.Budget = &own
	}
	if until := st.Throttled[v.SubscriptionID]; until.After(now) {
		s.ThrottledUntil = TimeOrNull(until)
	}
	return s
}

func wave(st *rollout.State, i int, live bool, now time.Time) Wave {
	ws := &st.Waves[i]
	w := Wave{Name: ws.Name, Totals: newTotals(), StartedAt: TimeOrNull(ws.OpenedAt), EndedAt: TimeOrNull(ws.DoneAt)}
	w.Status, _ = standing.WaveOf(st, i, true, now) // programs know it by this name, whoever carries the run out
	if stands, _ := standing.WaveOf(st, i, live, now); w.Status == standing.WaveRunning {
		w.left = stands
	}
	if b, ok := st.WaveBudget(i); ok {
		own := BudgetOf(b)
		w.Budget = &own
	}
	return w
}

// BudgetOf is a budget as JSON shows it.
func BudgetOf(b rollout.Budget) Budget {
	return Budget{Limit: b.Limit, Used: b.Failed, Unresolved: b.Unresolved, Base: b.Base}
}

// runBudget is the run's own budget with what does not count in it: of all vaults,
// whichever are shown.
func runBudget(st *rollout.State) Budget {
	b := BudgetOf(st.RunBudget())
	for i := range st.Vaults {
		switch v := &st.Vaults[i]; {
		case v.Carried && v.Status == fleet.Failed:
			b.Carried++
		case v.Forgiven && !v.Carried:
			b.Accepted++
		}
	}
	return b
}

// newTotals holds the counts that are shown even when they are 0.
func newTotals() map[fleet.Status]int {
	return map[fleet.Status]int{fleet.Upgraded: 0, fleet.Failed: 0, fleet.Unknown: 0}
}

func groupOf(totals map[fleet.Status]int) lexicon.Group {
	return lexicon.CountGroup(func(s fleet.Status) int { return totals[s] })
}

// deferral is why vaults of the run that have not started cannot start now;
// empty when they can. A view of some vaults names no others.
func deferral(st *rollout.State, o ViewOptions) string {
	because := func(what, why string) string {
		if o.Selector != nil {
			return what
		}
		return what + why
	}
	switch standing.KeptBy(st, o.Live) {
	case standing.KeptByClosing:
		if o.Selector != nil {
			return "the run was closed by a person before it could start"
		}
		return "the run was closed before it could start, by " + st.Run.Stopped.By.User + ": " + st.Run.Stopped.Reason
	case standing.KeptByHalt:
		if o.Selector != nil {
			return "the run is halted by a failure budget"
		}
		return "the run is halted: " + lexicon.HaltedNow(st)
	case standing.KeptByCrash:
		return "the run's process ended before it could start"
	case standing.KeptBySignIn:
		return because("a sign-in or permission is missing",
			": "+lexicon.Or(SuspendedDetail(st.Run.Suspended), "the cloud refused"))
	case standing.KeptByGate:
		return "the run waits for " + SuspendedDetail(st.Run.Suspended)
	case standing.KeptByWindow:
		return "the run waits for its window"
	case standing.KeptByPause:
		if st.Run.Paused == nil {
			return "the run was left in a pause, which is over"
		}
		return because("the run is paused", ", by "+st.Run.Paused.By.User+": "+st.Run.Paused.Reason)
	case standing.KeptByStop:
		return "the run was stopped before it could start"
	}
	return ""
}

// VaultOf describes a vault of the plan before anything is known of its run.
func VaultOf(v *plan.Vault, name, wave string) Vault {
	x := Vault{
		Vault: name, SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName, Name: v.Name,
		Location: v.Location, ResourceType: v.ResourceType, TargetResourceGroup: StringOrNull(v.TargetResourceGroup),
		Labels: labels(v.Labels), Wave: wave, Status: fleet.Pending, RequestIDs: []string{}, Findings: []Finding{},
		Reads: []Read{},
	}
	if v.ResourceGroup != "" {
		x.ResourceGroup, x.ResourceID = StringOrNull(v.ResourceGroup), StringOrNull(v.ResourceID())
	}
	x.Unheld = v.Unheld()
	if v.Hold != nil {
		x.HeldUntil, x.HeldBy = TimeOrNull(v.Hold.Until), StringOrNull(v.Hold.By)
	}
	return x
}

// fill adds what a run knows, in the words of its kind. deferral, unless empty, is why the
// vault shows deferred if it has not started.
func (v *Vault) fill(s *rollout.VaultState, deferral string, w *lexicon.Wording) {
	v.Status, v.OperationID, v.Attempt, v.Sent = s.Status, StringOrNull(s.OperationID), s.Attempt, s.Sent
	v.StartedAt, v.EndedAt, v.UpgradedResourceID = TimeOrNull(s.StartedAt), TimeOrNull(s.EndedAt),
		StringOrNull(s.UpgradedResourceID)
	v.EndedLate = s.EndedLate
	v.RequestIDs, v.Findings, v.Reason = ListOrEmpty(s.RequestIDs), FindingsOf(saidOnce(s.Findings)),
		StringOrNull(s.Reason)
	v.Foreign = s.Foreign && s.Status == fleet.Upgrading
	v.Overdue = s.Overdue && s.Status == fleet.Upgrading
	v.RefreshedAt = TimeOrNull(s.RefreshedAt)
	if r := s.Reading; r != nil && (s.Status == fleet.Upgrading || s.Status == fleet.Unknown) {
		v.LastReading = &LastReading{At: TimeOrNull(r.At), What: r.What, Differs: ListOrEmpty(r.Differs),
			Poll: StringOrNull(r.Poll), Action: StringOrNull(r.Action)}
	}
	v.Earlier = s.DoneEarlier() || s.HeldAfterwards()
	v.Carried, v.Reopened, v.Accepted = s.Carried, s.Reopened, s.Forgiven
	if v.Permitted = s.Permit != nil && !v.TakenUp; v.Permitted { // whether to try again is decided
		v.Reason = StringOrNull(rollout.ReopenedBy(s.Permit))
		for i := range v.Findings {
			if v.Findings[i].Severity == fleet.SeverityError {
				v.Findings[i].Action = StringOrNull("Nothing more: it is re-opened, and the next run tries it.")
			}
		}
	}
	v.Unresolved = s.Status == fleet.Unknown && !s.Final
	if s.Status != fleet.Excluded {
		v.HeldUntil, v.HeldBy = nil, nil // the hold was lifted for this run
	}
	switch v.Status = standing.ShownAs(s, deferral != ""); {
	case s.LeftDone():
		if v.ahead = v.Status != fleet.Already; !v.ahead {
			v.Reason = StringOrNull(notLookedAt(s.Earlier, w))
		}
	case v.Status == fleet.Deferred:
		if s.Reason != "" {
			deferral += beforeThat + s.Reason
		}
		v.Reason = StringOrNull(deferral)
	}
}

// unsettled are the findings but for the errors of a vault that is as wanted for all that:
// the answer of its start was lost, say, and reading has shown that it was upgraded. The
// story and the JSON keep those, and nobody is to look into them any more.
func (v *Vault) unsettled() (out []Finding) {
	for _, f := range v.Findings {
		if !v.settled() || f.Severity != fleet.SeverityError {
			out = append(out, f)
		}
	}
	return out
}

// settled reports whether the vault is as wanted, whatever was found on the way.
func (v *Vault) settled() bool { return v.Status == fleet.Upgraded || v.Status == fleet.Already }

// saidOnce leaves out what a refresh has found again in the same words: the message
// to support has each error once. The ledger keeps both.
func saidOnce(fs []fleet.Finding) (out []fleet.Finding) {
	for _, f := range fs {
		if !slices.ContainsFunc(out, func(o fleet.Finding) bool {
			return o.Severity == f.Severity && o.Code == f.Code && o.Message == f.Message &&
				slices.Equal(o.Items, f.Items)
		}) {
			out = append(out, f)
		}
	}
	return out
}
