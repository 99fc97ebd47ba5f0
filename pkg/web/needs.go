package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// task is something that a person has to do.
type task struct {
	ID      string // for links, and for what is open to stay open
	Status  fleet.Status
	Title   string // what to do, and for how many
	Lead    string
	Command string // to paste, when the rest is done
	Cases   []sickness
	CSV     bool // its vaults can be taken away as a list
}

// sickness is one cause with the vaults that it stops.
type sickness struct {
	ID              string
	Code            string
	Message, Action string
	Why             string // a warning stops: who has not consented
	Vaults          []patient
	More            int  // further vaults that are not listed here
	Machines        int  // the different items
	Open            bool // short enough to be shown at once
}

// patient is a vault in a case.
type patient struct {
	Index   int // in the plan
	Vault   string
	Notes   []string
	Pairs   []pair
	Items   []string
	Support string
}

type pair struct{ Name, Value string }

// shownAtOnce is how many vaults of a case are shown without a click.
const shownAtOnce = 12

// tasks lists what a person has to do, the most pressing first. At most limit
// vaults of a cause are listed; 0 is all of them.
func tasks(v *report.View, o report.Options, c clock, limit int) []task {
	var ts []task
	for _, t := range []task{decide(v, o), failed(v, o, c), unknown(v, o, c), blocked(v)} {
		if t.Title == "" {
			continue
		}
		for i := range t.Cases {
			k := &t.Cases[i]
			k.ID = fmt.Sprintf("%s-%d", t.ID, i+1)
			k.Open = len(k.Vaults) <= shownAtOnce
			if limit > 0 && len(k.Vaults) > limit {
				k.More, k.Vaults = len(k.Vaults)-limit, k.Vaults[:limit]
			}
		}
		ts = append(ts, t)
	}
	return ts
}

// decide is what the run as a whole waits for.
func decide(v *report.View, o report.Options) task {
	t := task{ID: "decide"}
	for _, s := range v.NextSteps(o) {
		t.Command = or(t.Command, s.Command)
	}
	switch sus := v.Run.Suspended; {
	case v.Run.Status == report.RunHalted:
		t.Title = "Decide whether the run may go on"
		t.Lead = "A failure budget was exceeded. Nothing starts until a person has understood why, and accepts the failures so far."
	case v.Run.Status == report.RunInterrupted && sus != nil && sus.Why == fleet.SuspendedSignIn:
		t.Title = "Mend a sign-in or permission"
		t.Lead = report.Clean(text(sus.Detail))
	case slices.ContainsFunc(v.Waves, func(w report.Wave) bool { return w.Status == report.WaveAwaitingApproval }) && !v.Run.Approved:
		i := slices.IndexFunc(v.Waves, func(w report.Wave) bool { return w.Status == report.WaveAwaitingApproval })
		t.Title = "Approve, or do not"
		t.Lead = "Wave " + v.Waves[i].Name + " waits for a person's word. Look at what is failed and unknown before you give it."
		if v.Run.Status == report.RunRunning {
			t.Command = ""
		}
	}
	return t
}

func failed(v *report.View, o report.Options, c clock) task {
	t := task{ID: "failed", Status: fleet.Failed, CSV: true}
	vs := pick(v, func(x *report.Vault) bool { return x.Status == fleet.Failed })
	if len(vs) == 0 {
		return t
	}
	t.Title = "Send " + plural(len(vs), "support message", "support messages")
	t.Cases = causes(v, vs, func(x *report.Vault) patient {
		p := patient{Support: report.SupportMessage(x, o.SupportAddress), Pairs: []pair{{"Operation", or(text(x.OperationID), "none was returned")},
			{"Ended", c.full(x.EndedAt)}}}
		if x.Carried {
			p.Notes = append(p.Notes, "failed before this run")
		}
		if x.Accepted {
			p.Notes = append(p.Notes, "accepted by a person")
		}
		return p
	})
	if len(t.Cases) == 1 && len(vs) > 1 {
		t.Title += " (same code)"
	}
	t.Lead = "Do not retry a failed upgrade unless Microsoft says so. When they say that a vault may be tried again:"
	t.Command = report.ReopenCommand("", o)
	return t
}

