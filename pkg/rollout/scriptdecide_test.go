package rollout

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// pastRun is a run of the ledger that another one came after.
type pastRun struct {
	plan    *plan.Plan
	journal []fleet.Event
}

// sent is a start that the machine let go, and when.
type sent struct {
	Send
	decided Moment
}

// decision carries out a line that asks for a decision which no process takes in its
// steps: whether a run may be opened or gone on with, and what of a vault is left for it,
// tried again, read again, or sent; ok is false where the line is none.
func (s *script) decision(do string, args []string) (lines []string, ok bool, err error) {
	switch do {
	case "next-run":
		lines, err = s.nextRun(args)
	case "resume":
		lines, err = s.resume(args)
	case "reopen":
		lines, err = s.reopen(args)
	case "refresh":
		lines, err = s.refresh(args)
	case "consent":
		lines, err = s.consent(args)
	case "leaves":
		lines, err = s.leaves(args)
	case "goes-out":
		lines, err = goesOut(args)
	default:
		return nil, false, nil
	}
	return lines, true, err
}

// scope is how much one reading of the plan's kind takes in.
func (s *script) scope() fleet.Scope {
	if s.plan.Upgrade != nil {
		return fleet.ScopeVault
	}
	return fleet.ScopeSubscription
}

// callError is a call that failed with CLASS, or CLASS=REASON for another reason than
// before.
func callError(how string, wait time.Duration) error {
	class, why, _ := strings.Cut(how, "=")
	return &fleet.CallError{Op: "read", Class: fleet.CallClass(class), Message: "told " + class + why, RetryAfter: wait}
}

// inherited is what the ledger's runs have left, the newest one's facts included.
func (s *script) inherited() (h Inheritance, err error) {
	for _, r := range append(s.past, pastRun{s.plan, s.journal}) {
		st := NewState(r.plan)
		for _, e := range r.journal {
			if err := st.Apply(e); err != nil {
				return h, err
			}
			if f, ok := e.Fact.(fleet.VaultFact); ok {
				h.Add(st, f)
			}
		}
	}
	return h, nil
}

