package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Do says what kind of thing there is to do.
type Do string

// What there is to do, the most urgent first.
const (
	DoAccept  Do = "accept-failures" // find out why the run halted, then let it go on
	DoApprove Do = "approve"         // open the gate
	DoUnpause Do = "unpause"         // end the pause
	DoSignIn  Do = "sign-in"         // mend a sign-in or a permission, then resume
	DoResume  Do = "resume"          // go on with the run
	DoSupport Do = "support"         // send a support message
	DoReopen  Do = "reopen"          // mend what made upgrades fail, then permit another try
	DoDecide  Do = "decide"          // look at vaults that nobody can be sure of
	DoMend    Do = "mend"            // mend what blocks vaults
	DoConsent Do = "consent"         // read warnings, and consent to them or hold the vaults
	DoWait    Do = "wait"            // nothing: they come back by themselves
	DoRelease Do = "release"         // nothing, unless the hold is to go
)

// Dos lists what there may be to do.
func Dos() []Do {
	return []Do{DoAccept, DoApprove, DoUnpause, DoSignIn, DoResume, DoSupport, DoReopen, DoDecide, DoMend, DoConsent,
		DoWait, DoRelease}
}

// Action is one thing to do next, with the vaults it is about.
type Action struct {
	Do      Do       `json:"do"`
	Title   string   `json:"title"`  // what to do, in a line
	Detail  *string  `json:"detail"` // how, and what to mind
	Person  bool     `json:"person"` // false: it comes right by itself
	Before  *Time    `json:"before"` // best done before; null: nobody knows
	Code    *string  `json:"code"`   // the error or the reason the vaults share
	Vaults  []string `json:"vaults"`
	Items   []string `json:"items"`   // machines and the like, each once
	Message *Message `json:"message"` // to send
	Command *string  `json:"command"` // to paste

	about []*Vault
}

// actions lists what to do next.
func (v *View) actions(o Options) []Action {
	c := lexicon.ClockIn(o.Zone)
	// never null
	all := append([]Action{}, slices.Concat(v.runActions(o), v.accessActions(o), v.failedActions(o),
		v.unknownActions(o), v.blockedActions(o), v.permittedActions(o), v.takenUpActions(),
		v.waitActions(c))...)
	var before *Time
	if v.Run.Status != RunFinished && !v.Run.Live {
		before = v.Run.NextWindow
	}
	slices.SortStableFunc(all, func(a, b Action) int { // what is for a person first
		if a.Person == b.Person {
			return 0
		}
		return map[bool]int{true: -1, false: 1}[a.Person]
	})
	for i := range all {
		a := &all[i]
		if a.Person {
			a.Before = before
		}
		if v.Run.Later != nil {
			a.Command = nil // commands speak to the newest run
		}
		a.Vaults, a.Items = make([]string, len(a.about)), ListOrEmpty(a.Items)
		for j, x := range a.about {
			a.Vaults[j] = x.Vault
		}
	}
	return all
}

