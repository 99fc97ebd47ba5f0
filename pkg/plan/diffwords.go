package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// changes collects differences, each as "name before → after". Values are
// written as an inventory writes them, and never as Go does.
type changes []string

// text adds a difference between two texts; "" is shown as none.
func (c *changes) text(name, a, b string) { c.word(name, a, b, "none") }

// word is text with another word for "".
func (c *changes) word(name, a, b, none string) {
	or := func(s string) string {
		if s == "" {
			return none
		}
		return s
	}
	if or(a) != or(b) {
		*c = append(*c, fmt.Sprintf("%s %s → %s", name, or(a), or(b)))
	}
}

func (c *changes) yes(name string, a, b bool) {
	c.text(name, strconv.FormatBool(a), strconv.FormatBool(b))
}

// number adds a difference between two numbers; zero is the word for 0.
func (c *changes) number(name string, a, b int, zero string) {
	show := func(n int) string {
		if n == 0 {
			return zero
		}
		return strconv.Itoa(n)
	}
	c.text(name, show(a), show(b))
}

func (c *changes) limits(prefix string, a, b WaveLimits) {
	c.number(prefix+"upgrades", a.Upgrades, b.Upgrades, "no limit")
	c.number(prefix+"perSubscription", a.PerSubscription, b.PerSubscription, "no limit")
	c.number(prefix+"perLocation", a.PerLocation, b.PerLocation, "no limit")
}

func (c *changes) budget(name string, a, b *Budget) {
	show := func(b *Budget) string {
		if b == nil {
			return ""
		}
		return b.words()
	}
	c.text(name, show(a), show(b))
}

// pairs adds a difference for each key that one of the maps has otherwise.
func (c *changes) pairs(prefix string, a, b map[string]string) {
	keys := maps.Clone(a)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, b)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		x, inA := a[k]
		y, inB := b[k]
		if inA && inB && x == y {
			continue
		}
		show := func(s string, given bool) string {
			switch {
			case !given:
				return "none"
			case s == "":
				return `""`
			}
			return s
		}
		*c = append(*c, fmt.Sprintf("%s%s %s → %s", prefix, k, show(x, inA), show(y, inB)))
	}
}

// calendar adds the differences between windows and between blackouts. No
// calendar at all is another thing than one without windows: that one replaces
// what stands below it.
func (c *changes) calendar(prefix string, a, b *Calendar) {
	show := func(c *Calendar) (windows, blackouts string) {
		if c == nil {
			return "none", "none"
		}
		none := func(words []string) string {
			if len(words) == 0 {
				return "[]"
			}
			return strings.Join(words, "; ")
		}
		return none(c.WindowWords()), none(c.BlackoutWords())
	}
	w1, b1 := show(a)
	w2, b2 := show(b)
	c.text(prefix+"windows", w1, w2)
	c.text(prefix+"blackouts", b1, b2)
}

// json adds a difference for each value of two JSON documents that differs.
// How they are written (spaces, escapes) does not count.
func (c *changes) json(name string, a, b json.RawMessage) {
	x, xok := tree(a)
	y, yok := tree(b)
	if !xok || !yok { // no plan that passed its check has such a thing
		if !bytes.Equal(a, b) {
			*c = append(*c, name+" changed")
		}
		return
	}
	c.trees(name, x, y)
}

func tree(raw json.RawMessage) (v any, ok bool) {
	if len(raw) == 0 {
		return nil, true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

func (c *changes) trees(name string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	x, isX := a.(map[string]any)
	y, isY := b.(map[string]any)
	if !isX || !isY {
		c.text(name, treeWords(a), treeWords(b))
		return
	}
	keys := maps.Clone(x)
	maps.Copy(keys, y)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		v, inX := x[k]
		w, inY := y[k]
		if inX != inY && (v == nil && w == nil) { // null is not the same as nothing
			c.text(name+"."+k, map[bool]string{true: "null", false: "none"}[inX], map[bool]string{true: "null", false: "none"}[inY])
			continue
		}
		c.trees(name+"."+k, v, w)
	}
}

// treeWords is a JSON value for people: a text as it is, anything else as JSON.
func treeWords(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		if v == "" {
			return `""`
		}
		return v
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // it came from JSON
		return "another value"
	}
	const most = 200
	if s := []rune(strings.TrimSpace(b.String())); len(s) > most {
		return string(s[:most]) + "…"
	}
	return strings.TrimSpace(b.String())
}

// words are a budget as an inventory writes it.
func (b *Budget) words() string {
	switch b.Unit {
	case UnitPercent:
		return strconv.FormatFloat(b.Percent, 'f', -1, 64) + "%"
	case UnitDefault:
		return "the default (2 %, at least 1, at most 10)"
	}
	return strconv.Itoa(b.Count)
}

func (s *Size) words() string {
	switch {
	case s == nil:
		return ""
	case s.Percent > 0:
		return strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
	}
	return strconv.Itoa(s.Count)
}

func (a *Approval) words() string {
	if a == nil {
		return ""
	}
	s := string(a.When)
	if a.NotBy != "" {
		s += ", not by the " + a.NotBy
	}
	if a.Expiry != DefaultApprovalExpiry {
		s += ", expires after " + durationWords(a.Expiry)
	}
	return s
}

// durationWords is a duration as people write it: 5m and not 5m0s; "" for none.
func durationWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func cloudWords(c fleet.Cloud) string {
	if c.Name != fleet.CustomCloud {
		return string(c.Name)
	}
	if c.ServiceManagement == "" {
		return c.ResourceManager
	}
	return c.ServiceManagement + " and " + c.ResourceManager
}

// acceptance says to which warnings of a vault somebody consents.
func acceptance(v *fleet.Vault) string {
	if v.AcceptWarnings {
		return "true"
	}
	var list []string
	for _, c := range v.Consents {
		var parts []string
		for _, x := range [][2]string{{"code", c.Code}, {"category", c.Category}, {"contains", c.Contains}} {
			if x[1] != "" {
				parts = append(parts, x[0]+" "+x[1])
			}
		}
		list = append(list, strings.Join(parts, ", ")+" ("+c.Reason+")")
	}
	if len(list) == 0 {
		return "false"
	}
	return strings.Join(list, "; ")
}

func holdWords(h *fleet.Hold) string {
	if h == nil {
		return ""
	}
	return h.Words()
}
