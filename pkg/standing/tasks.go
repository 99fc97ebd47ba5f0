package standing

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TaskKind says what kind of thing there is to do.
type TaskKind string

// What there is to do, the most urgent first.
const (
	TaskAccept  TaskKind = "accept-failures" // find out why the run halted, then let it go on
	TaskApprove TaskKind = "approve"         // open the gate
	TaskUnpause TaskKind = "unpause"         // end the pause
	TaskSignIn  TaskKind = "sign-in"         // mend a sign-in or a permission, then resume
	TaskResume  TaskKind = "resume"          // go on with the run
	TaskSupport TaskKind = "support"         // send a support message
	TaskReopen  TaskKind = "reopen"          // mend what made upgrades fail, then permit another try
	TaskDecide  TaskKind = "decide"          // look at vaults that nobody can be sure of
	TaskMend    TaskKind = "mend"            // mend what blocks vaults
	TaskConsent TaskKind = "consent"         // read warnings, and consent to them or hold the vaults
	TaskWait    TaskKind = "wait"            // nothing: they come back by themselves
	TaskRelease TaskKind = "release"         // nothing, unless the hold is to go
)

// TaskKinds lists what there may be to do.
func TaskKinds() []TaskKind {
	return []TaskKind{TaskAccept, TaskApprove, TaskUnpause, TaskSignIn, TaskResume, TaskSupport, TaskReopen, TaskDecide,
		TaskMend, TaskConsent, TaskWait, TaskRelease}
}

// Codes that stand where a cause has none.
const (
	NoCode   = "no-code"         // of an error
	NoReason = "no-reason-given" // of what blocks a vault
)

// Task is one thing to do about a run, or about vaults of it, as data. Which fields are
// set follows from the kind.
type Task struct {
	Kind   TaskKind
	Person bool         // false: it comes right by itself
	Vaults []int        // that it is about, as indexes into the plan's; none: the run itself, or a part of it
	Status fleet.Status // that these vaults have
	Code   string       // the error or the reason that they share; empty: they share none
	Steps  []Step       // what to type for it, the first one first; none: nothing is typed for it

	Subscription string    // of a sign-in: that which denies access; empty: the run was left for it
	Carried      bool      // they failed before this run
	Permitted    bool      // they are re-opened, and the next run tries them
	TakenUp      bool      // a later run has them
	Opens        time.Time // when the window opens that they wait for; zero: they wait for none
}

// of reports whether a task is about vaults of one of some statuses, as this run has them.
func (t *Task) of(all ...fleet.Status) bool { return !t.TakenUp && slices.Contains(all, t.Status) }

// TaskOptions is what a state does not know of itself.
type TaskOptions struct {
	Live    bool // a process carries the run out
	Now     time.Time
	Vaults  []int              // that are looked at, in the plan's order
	TakenUp map[fleet.Key]bool // those that a later run has: what is to be done about them is told there
	Later   bool               // this is an earlier run of its ledger: commands speak to the newest one
}

// EveryVault are all vaults of a run.
func EveryVault(st *rollout.State) []int {
	all := make([]int, len(st.Vaults))
	for i := range all {
		all[i] = i
	}
	return all
}

// Tasks lists what there is to do about a run, what is for a person first. It is made
// here alone: whatever shows it puts it into words. It costs O(vaults).
func Tasks(st *rollout.State, o TaskOptions) []Task {
	l := &tasker{st: st, o: o, groups: map[string]int{}}
	l.run()
	l.access()
	l.failed()
	l.unknown()
	l.blocked()
	l.permitted()
	l.takenUp()
	l.waiting()
	slices.SortStableFunc(l.all, func(a, b Task) int {
		if a.Person == b.Person {
			return 0
		}
		return map[bool]int{true: -1, false: 1}[a.Person]
	})
	for i := range l.all {
		if t := &l.all[i]; o.Later {
			t.Steps = nil
			if from := st.Plan.Inventory; from != "" && t.of(fleet.Failed, fleet.Unknown) {
				t.Steps = []Step{{For: ToHaveAgain, Args: []string{"plan", from}}}
			}
		}
	}
	return l.all
}