// runActions is what the run itself waits for. The command is the first of the
// steps, as everywhere.
func (v *View) runActions(o Options) []Action {
	one := func(do Do, person bool, detail, title string) []Action {
		a := Action{Do: do, Title: title, Detail: StringOrNull(detail), Person: person}
		if len(v.Next) > 0 && (person || !v.Run.Live) {
			a.Command = StringOrNull(v.Next[0].On(o.State))
		}
		return []Action{a}
	}
	c := lexicon.ClockIn(o.Zone)
	then := "Then resume."
	if v.Run.Live {
		then = "The run goes on at once."
	}
	switch v.Run.Status {
	case RunHalted:
		return one(DoAccept, true, v.haltSentence(),
			"Find out why the run halted; then accept the failures, and it goes on")
	case RunPaused:
		return one(DoUnpause, true, then, "End the pause when its reason is gone: "+v.pausedBy())
	case RunWaiting:
		if v.needsApproval() {
			what := ValueOf(v.Run.WaitingFor)
			if w := v.waitsFor(standing.WaitApproval); w != nil {
				what = w.words(c.NearBy(v.Run.GeneratedAt.Value()))
			}
			return one(DoApprove, true, then, "Look at the totals, and give "+what)
		}
		if v.Run.Live {
			what, _ := WaitWords(v.Run.Waits, c.NearBy(v.Run.GeneratedAt.Value()), "")
			return one(DoWait, false, "", "The run goes on by itself after "+what)
		}
		title := "Resume the run, unless a timer does"
		if w := v.Run.NextWindow; w != nil {
			title = fmt.Sprintf("Resume the run when its window opens, %s, unless a timer does",
				c.Near(w.Time, v.Run.GeneratedAt.Value()))
		}
		return one(DoResume, false, "", title)
	case RunInterrupted:
		if v.Run.Elsewhere {
			return one(DoWait, true, "The run may go on meanwhile; what it does is not in the ledger yet.",
				"Start a worker that keeps the ledger")
		}
		if s := v.Run.Suspended; s != nil && s.Why == fleet.SuspendedSignIn {
			return one(DoSignIn, true, lexicon.Or(ValueOf(s.Detail), "the cloud refused"),
				"Mend the sign-in or permission, then resume")
		}
		detail := "What was not started waits for it."
		if v.Run.Closing {
			detail = "Nothing is in flight."
		}
		if n := v.Flying().Ours; n > 0 {
			detail = v.words().Flights(n) + " in flight or in doubt: a resume follows them, and sends nothing twice."
		}
		if v.Run.Closing {
			return one(DoResume, true, "Nothing more starts in it. "+detail,
				"Resume the run, which closes it when nothing is in flight")
		}
		return one(DoResume, true, detail, "Resume the run")
	}
	return nil
}

// accessActions are the sign-ins and permissions to mend while the run goes on
// with the rest, or besides the one that it was left for.
func (v *View) accessActions(o Options) (out []Action) {
	c, now := lexicon.ClockIn(o.Zone), v.Run.GeneratedAt.Value()
	for i := range v.Run.Waits {
		w := &v.Run.Waits[i]
		if s := v.Run.Suspended; w.For != standing.WaitAccess || s != nil && s.Subscription != nil &&
			*s.Subscription == *w.Subscription {
			continue
		}
		out = append(out, Action{Do: DoSignIn, Person: true,
			Title: "Mend the sign-in or permission in subscription " + w.name, Command: StringOrNull(w.next),
			Detail: StringOrNull(fmt.Sprintf("Refused since %s: %s. %s", c.Near(w.Since.Value(), now),
				layout.Zoned(w.refusal(), c.Zone, now), lexicon.Sentence(w.retry())))})
	}
	return out
}

// waitsFor is the wait of a kind, nil where there is none.
func (v *View) waitsFor(k standing.WaitKind) *Wait {
	for i := range v.Run.Waits {
		if v.Run.Waits[i].For == k {
			return &v.Run.Waits[i]
		}
	}
	return nil
}

// needsApproval reports whether a waiting run needs a person's approval.
func (v *View) needsApproval() bool {
	return v.waitsFor(standing.WaitApproval) != nil || len(v.Run.Waits) == 0 && !v.Run.Live && v.Run.Suspended != nil &&
		v.Run.Suspended.Gate != nil && !v.Run.Approved
}

// pausedBy says who paused the run and why.
func (v *View) pausedBy() string {
	if w := v.waitsFor(standing.WaitPause); w != nil && w.wait.By != "" {
		return "paused by " + w.pausedBy()
	}
	return "the run is paused"
}

// failedActions is what to do about failures, by their error codes: a message
// to support where the vendor decides, else to mend the cause. Failures from before
// this run stand apart: they were in that run's report.
func (v *View) failedActions(o Options) (out []Action) {
	type key struct {
		carried bool
		code    string
		message string // where there is no code of the service's
	}
	groups := map[key][]*Vault{}
	var order []key
	for _, x := range v.undecided(fleet.Failed) {
		k := key{carried: x.Carried, code: x.errorCode()}
		if k.code == fleet.CodeUpgradeFailed || k.code == NoCode {
			k.message = x.why()
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], x)
	}
	slices.SortStableFunc(order, func(a, b key) int {
		if a.carried != b.carried {
			return map[bool]int{false: -1, true: 1}[a.carried]
		}
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), cmp.Compare(a.code, b.code),
			cmp.Compare(a.message, b.message))
	})
	for _, k := range order {
		vs := groups[k]
		if !v.words().Classic {
			out = append(out, v.remediateFailed(vs, k.code, k.carried, o))
			continue
		}
		a := Action{Do: DoSupport, Person: true, Code: StringOrNull(k.code), about: vs,
			Message: SupportMessage(o.SupportAddress, vs...),
			Title:   fmt.Sprintf("Send the support message for %s (%s)", named(vs), k.code),
			Detail:  StringOrNull("Do not retry unless support says so. When they do, re-open what they named."),
			Command: StringOrNull(v.reopened(o, vs))}
		if k.carried {
			a.Title = fmt.Sprintf("See that support has the message for %s, failed before this run (%s)", named(vs),
				k.code)
		}
		out = append(out, a)
	}
	return out
}

