package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// What an order may hold, at most.
const (
	longestReason = 2000 // bytes that a person may say
	longestName   = 1000 // bytes of a vault's, a wave's or a selector's
	longestPath   = 4096 // bytes of a ledger's
	mostNamed     = 1000 // that one order names; a selector picks more
)

// readOrder reads an order as it was written: each name once and spelled as it is,
// and nothing after it. A reader that takes the last of two words for one thing may
// hear another order than whoever looked at it before.
func readOrder(raw json.RawMessage) (o order, err error) {
	if !utf8.Valid(raw) {
		return o, errors.New("it is not UTF-8")
	}
	if err := spelled(json.NewDecoder(bytes.NewReader(raw)), orderNames()); err != nil {
		return o, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return o, err
	}
	if _, more := d.Token(); more != io.EOF {
		return o, errors.New("something comes after it")
	}
	return o, nil
}

// orderNames are the names in an order.
func orderNames() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[order]()) {
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

// wordless reports whether a text shows nothing: spaces and marks without width are
// no reason.
func wordless(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

// check makes sure that an order is whole, and holds nothing that is not for it. The
// command asks before it speaks, and the run before it listens: whoever may
// write to the socket need not be this program.
func (o order) check() error {
	belongs := map[string][]string{"approve": {"wave"}, "pause": {"off"}, "stop": {"close"}, "hold": {"vaults", "selector"},
		"release": {"off", "vaults", "selector"}, "limit": {"limits"}, "note": {}}
	may, known := belongs[o.Do]
	if !known {
		return failure.Usage("use one version of fleetup for the run and for the order", "the run does not know the order %q", o.Do)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"wave", o.Wave != ""}, {"off", o.Off}, {"close", o.Close}, {"vaults", len(o.Vaults) > 0}, {"selector", o.Selector != ""}, {"limits", len(o.Limits) > 0}} {
		if f.set && !slices.Contains(may, f.name) {
			return failure.Usage("fleetup "+o.Do+" --help", "the order %s has no %s", o.Do, f.name)
		}
	}
	what := "reason"
	if o.Do == "note" {
		what = "text"
	}
	if wordless(o.Reason) {
		return failure.Usage("fleetup "+o.Do+" --help", "%s needs a %s: the journal keeps it", o.Do, what)
	}
	if err := sayable("the "+what, o.Reason, longestReason, "\n\t"); err != nil {
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
	switch o.Do {
	case "hold", "release":
		return o.checkVaults()
	case "limit":
		return o.checkLimits()
	}
	return nil
}

func (o order) checkVaults() error {
	switch {
	case (len(o.Vaults) > 0) == (o.Selector != ""):
		return failure.Usage(oneWay(o.Do, &o), "%s needs vaults, by name or with --selector, and not both", o.Do)
	case len(o.Vaults) > mostNamed:
		return failure.Usage(report.Command(o.Do, "--selector", "SELECTOR", "--reason", o.Reason, "--state", o.State), "the order names %d vaults; it may name %d", len(o.Vaults), mostNamed)
	case o.Off != (o.Do == "release"):
		return failure.Usage("fleetup "+o.Do+" --help", "the order %s contradicts itself", o.Do)
	}
	return nil
}

func (o order) checkLimits() error {
	next := report.Command("limit", "upgrades=5", "--reason", o.Reason, "--state", o.State)
	if len(o.Limits) == 0 {
		return failure.Usage(next, "limit needs at least one limit")
	}
	for name, n := range o.Limits {
		if !slices.Contains(limitNames, name) {
			return failure.Usage(next, "unknown limit %q; valid: %s", name, strings.Join(limitNames, ", "))
		}
		if n < 1 && n != fleet.AsPlanned {
			return failure.Usage(next, "%s=%d: a limit is a whole number from 1, or plan; fleetup pause lets nothing start", name, n)
		}
	}
	return nil
}

// sayable makes sure that a text is one, has an end, and steers nothing.
func sayable(what, s string, most int, but string) error {
	control := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(but, r) }
	switch {
	case len(s) > most:
		return failure.Usage("say it in fewer words", "%s has %d bytes; %d are kept", what, len(s), most)
	case !utf8.ValidString(s):
		return failure.Usage("write it as UTF-8", "%s is not UTF-8", what)
	case strings.ContainsFunc(s, control):
		return failure.Usage("leave out what is not text", "%s has a control character", what)
	}
	return nil
}
