package rollout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
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

// orders is the table of what may be said: which fields an order has besides its
// reason, what more must be so of it, and the facts that say it as a run stands.
var orders = map[string]struct {
	has    []string
	check  func(Order) error
	decide func(s *State, o Order, by fleet.Actor, at time.Time) ([]fleet.Fact, error)
}{
	"approve": {has: []string{"wave"}, decide: (*State).approval},
	"pause":   {has: []string{"off"}, decide: (*State).pauseOrder},
	"stop":    {has: []string{"close"}, decide: (*State).stopOrder},
	"hold":    {[]string{"vaults", "selector"}, Order.checkVaults, (*State).holdOrder},
	"release": {[]string{"off", "vaults", "selector"}, Order.checkVaults, (*State).holdOrder},
	"limit":   {[]string{"limits"}, Order.checkLimits, (*State).limitOrder},
	"note": {decide: func(_ *State, o Order, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
		return []fleet.Fact{fleet.Noted{By: by, Text: o.Reason}}, nil
	}},
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
	if !utf8.Valid(raw) {
		return o, errors.New("it is not UTF-8")
	}
	if err := spelled(json.NewDecoder(bytes.NewReader(raw)), orderFields()); err != nil {
		return o, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, err
	}
	if len(bytes.TrimSpace(raw[d.InputOffset():])) > 0 {
		return o, errors.New("something comes after it")
	}
	return o, nil
}

// orderFields are the names of an order's fields.
func orderFields() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Order]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// spelled makes sure that a JSON value names nothing twice, and nothing that is not
// known; no known names: any.
func spelled(d *json.Decoder, known []string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	opened, _ := t.(json.Delim)
	seen := map[string]bool{}
	for opened != 0 && d.More() {
		if opened == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			switch {
			case known != nil && !slices.Contains(known, name):
				return fmt.Errorf("unknown field %q", name)
			case seen[name]:
				return fmt.Errorf("it has %q twice", name)
			}
			seen[name] = true
		}
		if err := spelled(d, nil); err != nil {
			return err
		}
	}
	if opened != 0 {
		_, err = d.Token() // what closes it
	}
	return err
}

// Check makes sure that an order is whole, and holds nothing that is not for it. A
// command asks before it speaks, and the run before it listens: whoever may write to
// the socket need not be this program. An error is a *fleet.Refusal.
func (o Order) Check() error {
	rule, known := orders[o.Do]
	if !known {
		return fleet.Refuse(fleet.Advice{Text: "use one version of fleetup for the run and for the order"}, "the run does not know the order %q", o.Do)
	}
	help := fleet.Advice{Text: "fleetup " + o.Do + " --help"}
	for _, f := range []struct {
		name string
		set  bool
	}{{"wave", o.Wave != ""}, {"off", o.Off}, {"close", o.Close}, {"vaults", len(o.Vaults) > 0}, {"selector", o.Selector != ""}, {"limits", len(o.Limits) > 0}} {
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

func (o Order) checkVaults() error {
	rest := []string{"--reason", o.Reason}
	picked := slices.Concat([]string{o.Do, "--selector", cmp.Or(o.Selector, "SELECTOR")}, rest)
	switch {
	case len(o.Vaults) == 0 && o.Selector == "":
		return fleet.Refuse(fleet.Command(slices.Concat([]string{o.Do, "SUBSCRIPTION/NAME"}, rest)...), oneWay, o.Do)
	case len(o.Vaults) > 0 && o.Selector != "":
		return fleet.Refuse(fleet.Command(slices.Concat([]string{o.Do}, o.Vaults, rest)...), oneWay, o.Do).Then(fleet.To("or", picked...))
	case len(o.Vaults) > mostNamed:
		return fleet.Refuse(fleet.Command(picked...), "the order names %d vaults; it may name %d", len(o.Vaults), mostNamed)
	case o.Off != (o.Do == "release"):
		return fleet.Refuse(fleet.Advice{Text: "fleetup " + o.Do + " --help"}, "the order %s contradicts itself", o.Do)
	}
	return nil
}

const oneWay = "%s needs vaults, by name or with --selector, and not both"

func (o Order) checkLimits() error {
	next := fleet.Command("limit", "upgrades=5", "--reason", o.Reason)
	if len(o.Limits) == 0 {
		return fleet.Refuse(next, "limit needs at least one limit")
	}
	for name, n := range o.Limits {
		if !slices.Contains(LimitNames(), name) {
			if meant := words.Likeliest(name, LimitNames()); meant != "" {
				next = fleet.Command("limit", meant+"="+limitText(n), "--reason", o.Reason)
			}
			return fleet.Refuse(next, "unknown limit %q; valid: %s", name, strings.Join(LimitNames(), ", "))
		}
		if n < 1 && n != fleet.AsPlanned {
			return fleet.Refuse(next, badLimit, name, strconv.Itoa(n))
		}
	}
	return nil
}

// limitText is a limit as a person writes it.
func limitText(n int) string {
	if n == fleet.AsPlanned {
		return "plan"
	}
	return strconv.Itoa(n)
}

const badLimit = "%s=%s: a limit is a whole number from 1, or plan; fleetup pause lets nothing start"

// SetLimits reads limits as a person writes them: upgrades=5, or upgrades=plan to give
// one back to the plan. An error is a *fleet.Refusal.
func (o *Order) SetLimits(args []string) error {
	next := fleet.Command("limit", "upgrades=5", "--reason", o.Reason)
	o.Limits = map[string]int{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		n, err := strconv.Atoi(value)
		_, twice := o.Limits[name]
		switch {
		case !ok:
			return fleet.Refuse(next, "invalid limit %q: use NAME=N or NAME=plan", a)
		case twice:
			return fleet.Refuse(next, "the limit %s is given twice", name)
		case value == "plan":
			n = fleet.AsPlanned
		case slices.Contains(LimitNames(), name) && (err != nil || n < 1):
			return fleet.Refuse(next, badLimit, name, value)
		}
		o.Limits[name] = n
	}
	return nil
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
		return fleet.Refuse(fleet.Advice{Text: "say it in fewer words"}, "%s has %d bytes; %d are kept", what, len(s), most)
	case !utf8.ValidString(s):
		return fleet.Refuse(fleet.Advice{Text: "write it as UTF-8"}, "%s is not UTF-8", what)
	case strings.ContainsFunc(s, control):
		return fleet.Refuse(fleet.Advice{Text: "leave out what is not text"}, "%s has a control character", what)
	}
	return nil
}