// remediateFailed is what to do about failures that no vendor decides about.
func (v *View) remediateFailed(vs []*Vault, code string, carried bool, o Options) Action {
	a := Action{Do: DoReopen, Person: true, Code: StringOrNull(code), about: vs,
		Title:   fmt.Sprintf("Find out why %s failed (%s)", named(vs), code),
		Detail:  StringOrNull("No run tries them again by itself. Mend the cause, then re-open them."),
		Command: StringOrNull(v.reopened(o, vs))}
	if len(vs) == 1 {
		a.Detail = StringOrNull("No run tries it again by itself. Mend the cause, then re-open it.")
	}
	if carried {
		a.Title = fmt.Sprintf("Find out why %s failed before this run (%s)", named(vs), code)
	}
	return a
}

// undecided are the vaults of a status for which nobody has permitted the next run, and
// that no later run has.
func (v *View) undecided(s fleet.Status) []*Vault {
	return v.pick(func(x *Vault) bool { return x.Status == s && !x.Permitted && !x.TakenUp })
}

// takenUp are the vaults that the run has not done, and that a later one has.
func (v *View) takenUp() []*Vault { return v.pick((*Vault).takenUp) }

func (v *Vault) takenUp() bool {
	return v.TakenUp && v.Status != fleet.Upgraded && v.Status != fleet.Already && v.Status != fleet.Excluded
}

// takenUpActions are the vaults that a later run has, by how this one left them.
func (v *View) takenUpActions() (out []Action) {
	at := map[string]int{}
	for _, x := range v.takenUp() {
		k := string(x.Status) + "\x00" + x.errorCode()
		i, known := at[k]
		if !known {
			i = len(out)
			at[k] = i
			out = append(out, Action{Do: DoWait, Code: StringOrNull(x.errorCode())})
		}
		out[i].about = append(out[i].about, x)
	}
	for i := range out {
		a := &out[i]
		how := v.words().Status(a.about[0].Status)
		if c := ValueOf(a.Code); c != NoCode {
			how += " (" + c + ")"
		}
		a.Title = named(a.about) + " " + how + ": a later run has taken it up"
		if len(a.about) > 1 {
			a.Title = named(a.about) + " " + how + ": a later run has taken them up"
		}
	}
	return out
}

// permitted are the vaults of a run that is over which the next run tries.
func (v *View) permitted() []*Vault { return v.pick(func(x *Vault) bool { return x.Permitted }) }

// permittedActions are the vaults that a person has re-opened since the run ended, by
// who did so and why.
func (v *View) permittedActions(o Options) (out []Action) {
	at := map[string]int{}
	for _, x := range v.permitted() {
		i, known := at[ValueOf(x.Reason)]
		if !known {
			i = len(out)
			at[ValueOf(x.Reason)] = i
			out = append(out, Action{Do: DoWait, Code: StringOrNull(string(fleet.Deferred)), Detail: x.Reason,
				Command: v.retryOn(o)})
		}
		out[i].about = append(out[i].about, x)
	}
	for i := range out {
		out[i].Title = lexicon.Vaults(len(out[i].about)) + " re-opened, for the next run to try"
	}
	return out
}

// retryOn is the command for the run that tries what was re-opened; nil where there is
// none.
func (v *View) retryOn(o Options) *string {
	if v.retry == nil {
		return nil
	}
	return StringOrNull(OnLedger(o.State, v.retry...))
}