func unknown(v *report.View, o report.Options, c clock) task {
	t := task{ID: "unknown", Status: fleet.Unknown, CSV: true}
	vs := pick(v, func(x *report.Vault) bool { return x.Status == fleet.Unknown && !x.Unresolved })
	if len(vs) == 0 {
		return t
	}
	t.Title = "Decide what became of " + plural(len(vs), "unknown start", "unknown starts")
	t.Cases = causes(v, vs, func(x *report.Vault) patient {
		return patient{Pairs: []pair{
			{"What was read", or(text(x.Reason), "nothing conclusive")},
			{"Operation", or(text(x.OperationID), "none")},
			{"Started", c.full(x.StartedAt)}, {"Gave up", c.full(x.EndedAt)},
			{"Look at", "/subscriptions/" + x.SubscriptionID + "/resourceGroups/" + x.TargetResourceGroup + "/…/" + x.Name},
			{"Request IDs", or(strings.Join(x.RequestIDs, ", "), "none")},
		}}
	})
	t.Lead = "The start may have been accepted: look at the cloud before anything else. When it is certain that no upgrade runs or ran:"
	t.Command = report.ReopenCommand("", o)
	return t
}

func blocked(v *report.View) task {
	t := task{ID: "blocked", Status: fleet.Blocked, CSV: true}
	vs := pick(v, func(x *report.Vault) bool { return x.Status == fleet.Blocked })
	if len(vs) == 0 {
		return t
	}
	t.Title = "Mend what blocks " + plural(len(vs), "vault", "vaults")
	t.Lead = "Nothing was started on them. They are tried again by the next run."
	t.Cases = causes(v, vs, func(*report.Vault) patient { return patient{} })
	return t
}

// causes groups vaults by what stops them, the most frequent first. A vault
// with several reasons stands under each: all of them must be mended.
func causes(v *report.View, vs []int, describe func(*report.Vault) patient) []sickness {
	var out []sickness
	at := map[string]int{}
	place := func(code, message, action string) *sickness {
		i, known := at[code]
		if !known {
			i = len(out)
			at[code] = i
			out = append(out, sickness{Code: code, Message: message, Action: action})
		}
		k := &out[i]
		if k.Message != message {
			k.Message = "" // not the same for all: shown with each vault
		}
		k.Action = or(k.Action, action)
		return k
	}
	messages := map[string][]string{} // of each patient of a code
	for _, n := range vs {
		x := &v.Vaults[n]
		stops := x.Stops()
		if len(stops) == 0 {
			stops = []report.Finding{{Message: x.Reason}}
		}
		for _, f := range stops {
			code := or(text(f.Code), "no code given")
			k := place(code, text(f.Message), text(f.Action))
			if !strings.Contains(k.Why, x.Refusal()) {
				k.Why = strings.TrimSpace(k.Why + " " + x.Refusal())
			}
			if last := len(k.Vaults) - 1; last >= 0 && k.Vaults[last].Index == n {
				k.Vaults[last].Items = append(slices.Clip(k.Vaults[last].Items), f.Items...)
				messages[code][last] += "; " + text(f.Message)
				continue
			}
			p := describe(x)
			p.Index, p.Vault, p.Items = n, x.Vault, f.Items
			k.Vaults = append(k.Vaults, p)
			messages[code] = append(messages[code], text(f.Message))
		}
	}
	for i := range out {
		out[i].finish(messages[out[i].Code])
	}
	slices.SortStableFunc(out, func(a, b sickness) int {
		return cmp.Or(cmp.Compare(len(b.Vaults), len(a.Vaults)), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// finish counts the machines of a case, and gives each vault its own message
// where they differ.
func (k *sickness) finish(messages []string) {
	seen := map[string]bool{}
	for i := range k.Vaults {
		for _, s := range k.Vaults[i].Items {
			seen[s] = true
		}
		if k.Message == "" && messages[i] != "" {
			k.Vaults[i].Pairs = slices.Insert(k.Vaults[i].Pairs, 0, pair{"Message", messages[i]})
		}
	}
	k.Machines = len(seen)
}

// waiter is a group of vaults that need nobody now.
type waiter struct {
	Status fleet.Status
	Reason string
	Count  int
}

// calm lists those who come back by themselves, under the reason they share.
func calm(v *report.View) []waiter {
	var out []waiter
	at := map[waiter]int{}
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Status != fleet.Busy && x.Status != fleet.Deferred && x.Status != fleet.Excluded {
			continue
		}
		w := waiter{Status: x.Status, Reason: or(text(x.Reason), "no reason given")}
		n, known := at[w]
		if !known {
			n = len(out)
			at[w] = n
			out = append(out, w)
		}
		out[n].Count++
	}
	slices.SortStableFunc(out, func(a, b waiter) int {
		return cmp.Or(strings.Compare(string(a.Status), string(b.Status)), cmp.Compare(b.Count, a.Count))
	})
	return out
}

func pick(v *report.View, keep func(*report.Vault) bool) []int {
	var out []int
	for i := range v.Vaults {
		if keep(&v.Vaults[i]) {
			out = append(out, i)
		}
	}
	return out
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number writes 12345 as 12,345.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