// Following is what to type next by the tasks of a run, the first step first: as a run that
// is not over wants, and else what its vaults want.
func Following(st *rollout.State, tasks []Task, o TaskOptions) []Step {
	switch {
	case o.Later:
		return []Step{{For: ToNewest, Args: []string{"report"}}}
	case st.Run.Closed != nil:
		return ended(st, tasks)
	}
	return Next(st, o.Live, o.Now)
}

// ended is what the vaults want of a run that is over.
func ended(st *rollout.State, tasks []Task) (steps []Step) {
	of := func(kinds ...TaskKind) (vaults []int) {
		for i := range tasks {
			if slices.Contains(kinds, tasks[i].Kind) {
				vaults = append(vaults, tasks[i].Vaults...)
			}
		}
		slices.Sort(vaults)
		return vaults
	}
	known, classic := st.Plan.Inventory != "", classic(st)
	table := Step{For: ToTable, Args: []string{"report", "-o", "csv"}}
	failed := append(of(TaskSupport, TaskReopen), of(TaskDecide)...)
	if len(failed) > 0 {
		s := table
		if args := reopen(st, failed); args != nil {
			s = Step{For: whenTried(st), Args: args}
		}
		s.OfReport = true
		steps = append(steps, s)
	}
	again := retry(st)
	if again != nil && !slices.ContainsFunc(tasks, func(t Task) bool { return t.Permitted }) {
		again = nil // of others than these
	}
	switch {
	case again != nil:
		steps = append(steps, Step{For: ToRetry, Args: again})
	case known && PhaseOf(st, false, st.Run.LastAt) == Closed:
		steps = append(steps, Step{For: ToGoOn, Args: []string{"plan", st.Plan.Inventory}})
	case len(failed) > 0:
	case known && slices.ContainsFunc(tasks, func(t Task) bool { return t.of(fleet.Blocked, fleet.Busy) }):
		steps = append(steps, Step{For: WhenUnblocked, Args: []string{"plan", st.Plan.Inventory, "--validate"}})
	case !classic:
		steps = append(steps, table)
	default:
		steps = append(steps, Step{For: ToMap, Args: table.Args})
	}
	return steps
}

// ForPerson are the vaults that need a person, each once, in the plan's order.
func ForPerson(tasks []Task) (vaults []int) {
	for i := range tasks {
		if tasks[i].Person {
			vaults = append(vaults, tasks[i].Vaults...)
		}
	}
	slices.Sort(vaults)
	return slices.Compact(vaults)
}

// tasker makes the list.
type tasker struct {
	st     *rollout.State
	o      TaskOptions
	all    []Task
	groups map[string]int // tasks by what their vaults share
}

// add puts a vault into the task of those that share what tells them apart, or into a new one.
func (l *tasker) add(i int, t Task, apart ...string) *Task {
	k := strings.Join(append([]string{string(t.Kind), string(t.Status), t.Code}, apart...), "\x00")
	at, known := l.groups[k]
	if !known {
		at = len(l.all)
		l.groups[k], l.all = at, append(l.all, t)
	}
	task := &l.all[at]
	task.Vaults = append(task.Vaults, i)
	return task
}

// each visits the vaults of a status that wait for nobody else: no later run has them, and
// no next one was permitted to try them.
func (l *tasker) each(s fleet.Status, do func(i int, v *rollout.VaultState)) {
	for _, i := range l.o.Vaults {
		if v := &l.st.Vaults[i]; v.Status == s && v.Permit == nil && !l.has(i) {
			do(i, v)
		}
	}
}

// has reports whether a later run has a vault.
func (l *tasker) has(i int) bool { return l.o.TakenUp[l.st.Plan.Vaults[i].Key] }

