package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// command carries out one line.
func (s *script) command(line string) ([]string, error) {
	if rest, ok := strings.CutPrefix(line, "+"); ok {
		by, cmd, _ := strings.Cut(rest, " ")
		d, err := time.ParseDuration(by)
		if err != nil {
			return nil, err
		}
		s.now, line = s.now.Add(d), cmd
	}
	f := strings.Fields(line)
	args := f[1:]
	if lines, ok, err := s.decision(f[0], args); ok {
		return lines, err
	}
	switch f[0] {
	case "plan":
		var err error
		s.plan, err = scriptPlan(args)
		s.m, s.ops, s.past = nil, map[string]int{}, nil
		return nil, err
	case "open":
		return s.open(args)
	case "step":
		return s.step()
	case "crash":
		return s.crash(args)
	case "accept-failures":
		return s.restart(fleet.Resumed{}, fleet.FailuresAccepted{Reason: "support looked"})
	case "show":
		return s.show(), nil
	case "fields":
		return s.changes(), nil
	case "give": // an order that has another meaning as a command of a script
		return s.person(args[0], args[1:])
	case "approve":
		a, err := s.approval(args)
		if err != nil {
			return nil, err
		}
		return s.step(Commanded{a})
	case "pause", "stop", "limit", "hold", "release", "note", "leave":
		return s.person(f[0], args)
	case "exit-when-waiting":
		s.m.ExitWhenWaiting = true
		return s.step()
	case "wall": // the wall clock is so far ahead of the time that has passed
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return nil, err
		}
		return s.step(Clock{s.now.Add(d)})
	}
	var obs []Observation
	for part := range strings.SplitSeq(line, ";") {
		o, err := s.observations(strings.Fields(part))
		if err != nil {
			return nil, err
		}
		obs = append(obs, o...)
	}
	return s.step(obs...)
}

// open starts the first process of a run.
func (s *script) open(args []string) ([]string, error) {
	s.m, s.journal = New(s.plan), nil
	opened := fleet.RunOpened{RunID: "run", By: fleet.Actor{User: "alex"}}
	changed := map[fleet.Key]time.Time{}
	for _, a := range args {
		if a == "validate-all-first" {
			opened.ValidateAllFirst = true
			continue
		}
		name, how, _ := strings.Cut(a, "=")
		i, err := s.vault(name)
		if err != nil {
			return nil, err
		}
		if before, ok := strings.CutPrefix(how, "upgraded:"); ok {
			d, err := time.ParseDuration(before)
			if err != nil {
				return nil, err
			}
			opened.Upgraded = append(opened.Upgraded, s.m.key(i))
			changed[s.m.key(i)] = s.now.Add(-d)
			continue
		}
		c := fleet.Carried{Vault: s.m.key(i), OperationID: name + "#0", Status: fleet.Unknown,
			StartedAt: scriptStart.Add(-24 * time.Hour), EndedAt: scriptStart.Add(-23 * time.Hour)}
		switch how {
		case "failed":
			c.Status = fleet.Failed
		case "unknown":
		case "accepted":
			c.Accepted = true
		case "done":
			c.Accepted, c.Done = true, true
			c.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Category: "deadline",
				Code: fleet.CodeNotVerified, Message: "as it was then"}}
		case "errorbody":
			c.ErrorBody = true
		case "told": // failed, with all that an earlier run has to tell
			c.Status, c.Accepted, c.Done, c.ErrorBody = fleet.Failed, true, true, true
			c.Operation, c.Reason = &fleet.Operation{StatusURL: "/operations/" + c.OperationID}, "the service gave up"
			c.RequestIDs, c.Disregard = []string{"request"}, []string{"older"}
			c.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: fleet.CodeUpgradeFailed,
				Message: "the service gave up"}}
			c.Reading = &fleet.LastReading{At: c.EndedAt, What: "not as wanted"}
		case "reopened":
			c.Status, c.Disregard = fleet.Pending, []string{name + "#0"}
		default:
			return nil, fmt.Errorf("no way to carry %q", how)
		}
		opened.Carried = append(opened.Carried, c)
		changed[c.Vault] = c.EndedAt
	}
	opened.Changed = ChangedBefore(s.plan, func(k fleet.Key) time.Time { return changed[k] })
	e := fleet.Event{At: s.now, Fact: opened}
	s.journal = append(s.journal, e)
	if err := s.m.Apply(e); err != nil {
		return nil, err
	}
	return s.step()
}