// unknownActions is about vaults of which reading could not tell: whether
// their starts were accepted, or whether what came of them is good.
func (v *View) unknownActions(o Options) (out []Action) {
	c := lexicon.ClockIn(o.Zone)
	again := func(vs []*Vault) *string {
		return StringOrNull(lexicon.Or(onVaults(o.State, "refresh", vs), OnLedger(o.State, "refresh")))
	}
	var doubtful, unverified []*Vault
	for _, x := range v.undecided(fleet.Unknown) {
		switch {
		case x.Unresolved:
		case slices.ContainsFunc(x.Findings, func(f Finding) bool { return ValueOf(f.Code) == fleet.CodeNotVerified }):
			unverified = append(unverified, x)
		default:
			doubtful = append(doubtful, x)
		}
	}
	if len(unverified) > 0 {
		out = append(out, Action{Do: DoDecide, Person: true, about: unverified,
			Code: StringOrNull(fleet.CodeNotVerified), Command: again(unverified),
			Title: fmt.Sprintf("Look at what became of %s: the cloud says %s, and it could not be verified",
				named(unverified), v.words().Done),
			Detail: StringOrNull(v.words().Unverified)})
	}
	if len(doubtful) > 0 {
		title := fmt.Sprintf("Decide %s: the start may have been accepted", named(doubtful))
		if n := len(doubtful[0].Reads); n > 0 && len(doubtful) == 1 {
			title += "; the cloud was last read " + c.Short(doubtful[0].Reads[n-1].At.Time)
		}
		out = append(out, Action{Do: DoDecide, Title: title, Person: true, about: doubtful,
			Code: StringOrNull(fleet.CodeAnswerLost), Command: again(doubtful),
			Detail: StringOrNull(v.words().Doubtful)})
	}
	return out
}

// named calls vaults by their names, the first few of many.
func named(vs []*Vault) string {
	return lexicon.Some(len(vs), func(i int) string { return vs[i].Vault })
}

// waitActions are the vaults that come back by themselves, by why they wait.
func (v *View) waitActions(c lexicon.Clock) (out []Action) {
	group := func(do Do, s fleet.Status, title func(n int, reason string, x *Vault) string) {
		at, vaults := map[string]int{}, v.undecided(s)
		if s == fleet.Excluded {
			vaults = v.withStatus(s) // in a later run, too
		}
		for _, x := range vaults {
			when := ""
			if x.NextWindow != nil {
				when = c.Near(x.NextWindow.Time, v.Run.GeneratedAt.Value())
			}
			reason := lexicon.Or(ValueOf(x.Reason), "no reason given")
			if s == fleet.Deferred { // what was before that is each vault's own
				reason, _, _ = strings.Cut(reason, beforeThat)
			}
			k := reason + "\x00" + when + "\x00" + ValueOf(x.HeldBy) + "\x00" + lexicon.UTC(x.HeldUntil.Value())
			i, known := at[k]
			if !known {
				i = len(out)
				at[k] = i
				out = append(out, Action{Do: do, Code: StringOrNull(string(s)), Detail: StringOrNull(reason)})
			}
			out[i].about = append(out[i].about, x)
		}
		for i := range out {
			if a := &out[i]; a.Title == "" {
				a.Title = title(len(a.about), ValueOf(a.Detail), a.about[0])
			}
		}
	}
	group(DoWait, fleet.Busy, func(n int, _ string, x *Vault) string {
		s := lexicon.Vaults(n) + " busy, tried again"
		if x.NextWindow != nil {
			s += " from " + c.Near(x.NextWindow.Time, v.Run.GeneratedAt.Value()) + " on"
		}
		return s
	})
	group(DoWait, fleet.Deferred, func(n int, _ string, x *Vault) string {
		takes := "a resume"
		if v.Run.Closing || v.Run.Status == RunFinished {
			takes = "the next run"
		}
		s := lexicon.Vaults(n) + " deferred, for " + takes + " to take up"
		if x.NextWindow != nil {
			s += ", from " + c.Near(x.NextWindow.Time, v.Run.GeneratedAt.Value()) + " on"
		}
		return s
	})
	group(DoRelease, fleet.Excluded, func(n int, reason string, x *Vault) string {
		s := lexicon.Vaults(n) + " held: " + reason
		if strings.HasPrefix(reason, "held by ") { // by a person, during the run
			s = lexicon.Vaults(n) + " " + reason
		}
		if x.HeldBy != nil {
			s += ", by " + *x.HeldBy
		}
		if x.HeldUntil != nil {
			s += ", until " + c.Near(x.HeldUntil.Time, v.Run.GeneratedAt.Value())
		}
		return s
	})
	return out
}