// run is what the run itself waits for.
func (l *tasker) run() {
	st, live := l.st, l.o.Live
	next := Next(st, live, l.o.Now)
	add := func(k TaskKind, person bool) {
		t := Task{Kind: k, Person: person}
		if person || !live {
			for _, s := range next {
				if s.For != "" || !s.Watches() { // to watch it does nothing for it
					t.Steps = append(t.Steps, s)
				}
			}
		}
		l.all = append(l.all, t)
	}
	paused := func() { // the gate behind a pause is a task of its own
		gate := func(s Step) bool { return s.Args[0] == Approve("")[0] }
		rest := slices.DeleteFunc(slices.Clone(next), gate)
		if next = slices.DeleteFunc(slices.Clone(next), func(s Step) bool { return !gate(s) }); len(next) > 0 {
			add(TaskApprove, true)
		}
		next = rest
		add(TaskUnpause, true)
	}
	switch PhaseOf(st, live, l.o.Now) {
	case Halted:
		add(TaskAccept, true)
	case Paused:
		paused()
	case Waiting:
		switch {
		case st.Run.Paused != nil:
			paused()
		case NeedsApproval(st, live, l.o.Now):
			add(TaskApprove, true)
		case live:
			add(TaskWait, false)
		default:
			add(TaskResume, false)
		}
	case Interrupted:
		s := st.Run.Suspended
		switch {
		case !live && st.Elsewhere():
			add(TaskWait, true)
		case s != nil && s.Why == fleet.SuspendedSignIn:
			add(TaskSignIn, true)
		case st.Run.Paused != nil && st.InFlight() > 0 && len(next) > 1: // what to do at once, and what may wait
			l.all = append(l.all, Task{Kind: TaskResume, Person: true, Steps: next[:1]})
			next = next[1:]
			paused()
		case st.Run.Paused != nil:
			paused()
		default:
			add(TaskResume, true)
		}
	}
}

// NeedsApproval reports whether a run that waits needs a person's approval.
func NeedsApproval(st *rollout.State, live bool, now time.Time) bool {
	waits := Shown(st, live, now)
	if slices.ContainsFunc(waits, func(w Wait) bool { return w.For == WaitApproval }) {
		return true
	}
	s := st.Run.Suspended
	return len(waits) == 0 && !live && s != nil && s.Gate != "" && !Approved(st, now)
}

// Approved reports whether the gate that the run stands before would open.
func Approved(st *rollout.State, now time.Time) bool {
	w, when, ok := st.NextGate()
	return ok && st.CheckApproval(w, when, now) == nil
}

// Shown are the waits of a run as it stands: of one that no process carries out those that
// it was left for.
func Shown(st *rollout.State, live bool, now time.Time) []Wait {
	switch s := st.Run.Suspended; {
	case live || s != nil && (s.Why == fleet.SuspendedWait || s.Why == fleet.SuspendedPause) || st.Run.Paused != nil:
		return Waits(st, now)
	case s != nil && s.Why == fleet.SuspendedSignIn:
		return AccessWaits(st, false)
	}
	return nil
}

// access are the sign-ins and permissions to mend while the run goes on with the rest, or
// besides the one that it was left for.
func (l *tasker) access() {
	seen := map[string]bool{}
	for _, i := range l.o.Vaults {
		seen[l.st.Plan.Vaults[i].SubscriptionID] = true
	}
	for _, w := range Shown(l.st, l.o.Live, l.o.Now) {
		if s := l.st.Run.Suspended; w.For != WaitAccess || !seen[w.Subscription] ||
			s != nil && s.Subscription == w.Subscription {
			continue
		}
		t := Task{Kind: TaskSignIn, Person: true, Subscription: w.Subscription}
		if from := l.st.Plan.Inventory; from != "" {
			t.Steps = []Step{{Args: []string{"preflight", from}, Anywhere: true}}
		}
		l.all = append(l.all, t)
	}
}