// crash drops what the last Step had not committed and starts a new process.
func (s *script) crash(args []string) ([]string, error) {
	if len(args) == 1 {
		n := len(s.journal)
		switch args[0] {
		case "nothing":
			s.journal = s.journal[:n-len(s.last.Facts)-len(s.last.Intents)]
		case "facts":
			s.journal = s.journal[:n-len(s.last.Intents)]
		default:
			return nil, fmt.Errorf("no way to crash %q", args[0])
		}
	}
	return s.restart(fleet.Resumed{})
}

func (s *script) vault(name string) (int, error) {
	i := slices.IndexFunc(s.plan.Vaults, func(v plan.Vault) bool { return v.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("no vault %q", name)
	}
	return i, nil
}

// vaults reads v000, v000,v002 or v000-v003.
func (s *script) vaults(arg string) ([]int, error) {
	var ids []int
	for part := range strings.SplitSeq(arg, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := s.vault(first)
		b := a
		if err == nil && isRange {
			b, err = s.vault(last)
		}
		if err != nil {
			return nil, err
		}
		for i := a; i <= b; i++ {
			ids = append(ids, i)
		}
	}
	return ids, nil
}

// observations builds what one command says was seen.
func (s *script) observations(f []string) ([]Observation, error) {
	arg := func(n int) string {
		if n < len(f) {
			return f[n]
		}
		return ""
	}
	switch f[0] {
	case "interrupt":
		return []Observation{Interrupted{}}, nil
	case "list":
		return s.listing(f[1:])
	case "listfail":
		var vault fleet.Key
		if name := arg(3); name != "" {
			i, err := s.vault(name)
			if err != nil {
				return nil, err
			}
			vault = s.m.key(i)
		}
		return []Observation{Unread(s.scope(), s.sub(arg(1)), vault, callError(arg(2), 0))}, nil
	case "slowdown":
		d, err := time.ParseDuration(arg(2))
		return []Observation{SlowDown{Subscription: s.sub(arg(1)), Until: s.now.Add(d)}}, err
	}
	ids, err := s.vaults(arg(1))
	if err != nil {
		return nil, err
	}
	var obs []Observation
	for _, i := range ids {
		o, err := s.observation(i, f[0], arg(2), f[min(3, len(f)):])
		if err != nil {
			return nil, err
		}
		obs = append(obs, o...)
	}
	return obs, nil
}

func (s *script) sub(name string) string {
	for i := range s.plan.Vaults {
		if v := &s.plan.Vaults[i]; v.SubscriptionName == name {
			return v.SubscriptionID
		}
	}
	return name
}

// observation builds what was seen of one vault.
func (s *script) observation(i int, what, how string, more []string) ([]Observation, error) {
	v, k, name := &s.m.Vaults[i], s.m.key(i), s.plan.Vaults[i].Name
	opt := map[string]string{}
	for _, a := range more {
		key, val, _ := strings.Cut(a, "=")
		opt[key] = val
	}
	var wait time.Duration
	if w := opt["retry"]; w != "" || len(more) == 1 && !strings.Contains(more[0], "=") {
		if w == "" {
			w = more[0]
		}
		var err error
		if wait, err = time.ParseDuration(w); err != nil {
			return nil, err
		}
	}
	switch what {
	case "validated":
		if class, failed := strings.CutPrefix(how, "error="); failed {
			return []Observation{ValidateDone{k, Unchecked(s.scope(), callError(class, wait))}}, nil
		}
		r := fleet.Validation{Verdict: fleet.Verdict(how), RetryAfter: wait, State: settings(opt["mode"])}
		if r.Verdict != fleet.VerdictReady {
			r.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: how, Message: "checks say " + how}}
		}
		if how == fleet.CodeUnreachable { // as a check that got no answer says it
			r.Verdict = fleet.VerdictBusy
		}
		if op := opt["op"]; op != "" {
			r.Record = s.record(recordState(r.Verdict), op)
		}
		return []Observation{ValidateDone{k, r}}, nil
	case "prepared":
		s.ops[name]++
		o := PrepareDone{Vault: k, Start: fleet.PreparedStart{OperationID: name + "#" + strconv.Itoa(s.ops[name])},
			Present: how != "gone"}
		if age, ok := strings.CutPrefix(how, "read="); ok {
			d, err := time.ParseDuration(age)
			if err != nil {
				return nil, err
			}
			o.ReadAt = s.now.Add(-d)
		} else if mode, ok := strings.CutPrefix(how, "mode="); ok {
			o.Seen.State = settings(mode)
		} else if version, ok := strings.CutPrefix(how, "version="); ok {
			o.Seen.Version = version
		} else if state, op, ok := strings.Cut(how, "@"); ok {
			o.Seen.Record = s.record(fleet.UpgradeState(state), op)
		}
		return []Observation{o}, nil
	case "unprepared":
		o, alone := Unprepared(s.scope(), k, callError(how, wait))
		if what := opt["learned"]; what != "" {
			o.Learned = json.RawMessage(strconv.Quote(what))
		}
		if alone > 0 {
			return []Observation{SlowDown{Subscription: s.plan.Vaults[i].SubscriptionID, Until: s.now.Add(alone)}, o},
				nil
		}
		return []Observation{o}, nil
	case "answer":
		a, ok := scriptAnswers[how]
		a.RetryAfter, a.RequestID = wait, "request of "+v.OperationID
		if how == "followed" {
			a.Operation = &fleet.Operation{StatusURL: "/operations/" + v.OperationID, RetryAfter: wait}
		}
		if how == "untold" {
			a.Operation = &fleet.Operation{Unfollowed: "not where to follow it", RetryAfter: wait}
		}
		if !ok {
			return nil, fmt.Errorf("no answer %q", how)
		}
		return []Observation{SendDone{k, v.OperationID, a}}, nil
	case "reconciled":
		reading, state, _ := strings.Cut(how, "=")
		r := fleet.Reconciliation{Reading: fleet.Reading(reading), Detail: "read"}
		switch {
		case r.Reading == fleet.ReadAbsent && state != "":
			r.Version = state
			r.Seen = &fleet.LastReading{At: s.now, What: "as before", Settled: true}
		case r.Reading == fleet.ReadForeign:
			r.Record = s.record(fleet.RecordInProgress, "theirs")
		case r.Reading == fleet.ReadOurs && state == "":
			r.Record = s.record(fleet.RecordInProgress, v.OperationID)
		case r.Reading == fleet.ReadOurs:
			r.Record = s.record(fleet.UpgradeState(state), v.OperationID)
		}
		return []Observation{ReconcileDone{k, v.OperationID, r}}, nil
	case "verified":
		o := VerifyDone{Vault: k, OperationID: v.OperationID,
			Result: fleet.Verification{OK: how == "ok", ResourceID: "/new/" + name}}
		switch how {
		case "error":
			o.Failed = "no answer"
		case "differs":
			o.Result.Seen = &fleet.LastReading{At: s.now, What: "not as wanted", Settled: true,
				Differs: []string{"mode is off, wanted on"}}
		}
		return []Observation{o}, nil
	case "explained":
		o := ExplainDone{Vault: k, OperationID: v.OperationID}
		if how != "" {
			o.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: how}}
		}
		return []Observation{o}, nil
	}
	return nil, fmt.Errorf("no command %q", what)
}