// nextRun opens another run of the same ledger, of the same plan or of one with
// KEY=VALUE; it says what of the vaults the run begins with.
func (s *script) nextRun(args []string) ([]string, error) {
	st, err := s.read()
	if err != nil {
		return nil, err
	}
	if err := st.MayOpen(); err != nil {
		return []string{"refused: " + err.Error()}, nil
	}
	h, err := s.inherited()
	if err != nil {
		return nil, err
	}
	s.past = append(s.past, pastRun{s.plan, s.journal})
	if len(args) > 0 {
		if s.plan, err = scriptPlan(args); err != nil {
			return nil, err
		}
	}
	opened := h.Open(s.plan, fleet.RunOpened{RunID: fmt.Sprint("run", len(s.past)+1), By: fleet.Actor{User: "alex"}})
	s.m, s.journal = New(s.plan), []fleet.Event{{At: s.now, Fact: opened}}
	if err := s.m.Apply(s.journal[0]); err != nil {
		return nil, err
	}
	var lines []string
	for _, c := range opened.Carried {
		words := []string{"carried", s.name(c.Vault), string(c.Status), c.OperationID}
		if why := c.Operation.WhyUnfollowed(); why != "" {
			words = append(words, "accepted, and not followed: "+why)
		} else if c.Operation != nil {
			words = append(words, "followed")
		}
		if len(c.Disregard) > 0 {
			words = append(words, "permitted, whatever came of "+strings.Join(c.Disregard, " "))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	for _, k := range opened.Upgraded {
		lines = append(lines, "upgraded before: "+s.name(k))
	}
	for _, k := range opened.Already {
		lines = append(lines, "as wanted before: "+s.name(k))
	}
	for w := range s.plan.Waves {
		if t, ok := opened.Changed[s.plan.Waves[w].Name]; ok {
			lines = append(lines, "changed in "+s.plan.Waves[w].Name+" at "+at(t))
		}
	}
	more, err := s.step()
	return append(lines, more...), err
}

// resume goes on with the run in a new process; accept: with its failures.
func (s *script) resume(args []string) ([]string, error) {
	st, err := s.read()
	if err != nil {
		return nil, err
	}
	accept := len(args) > 0 && args[0] == "accept"
	if err := st.MayResume(accept); err != nil {
		return []string{"refused: " + err.Error()}, nil
	}
	return s.restart(st.Resume(fleet.Resumed{By: fleet.Actor{User: "alex"}, Version: "v1"}, accept,
		"support looked")...)
}

// reopen permits another try while no process is at work; case=ID and because=WORD go
// with it.
func (s *script) reopen(args []string) ([]string, error) {
	st, err := s.read()
	if err != nil {
		return nil, err
	}
	ids, err := s.vaults(args[0])
	if err != nil {
		return nil, err
	}
	r := Reopening{By: fleet.Actor{User: "alex"}, Reason: "support said so"}
	for _, a := range args[1:] {
		switch key, val, _ := strings.Cut(a, "="); key {
		case "because":
			r.Reason = val
		case "case":
			r.Case = val
		default:
			return nil, fmt.Errorf("a permission has no %q", key)
		}
	}
	h, err := s.inherited()
	if err != nil {
		return nil, err
	}
	left := map[fleet.Key]fleet.VaultRecord{}
	for _, i := range ids {
		r, ok := h.Record(s.m.key(i))
		if !ok { // the script begins with what an earlier run left
			r = st.Record(i)
		}
		left[s.m.key(i)] = r
	}
	events, _, err := st.Reopen(ids, left, r, s.now)
	if err != nil {
		return refusedAs(err)
	}
	s.journal = append(s.journal, events...)
	return s.print(Output{Facts: events}), nil
}

// refresh reads vaults again while no process is at work: READING[=STATE[@OPERATION]] is
// what the record says, verified or differs what the target does where it is read.
func (s *script) refresh(args []string) ([]string, error) {
	st, err := s.read()
	if err != nil {
		return nil, err
	}
	named, err := s.vaults(args[0])
	if err != nil {
		return nil, err
	}
	ids, err := st.ToRefresh(named)
	if err != nil {
		return refusedAs(err)
	}
	reading, record, _ := strings.Cut(args[1], "=")
	verified := len(args) > 2 && args[2] == "verified"
	var lines []string
	for _, i := range ids {
		saw := fleet.Reconciliation{Reading: fleet.Reading(reading), Detail: "read"}
		if state, op, ok := strings.Cut(record, "@"); ok {
			saw.Record = s.record(fleet.UpgradeState(state), op)
		} else if record != "" {
			saw.Record = s.record(fleet.UpgradeState(record), st.Vaults[i].OperationID)
		}
		var target *fleet.Verification
		var why []fleet.Finding
		next := NextRead(saw)
		switch next {
		case ReadTarget:
			target = &fleet.Verification{OK: verified, ResourceID: "/new/" + s.plan.Vaults[i].Name,
				Detail: "it lacks items"}
		case ReadWhy:
			why = []fleet.Finding{{Severity: fleet.SeverityError, Code: "Why", Message: "the service gave up"}}
		}
		e := fleet.Event{At: st.Next(s.now), Fact: st.Concluded(i, fleet.Actor{User: "alex"}, saw, target, why)}
		if err := st.Apply(e); err != nil {
			return nil, err
		}
		s.journal = append(s.journal, e)
		v := &st.Vaults[i]
		lines = append(lines, fmt.Sprintf("%s: reads %s; %s: %s", s.plan.Vaults[i].Name, scriptReads[next], v.Status,
			v.Reason))
	}
	return lines, nil
}

var scriptReads = map[RefreshRead]string{ReadNoMore: "no more", ReadTarget: "the target", ReadWhy: "why",
	ReadReachable: "whether it can be reached"}

// consent says what is missing before the plan starts: of yes, terminal, saved, expired, holds=N
// and kind=NAME a person has said or has what is named.
func (s *script) consent(args []string) ([]string, error) {
	c := Consent{}
	known := ProspectsOf(s.plan)
	c.Holds = len(known.Expired(s.plan)) // no ledger knows more
	for _, a := range args {
		switch key, val, _ := strings.Cut(a, "="); key {
		case "yes":
			c.Yes = true
		case "terminal":
			c.Terminal = true
		case "saved":
			c.Saved = true
		case "expired":
			c.Expired = true
		case "kind":
			c.Named, c.Kind = true, fleet.Kind(val)
		case "holds":
			n, err := strconv.Atoi(val)
			if err != nil {
				return nil, err
			}
			c.Holds = n
		default:
			return nil, fmt.Errorf("no consent %q", a)
		}
	}
	if m := c.Missing(s.plan); m != MissingNothing {
		return []string{"missing: " + string(m)}, nil
	}
	return []string{"starts"}, nil
}

// leaves asks of the newest start of a vault whether it may still leave: +30s later, the
// wall clock wall=10s further than that, or with the run told to leave.
func (s *script) leaves(args []string) ([]string, error) {
	start, ok := s.sends[args[0]]
	if !ok {
		return nil, fmt.Errorf("%s was not started", args[0])
	}
	now, told := start.decided, false
	for _, a := range args[1:] {
		if a == "told" {
			told = true
			continue
		}
		wall, isWall := strings.CutPrefix(a, "wall=")
		d, err := time.ParseDuration(strings.TrimPrefix(wall, "+"))
		if err != nil {
			return nil, err
		}
		if now.Wall = now.Wall.Add(d); !isWall {
			now.At = now.At.Add(d)
		}
	}
	within, reason := start.MayLeave(start.decided, now, told)
	if reason != "" {
		return []string{"stays: " + reason}, nil
	}
	return []string{"leaves within " + within.String()}, nil
}

// goesOut asks whether a start that was made ready on made=MODE@ADDRESS goes out on
// newest=MODE@ADDRESS, for the try=Nth time, with a token that is age=5m old; same: the
// two are one reading; running: the newest shows an operation.
func goesOut(args []string) ([]string, error) {
	n, age, same := 1, time.Duration(0), false
	var made, newest fleet.Sighting
	for _, a := range args {
		key, val, _ := strings.Cut(a, "=")
		mode, address, _ := strings.Cut(val, "@")
		var err error
		switch key {
		case "try":
			_, err = fmt.Sscan(val, &n)
		case "age":
			age, err = time.ParseDuration(val)
		case "same":
			same = true
		case "running":
			newest.Record = &fleet.Record{State: fleet.RecordInProgress}
		case "made":
			made.State, made.Address = settings(mode), address
		case "newest":
			newest.State, newest.Address = settings(mode), address
		default:
			err = fmt.Errorf("a start has no %q", key)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case GoesOut(n, made, newest, same, age):
		return []string{"goes out"}, nil
	case made.Address != newest.Address, !bytes.Equal(made.State, newest.State), newest.Record != nil:
		return []string{"made ready again: it shows another vault"}, nil
	}
	return []string{"made ready again: its token is old"}, nil
}
