package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// said is one line of the machine's answer; neighbours that differ only in
// the item are joined.
type said struct{ what, item string }

// print returns an answer's facts, intents and actions, in order.
func (s *script) print(out Output) []string {
	var all []said
	for _, e := range out.Facts {
		all = append(all, s.fact(e.Fact))
	}
	for _, e := range out.Intents {
		f := e.Fact.(fleet.StartIntended)
		what := fmt.Sprintf("intent, attempt %d", f.Attempt)
		if len(f.Before) > 0 {
			what += ", before it " + string(f.Before)
		}
		all = append(all, said{what + ":", f.OperationID})
	}
	for _, a := range out.Actions {
		all = append(all, s.action(a))
	}
	var lines []string
	for n, a := range all {
		switch {
		case n > 0 && a.item != "" && a.what == all[n-1].what:
			lines[len(lines)-1] += " " + a.item
		default:
			lines = append(lines, strings.TrimSuffix(a.what+" "+a.item, " "))
		}
	}
	if lines == nil {
		return []string{"nothing"}
	}
	return lines
}

func (s *script) name(k fleet.Key) string {
	i, _ := s.m.Lookup(k)
	return s.plan.Vaults[i].Name
}

func (s *script) subName(id string) string {
	for i := range s.plan.Vaults {
		if v := &s.plan.Vaults[i]; v.SubscriptionID == id {
			return v.SubscriptionName
		}
	}
	return id
}

// at writes a time as the distance from the script's start.
func at(t time.Time) string { return "+" + t.Sub(scriptStart).String() }

func (s *script) fact(fact fleet.Fact) said {
	words := []string{"fact", fact.Name()}
	add := func(ws ...string) {
		for _, w := range ws {
			if w != "" {
				words = append(words, w)
			}
		}
	}
	if f, ok := fact.(fleet.VaultFact); ok {
		switch f := fact.(type) {
		case fleet.DeadlinePassed:
			add(string(f.Deadline))
			if f.Reading != nil {
				add("after " + f.Reading.String())
			}
		case fleet.Validated:
			add(string(f.Verdict))
		case fleet.StartAnswered:
			add(string(f.Answer.Verdict))
		case fleet.NotSent:
		case fleet.StartWaits:
			add(f.Code)
			if f.Learned != nil {
				add("learned " + string(f.Learned))
			}
		case fleet.Inspected:
			add(f.Reading.String())
		case fleet.Held:
			add(map[bool]string{true: "released", false: "held"}[f.Off])
		case fleet.Reconciled:
			add(string(f.Reading), "read", fmt.Sprint(f.Read))
			if f.Late {
				add("late")
			}
		case fleet.Observed:
			switch {
			case f.Unseen:
				add("unseen")
			case f.Vanished:
				add("vanished")
			case f.Record != nil:
				add(string(f.Record.State))
			default:
				add("explained")
				for _, finding := range f.Findings {
					add(finding.Code)
				}
			}
			if f.Foreign {
				add("foreign")
			}
			if f.Late {
				add("late")
			}
		}
		return said{strings.Join(words, " ") + ":", s.name(f.VaultKey())}
	}
	switch f := fact.(type) {
	case fleet.WaveOpened:
		add(f.Wave)
	case fleet.WaveDone:
		add(f.Wave)
	case fleet.RunHalted:
		add(f.Scope, f.SameError, fmt.Sprintf("%d failed of %d", f.Failures, f.Budget))
	case fleet.Approved:
		add(f.When, f.Wave, "by", f.By.User)
	case fleet.GateOpened:
		add(f.When, f.Wave, map[bool]string{true: "needless"}[f.Needless])
	case fleet.RunSuspended:
		add(f.Why, f.Gate, f.Wave)
		if !f.Until.IsZero() {
			add("until", at(f.Until))
		}
		if f.Subscription != "" {
			add("subscription", f.Subscription)
		}
		if f.By != "" {
			add("by", f.By)
		}
		add(f.Reason, f.Detail, fmt.Sprint(int(f.Code)))
	case fleet.Paused:
		add(map[bool]string{true: "off"}[f.Off], "by", f.By.User)
	case fleet.Stopped:
		add(map[bool]string{true: "close"}[f.Close], "by", f.By.User)
	case fleet.LimitsChanged:
		add(fmt.Sprint("upgrades=", f.Upgrades), "by", f.By.User)
	case fleet.Noted:
		add(f.Text, "by", f.By.User)
	case fleet.RunClosed:
		add(fmt.Sprint(int(f.Code)))
		if f.NeverStarted > 0 {
			add(fmt.Sprint(f.NeverStarted), "never started")
		}
	case fleet.AccessDenied:
		add(s.subName(f.Subscription), f.Detail)
		if f.GivenUp {
			add("given up")
		}
		if f.Off {
			add("off")
		}
	case fleet.Throttled:
		add(s.subName(f.Subscription), "until", at(f.Until))
		if !f.ChecksFrom.IsZero() {
			add("checks since", at(f.ChecksFrom))
		}
	}
	return said{strings.Join(words, " "), ""}
}