// failed are the failures by their error code: for support where the vendor decides, else
// to mend the cause. Those from before this run stand apart: they were in that run's report.
func (l *tasker) failed() {
	kind, from := TaskReopen, len(l.all)
	if classic(l.st) {
		kind = TaskSupport
	}
	said := map[int]string{} // what stands for a code of the service's, by the task's first vault
	l.each(fleet.Failed, func(i int, v *rollout.VaultState) {
		code, message := ErrorCode(v.Findings), ""
		if code == fleet.CodeUpgradeFailed || code == NoCode {
			message = why(v)
		}
		before := map[bool]string{true: "before"}[v.Carried]
		t := l.add(i, Task{Kind: kind, Person: true, Status: fleet.Failed, Code: code, Carried: v.Carried}, before,
			message)
		said[t.Vaults[0]] = message
	})
	slices.SortStableFunc(l.all[from:], func(a, b Task) int {
		if a.Carried != b.Carried {
			return map[bool]int{false: -1, true: 1}[a.Carried]
		}
		return cmp.Or(cmp.Compare(len(b.Vaults), len(a.Vaults)), cmp.Compare(a.Code, b.Code),
			cmp.Compare(said[a.Vaults[0]], said[b.Vaults[0]]))
	})
	for i := range l.all[from:] {
		t := &l.all[from+i]
		if args := reopen(l.st, t.Vaults); args != nil && !l.o.Live { // the run has its ledger to itself
			t.Steps = []Step{{Args: args, For: whenTried(l.st)}}
		}
	}
}

// unknown are vaults of which reading could not tell: whether what came of them is good,
// how what was accepted ended, or whether their starts were accepted.
func (l *tasker) unknown() {
	for _, code := range []string{fleet.CodeNotVerified, fleet.CodeUnconfirmed, fleet.CodeAnswerLost} {
		l.each(fleet.Unknown, func(i int, v *rollout.VaultState) {
			if v.Final && code == notTold(v.Findings) {
				l.add(i, Task{Kind: TaskDecide, Person: true, Status: fleet.Unknown, Code: code})
			}
		})
	}
	for i := range l.all {
		if t := &l.all[i]; t.Kind == TaskDecide && !l.o.Live { // as with a failure
			args := []string{"refresh"}
			if len(t.Vaults) <= VaultsInStep {
				args = append(args, called(l.st, t.Vaults)...)
			}
			t.Steps = []Step{{Args: args, For: ToReadAgain}}
		}
	}
}

// notTold is the code of what reading could not tell. A start once accepted is in doubt
// no more, whatever was found of it before.
func notTold(fs []fleet.Finding) string {
	for _, code := range []string{fleet.CodeNotVerified, fleet.CodeUnconfirmed} {
		if slices.ContainsFunc(fs, func(f fleet.Finding) bool { return f.Code == code }) {
			return code
		}
	}
	return fleet.CodeAnswerLost
}

// blocked is what blocks vaults, by code, the most frequent first. A vault with several
// reasons stands under each: all of them must be mended.
func (l *tasker) blocked() {
	from := len(l.all)
	l.each(fleet.Blocked, func(i int, v *rollout.VaultState) {
		var codes []string
		for _, n := range Blocking(v.Findings) {
			codes = append(codes, cmp.Or(v.Findings[n].Code, NoCode))
		}
		slices.Sort(codes)
		if codes = slices.Compact(codes); len(codes) == 0 {
			codes = []string{NoReason}
		}
		refused := slices.ContainsFunc(v.Findings,
			func(f fleet.Finding) bool { return f.Code == fleet.CodeWarningsRefused })
		for _, code := range codes {
			t := l.add(i, Task{Person: true, Status: fleet.Blocked, Code: code})
			switch {
			case ComesBack(code):
				t.Kind, t.Person = TaskWait, false
			case refused:
				t.Kind = TaskConsent
			case t.Kind == "":
				t.Kind = TaskMend
			}
			if l.st.Run.Closed != nil && l.st.Plan.Inventory != "" {
				t.Steps = []Step{{Args: []string{"plan", l.st.Plan.Inventory, "--validate"}, For: ToSeeAgain}}
				if t.Person {
					t.Steps[0].For = WhenUnblocked
				}
			}
		}
	})
	slices.SortStableFunc(l.all[from:], func(a, b Task) int {
		return cmp.Or(cmp.Compare(len(b.Vaults), len(a.Vaults)), cmp.Compare(a.Code, b.Code))
	})
}

