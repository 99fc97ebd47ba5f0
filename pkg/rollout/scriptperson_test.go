package rollout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// person carries out a line that is a person's word to the run: an order, with what
// it needs. by=NAME says who gives it, SUB/VAULT or v000 names a vault, -l SELECTOR
// picks some, and because=WORDS is the reason. An order that begins with leave is
// given while no process is at work.
func (s *script) person(do string, args []string) ([]string, error) {
	if s.m == nil {
		return nil, fmt.Errorf("no run: open first")
	}
	left := do == "leave"
	if left {
		do, args = args[0], args[1:]
	}
	o, by, err := s.order(do, args)
	if err != nil {
		return refusedAs(err)
	}
	if left {
		return s.leaveWord(o, by)
	}
	facts, err := s.m.Decide(o, by, s.now)
	if err != nil {
		return refusedAs(err)
	}
	var obs []Observation
	for _, f := range facts {
		obs = append(obs, Commanded{f})
	}
	return s.step(obs...)
}

// order reads the words of an order.
func (s *script) order(do string, args []string) (Order, fleet.Actor, error) {
	o, by := Order{Do: do, State: "fleet.db", Off: do == "release", Reason: "a customer calls"},
		fleet.Actor{User: "sam"}
	switch do {
	case "note":
		o.Reason = strings.Join(args, " ")
		return o, by, nil
	case "hold", "release":
		o.Reason = "a restore is needed"
	case "stop":
		o.Reason = "enough"
	case "limit":
		o.Reason = "slow down"
	}
	var limits []string
	for n := 0; n < len(args); n++ {
		switch key, val, set := strings.Cut(args[n], "="); {
		case key == "off":
			o.Off = true
		case key == "close":
			o.Close = true
		case key == "by":
			by.User = val
		case key == "wave":
			o.Wave = val
		case key == "because":
			o.Reason = val
		case key == "-l":
			n++
			o.Selector = args[n]
		case set, do == "limit":
			limits = append(limits, args[n])
		case strings.Contains(key, "/"):
			o.Vaults = append(o.Vaults, key)
		default:
			i, err := s.vault(key)
			if err != nil {
				return o, by, err
			}
			o.Vaults = append(o.Vaults, s.plan.Vaults[i].Ref())
		}
	}
	if limits != nil {
		err := o.SetLimits(strings.Fields(strings.ReplaceAll(strings.Join(limits, " "), "=-1", "=plan")))
		return o, by, err
	}
	return o, by, nil
}

// leaveWord leaves an order in the ledger: the machine is what the next process finds.
func (s *script) leaveWord(o Order, by fleet.Actor) ([]string, error) {
	st, err := s.read()
	if err != nil {
		return nil, err
	}
	said, _, err := st.LeaveWord(o, by, s.now)
	if err != nil {
		return refusedAs(err)
	}
	s.journal = append(s.journal, said.Events...)
	return s.print(Output{Facts: said.Events}), nil
}

// read is what the journal says.
func (s *script) read() (*State, error) {
	events, err := reread(s.journal)
	if err != nil {
		return nil, err
	}
	st := NewState(s.plan)
	return st, st.Replay(events)
}

// refusedAs shows a refusal as a person is told of it.
func refusedAs(err error) ([]string, error) {
	r, ok := errors.AsType[*fleet.Refusal](err)
	if !ok {
		return nil, err
	}
	lines := []string{"refused: " + r.Error()}
	if r.Code != fleet.ExitUsage {
		lines[0] = fmt.Sprintf("refused with %d: %s", r.Code, r.Error())
	}
	for _, next := range r.Next {
		or := ""
		if next.Instead {
			or = "or "
		}
		lines = append(lines, "next: "+or+strings.TrimSpace(next.Text+" "+strings.Join(next.Args, " ")))
	}
	return lines, nil
}