// told is an action that tells an adapter what it had learned.
func told(what string, learned []byte, vault string) said {
	if learned != nil {
		what += ", knowing " + string(learned)
	}
	if strings.Contains(what, ", ") {
		what += ":"
	}
	return said{what, vault}
}

func (s *script) action(action Action) said {
	name := func(i int) string { return s.plan.Vaults[i].Name }
	switch a := action.(type) {
	case Validate:
		what := "do Validate"
		if len(a.Disregard) > 0 {
			what += ", disregarding " + strings.Join(a.Disregard, " ")
		}
		return told(what, a.Learned, name(a.Vault))
	case Prepare:
		what := "do Prepare"
		if !a.After.IsZero() {
			what += ", read after " + at(a.After)
		}
		return told(what, a.Learned, name(a.Vault))
	case Send:
		return said{"do Send", a.Start.OperationID}
	case Reconcile:
		what := fmt.Sprintf("do Reconcile, read %d", a.Read)
		if len(a.Before) > 0 {
			what += ", before it " + strings.Join(a.Before, " ")
		}
		return said{what + ":", a.OperationID}
	case Verify:
		return said{"do Verify", a.OperationID}
	case Explain:
		return said{"do Explain", a.OperationID}
	case Watch:
		what := "do Watch " + s.subName(a.Subscription) + map[bool]string{true: " on", false: " off"}[a.On]
		if a.Operation != nil {
			by := a.Operation.StatusURL
			if a.Operation.Unfollowed != "" {
				by = "reading alone"
			}
			what += ", by " + by + " since " + at(a.Since)
			if a.Overdue {
				what += ", overdue"
			}
		}
		if a.Vault < 0 {
			return said{what + ":", "itself"}
		}
		return said{what + ":", name(a.Vault)}
	case Wake:
		if a.At.IsZero() {
			return said{"do Wake never", ""}
		}
		return said{"do Wake " + at(a.At), ""}
	case Exit:
		return said{fmt.Sprintf("do Exit %d %s", int(a.Code), a.Code.Name()), ""}
	}
	return said{fmt.Sprintf("do %T", action), ""}
}

// show says where every vault stands, and the slots in use.
func (s *script) show() []string {
	var lines []string
	for i := range s.m.Vaults {
		v := &s.m.Vaults[i]
		words := []string{s.plan.Vaults[i].Name, string(v.Status)}
		add := func(yes bool, w string) {
			if yes {
				words = append(words, w)
			}
		}
		add(v.Final, "for good")
		add(v.Foreign, "foreign")
		add(v.Carried, "carried")
		add(v.Forgiven, "forgiven")
		add(v.Overdue, "overdue")
		add(len(v.Disregard) > 0, "disregarding "+strings.Join(v.Disregard, " "))
		add(v.CloudDone && v.Status == fleet.Upgrading, "done in the cloud")
		add(v.Attempt > 0, fmt.Sprintf("attempts %d", v.Attempt))
		add(v.OperationID != "", v.OperationID)
		for _, f := range v.Findings {
			add(true, "["+f.Code+"]")
		}
		if v.Final || v.Status == fleet.Failed {
			add(v.Reading != nil || strings.Contains(v.Reason, "changed nothing"), "because "+v.Reason)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	slots := fmt.Sprintf("slots %d:", s.m.slots)
	for i := range s.m.subs {
		slots += fmt.Sprintf(" %s %d", s.subName(s.m.subs[i].ID), s.m.subs[i].Used)
	}
	b := s.m.RunBudget()
	return append(lines, fmt.Sprintf("%s; failed %d, in doubt %d, budget %d", slots, b.Failed, b.Unresolved, b.Limit))
}