// permitted are the vaults that a person has re-opened since the run ended, by who did so
// and why.
func (l *tasker) permitted() {
	for _, i := range l.o.Vaults {
		if v := &l.st.Vaults[i]; v.Permit != nil && !l.has(i) {
			t := l.add(i, Task{Kind: TaskWait, Status: v.Status, Code: string(fleet.Deferred), Permitted: true},
				"permitted", rollout.ReopenedBy(v.Permit))
			if args := retry(l.st); args != nil {
				t.Steps = []Step{{Args: args, For: ToRetry}}
			}
		}
	}
}

// takenUp are the vaults that this run has not done and a later one has, by how this one
// left them.
func (l *tasker) takenUp() {
	for _, i := range l.o.Vaults {
		switch v := &l.st.Vaults[i]; {
		case !l.has(i), v.Status == fleet.Upgraded, l.status(i) == fleet.Already, v.Status == fleet.Excluded:
		default:
			l.add(i, Task{Kind: TaskWait, Status: l.status(i), Code: ErrorCode(v.Findings), TakenUp: true}, "taken up")
		}
	}
}

// waiting are the vaults that come back by themselves, and those that are held, by why.
func (l *tasker) waiting() {
	windows := NewWindows(l.st.Plan, l.o.Now)
	opens := func(i int) (at time.Time) {
		if l.st.Run.Closed == nil {
			at = windows.Opens(i)
		}
		return at
	}
	wait := func(i int, s fleet.Status, reason string) {
		at := opens(i)
		l.add(i, Task{Kind: TaskWait, Status: s, Code: string(s), Opens: at}, reason, at.String())
	}
	l.each(fleet.Busy, func(i int, v *rollout.VaultState) { wait(i, fleet.Busy, v.Reason) })
	for _, i := range l.o.Vaults {
		if !l.has(i) && l.status(i) == fleet.Deferred {
			wait(i, fleet.Deferred, "")
		}
	}
	for _, i := range l.o.Vaults { // also those that a later run has
		v, apart := &l.st.Vaults[i], []string(nil)
		if v.Status != fleet.Excluded {
			continue
		}
		if h := l.st.Plan.Vaults[i].Hold; h != nil {
			apart = []string{h.By, h.Until.String()}
		}
		l.add(i, Task{Kind: TaskRelease, Status: fleet.Excluded, Code: string(fleet.Excluded)},
			append(apart, v.Reason)...)
	}
}

// status is the status that a vault shows: what cannot start now is deferred.
func (l *tasker) status(i int) fleet.Status {
	return ShownAs(&l.st.Vaults[i], KeptBy(l.st, l.o.Live) != KeptByNothing)
}

// ErrorCode is the code of the error that stops a vault: of several the newest.
func ErrorCode(fs []fleet.Finding) string {
	stop := Blocking(fs)
	if len(stop) == 0 {
		return NoCode
	}
	return cmp.Or(fs[stop[len(stop)-1]].Code, NoCode)
}

// why is what a failure says, where its code does not tell it from others.
func why(v *rollout.VaultState) string {
	if stop := Blocking(v.Findings); len(stop) > 0 {
		return v.Findings[stop[len(stop)-1]].Message
	}
	return v.Reason
}
