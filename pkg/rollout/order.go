package rollout

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/internal/strictjson"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Order is a person's word to a run, as data: as it crosses a socket, or waits to be
// left in a ledger. Names that it knows no more, or does not know yet, are refused.
type Order struct {
	Do     string `json:"do"`     // what it is: a name of the table orders
	State  string `json:"state"`  // the ledger as the person named it, for what to do next
	Reason string `json:"reason"` // or the text of a note
	Wave   string `json:"wave,omitempty"`
	Off    bool   `json:"off,omitempty"`
	Close  bool   `json:"close,omitempty"`

	Vaults   []string `json:"vaults,omitempty"`
	Selector string   `json:"selector,omitempty"`

	Limits map[string]int `json:"limits,omitempty"` // by their LimitNames; fleet.AsPlanned gives one back
}

// What an order may hold, at most.
const (
	MaxReason   = 2000 // bytes that a person may say
	longestName = 1000 // bytes of a vault's, a wave's or a selector's
	longestPath = 4096 // bytes of a ledger's
	mostNamed   = 1000 // that one order names; a selector picks more
)

// ReadOrder reads an order as it was written: each name once and spelled as it is,
// and nothing after it. A reader that takes the last of two words for one thing may
// hear another order than whoever looked at it before. Check it before it is heard.
func ReadOrder(raw []byte) (o Order, err error) {
	err = strictjson.Decode(raw, &o)
	return o, err
}

// Check makes sure that an order is whole, and holds nothing that is not for it. A
// command asks before it speaks, and the run before it listens: whoever may write to
// the socket need not be this program. An error is a *fleet.Refusal.
func (o Order) Check() error {
	rule, known := orders[o.Do]
	if !known {
		return fleet.Refuse(fleet.Advice{Text: "use one version of fleetup for the run and for the order"},
			"the run does not know the order %q", o.Do)
	}
	help := fleet.Advice{Text: "fleetup " + o.Do + " --help"}
	for _, f := range []struct {
		name string
		set  bool
	}{{"wave", o.Wave != ""}, {"off", o.Off}, {"close", o.Close}, {"vaults", len(o.Vaults) > 0},
		{"selector", o.Selector != ""}, {"limits", len(o.Limits) > 0}} {
		if f.set && !slices.Contains(rule.has, f.name) {
			return fleet.Refuse(help, "the order %s has no %s", o.Do, f.name)
		}
	}
	what := "reason"
	if o.Do == "note" {
		what = "text"
	}
	if Wordless(o.Reason) {
		return fleet.Refuse(help, "%s needs a %s: the journal keeps it", o.Do, what)
	}
	if err := sayable("the "+what, o.Reason, MaxReason, "\n\t"); err != nil {
		return err
	}
	for _, s := range append([]string{o.Wave, o.Selector}, o.Vaults...) {
		if err := sayable("a name in the order", s, longestName, ""); err != nil {
			return err
		}
	}
	if err := sayable("the ledger's path", o.State, longestPath, ""); err != nil {
		return err
	}
	if rule.check == nil {
		return nil
	}
	return rule.check(o)
}

// Wordless reports whether a text shows nothing: spaces and marks without width are
// no reason.
func Wordless(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

// CheckReason makes sure that a reason may be kept; an empty one may. An error is a
// *fleet.Refusal.
func CheckReason(text string) error { return sayable("the reason", text, MaxReason, "\n\t") }

// sayable makes sure that a text is one, has an end, and steers nothing.
func sayable(what, s string, most int, but string) error {
	control := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(but, r) }
	switch {
	case len(s) > most:
		return fleet.Refuse(fleet.Advice{Text: "say it in fewer words"}, "%s has %d bytes; %d are kept", what, len(s),
			most)
	case !utf8.ValidString(s):
		return fleet.Refuse(fleet.Advice{Text: "write it as UTF-8"}, "%s is not UTF-8", what)
	case strings.ContainsFunc(s, control):
		return fleet.Refuse(fleet.Advice{Text: "leave out what is not text"}, "%s has a control character", what)
	}
	return nil
}

// Decide turns an order into the facts that say it, as the run stands: hand them to
// Machine.Step, each as a Commanded. at is the time on the wall clock. It changes
// nothing. An error is a *fleet.Refusal.
func (s *State) Decide(o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if s.Run.Closed != nil {
		return nil, fleet.Refuse(fleet.Command("report"), "run %s is closed: nothing can be said to it any more",
			s.Run.ID)
	}
	return orders[o.Do].decide(s, o, by, at)
}

// Said is what came of an order.
type Said struct {
	Events    []fleet.Event   `json:"said"`                // what was journalled
	Names     []string        `json:"names,omitempty"`     // of the vaults it is about, as commands name them
	Direction fleet.Direction `json:"direction,omitempty"` // of the run; absent: an older process answered
}

// Saying is what came of an order that was decided as these facts.
func (s *State) Saying(facts []fleet.Fact, at time.Time) (said Said) {
	said.Direction = s.Plan.Kind.Direction()
	var all []string
	for _, f := range facts {
		said.Events = append(said.Events, fleet.Event{At: at, Fact: f})
		if f, ok := f.(fleet.VaultFact); ok {
			if all == nil {
				all = s.Plan.Names()
			}
			i, _ := s.Lookup(f.VaultKey()) // it was decided on this state
			said.Names = append(said.Names, all[i])
		}
	}
	return said
}

// LeaveWord decides an order to a run that no process carries out, and folds it: what
// said has, and the vaults' records that change with it, are to be committed, for the
// next process to find. A run that is to be closed with nothing in flight is closed at
// once, as a resume would close it. An error is a *fleet.Refusal, but for a state that
// does not add up.
func (s *State) LeaveWord(o Order, by fleet.Actor, at time.Time) (said Said, records []fleet.VaultRecord, err error) {
	at = s.Next(at)
	facts, err := s.Decide(o, by, at)
	if err != nil {
		return said, nil, err
	}
	said = s.Saying(facts, at)
	if stop, ok := facts[0].(fleet.Stopped); ok {
		if !stop.Close {
			return said, nil, fleet.Refuse(fleet.To("to close the run for good", "stop", "--close", "--reason", "TEXT"),
				"no process carries the run out: there is nothing to stop")
		}
		if s.InFlight() == 0 {
			out := GoOn(s).Step(at, []Observation{Commanded{stop}})
			said.Events = out.Facts
			return said, out.FactRecords, out.Err
		}
	}
	for _, ev := range said.Events {
		if err := s.Apply(ev); err != nil {
			return said, nil, err
		}
		if f, ok := ev.Fact.(fleet.VaultFact); ok {
			i, _ := s.Lookup(f.VaultKey()) // it was decided on this state
			records = append(records, s.Record(i))
		}
	}
	return said, records, nil
}

// Next is the time of the next fact that is written while no process carries the run out,
// as the wall clock says: nothing goes back in a journal.
func (s *State) Next(wall time.Time) time.Time { return later(wall, s.Run.LastAt) }

// standing is the advice to look where the run stands.
var standing = fleet.Command("status")

// vaultsStanding is the advice to list the vaults, and where each stands.
var vaultsStanding = fleet.Command("status", "-o", "csv")

// Find returns the vault that a person names; see plan.Find. An error is a
// *fleet.Refusal.
func (s *State) Find(name string) (int, error) {
	i, err := s.Plan.Find(name)
	if e, ok := errors.AsType[*plan.NameError](err); ok {
		next := vaultsStanding
		if len(e.Choices) > 0 {
			next = fleet.Advice{Text: "name one of them in full"}
		}
		return 0, fleet.Refuse(next, "%w", e)
	}
	return i, err
}

// FindAll returns the vaults that a person names, each once.
func (s *State) FindAll(names []string) (vaults []int, err error) {
	for _, name := range names {
		i, err := s.Find(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(vaults, i) {
			vaults = append(vaults, i)
		}
	}
	return vaults, nil
}
