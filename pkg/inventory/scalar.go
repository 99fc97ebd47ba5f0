package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

const quotedStyles = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// isPlain reports whether a scalar stands there without quotes or a tag.
func isPlain(n *yaml.Node) bool { return n.Style&(quotedStyles|yaml.TaggedStyle) == 0 }

// describe says what a node is, for "must be X, not …".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return tagged(n, "!!map", "a mapping")
	case yaml.SequenceNode:
		return tagged(n, "!!seq", "a list")
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the boolean " + clip(n.Value)
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!timestamp":
		return "the date " + clip(n.Value)
	case "!!str":
		return "the text " + quote(n.Value)
	}
	return "a value with the tag " + clip(n.Tag)
}

func tagged(n *yaml.Node, tag, what string) string {
	if n.Tag != tag {
		return what + " with the tag " + clip(n.Tag)
	}
	return what
}

// clip shortens a value for a message, and quote also shows what is invisible.
func clip(s string) string { return clipTo(s, 80) }

func clipTo(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

func quote(s string) string { return strconv.Quote(clip(s)) }

// yamlOneBooleans are the words that other YAML readers take for a boolean.
var yamlOneBooleans = lazyregexp.New(`^(?:[yY]|[yY]es|YES|[nN]|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$`)

// text reads a string. What YAML readers take for something else must be
// quoted.
func (r *reader) text(n *yaml.Node, where place, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		r.problem(where, "", "%s must be text, not %s", what, describe(n))
		return "", false
	}
	kind := ""
	switch n.ShortTag() {
	case "!!str":
		if !isPlain(n) || len(n.Value) > 3 || !yamlOneBooleans().MatchString(n.Value) {
			return r.intern(n.Value), true
		}
		kind = "a boolean"
	case "!!null":
		if n.Value == "" {
			r.problem(where, "give it a value, or remove the key", "%s is empty", what)
			return "", false
		}
		kind = "nothing at all"
	case "!!bool":
		kind = "a boolean"
	case "!!int", "!!float":
		kind = "a number"
	case "!!timestamp":
		kind = "a date"
	case "!!merge":
		kind = "a merge key"
	default:
		r.problem(where, "remove the tag", "%s must be text, not %s", what, describe(n))
		return "", false
	}
	r.problem(where, "quote it: "+quote(n.Value), "%s must be text, but YAML reads %s as %s", what, clip(n.Value), kind)
	return "", false
}

func (r *reader) intern(s string) string {
	if kept, ok := r.pool[s]; ok {
		return kept
	}
	r.pool[s] = s
	return s
}

// line reads a text of one line that people will see: not empty, no space at
// its ends, nothing invisible in it.
func (r *reader) line(e *entry, what string) (string, bool) {
	s, ok := r.text(e.value, e.at, what)
	if !ok || !r.checkLine(s, e.at, what) {
		return "", false
	}
	return s, true
}

// maxLine is far more than any name; longer is a mistake, such as a quote that
// was never closed.
const maxLine = 1000

func (r *reader) checkLine(s string, where place, what string) bool {
	switch i := strings.IndexFunc(s, invisible); {
	case strings.TrimSpace(s) == "":
		r.problem(where, "give it a value", "%s is empty", what)
	case i >= 0:
		c, _ := utf8.DecodeRuneInString(s[i:])
		r.problem(where, "remove it", "%s %s holds the control character U+%04X", what, quote(s), c)
	case strings.TrimSpace(s) != s:
		r.problem(where, "remove it", "%s %s begins or ends with %s", what, quote(s), spaceAtEnd(s))
	case utf8.RuneCountInString(s) > maxLine:
		r.problem(where, "check the quotes", "%s has more than %d characters", what, maxLine)
	default:
		return true
	}
	return false
}

// spaceAtEnd names the space at an end of a text: one that looks like others is
// named by its number.
func spaceAtEnd(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	for _, c := range []rune{first, last} {
		if unicode.IsSpace(c) && c != ' ' {
			return fmt.Sprintf("the space U+%04X", c)
		}
	}
	return "a space"
}

// invisible reports control characters and those that change how text around
// them is shown.
func invisible(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == 0x2028 || c == 0x2029
}

func (r *reader) boolean(e *entry, what string) (bool, bool) {
	if e.value.Kind == yaml.ScalarNode && e.value.ShortTag() == "!!bool" {
		switch strings.ToLower(e.value.Value) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	hint := ""
	if plainBoolean(e.value) {
		hint = "write true or false: YAML readers do not agree about " + e.value.Value
	}
	r.problem(e.at, hint, "%s must be true or false, not %s", what, describe(e.value))
	return false, false
}

var wholeNumber = lazyregexp.New(`^[-+]?(?:0|[1-9][0-9]*)$`)

// integer reads a whole number between least and most.
func (r *reader) integer(e *entry, what string, least, most int) (int, bool) {
	n := e.value
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && !wholeNumber().MatchString(n.Value) {
		r.problem(e.at, "", "%s must be a whole number, not %s", what, describe(n))
		return 0, false
	}
	if n.ShortTag() == "!!str" {
		r.problem(e.at, "remove the quotes", "%s must be a whole number, not %s", what, describe(n))
		return 0, false
	}
	if !wholeNumber().MatchString(n.Value) {
		r.problem(e.at, "write it in decimal digits alone", "%s must be a whole number, not %s", what, clip(n.Value))
		return 0, false
	}
	i, err := strconv.Atoi(n.Value)
	if err != nil || i < least || i > most {
		r.problem(e.at, "", "%s must be between %d and %d, not %s", what, least, most, clip(n.Value))
		return 0, false
	}
	return i, true
}

var decimalNumber = lazyregexp.New(`^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$`)

// number reads a decimal number between least and most.
func (r *reader) number(e *entry, what string, least, most float64) (float64, bool) {
	n := e.value
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && n.ShortTag() != "!!float" {
		r.problem(e.at, "", "%s must be a number, not %s", what, describe(n))
		return 0, false
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if !decimalNumber().MatchString(n.Value) || err != nil || v < least || v > most {
		r.problem(e.at, "", "%s must be a decimal number between %g and %g, not %s", what, least, most, clip(n.Value))
		return 0, false
	}
	return v, true
}

// longest is the longest duration that is believed.
const longest = 366 * 24 * time.Hour

func (r *reader) duration(e *entry, what string) (time.Duration, bool) {
	const form = "write a number and a unit, such as 30s, 5m or 2h"
	n := e.value
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.problem(e.at, form, "%s must be a duration, not %s", what, describe(n))
		return 0, false
	}
	d, err := time.ParseDuration(n.Value)
	switch {
	case err != nil:
		r.problem(e.at, form, "%s must be a duration, not %s", what, describe(n))
	case d <= 0:
		r.problem(e.at, "", "%s must be longer than 0, not %s", what, clip(n.Value))
	case d > longest:
		r.problem(e.at, "", "%s must be at most a year, not %s", what, clip(n.Value))
	default:
		return d, true
	}
	return 0, false
}

// instant reads a time in RFC 3339, or a date, which means its beginning in
// UTC. YAML's own dates are accepted unquoted.
func (r *reader) instant(e *entry, what string) (time.Time, bool) {
	const form = "write 2026-12-24 (from 00:00 UTC) or 2026-12-24T06:00:00+11:00"
	n := e.value
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!timestamp" || n.ShortTag() == "!!str") {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			t, err := time.Parse(layout, n.Value)
			if err == nil && t.UTC().Year() >= 2000 && t.UTC().Year() <= 9999 {
				return t.UTC(), true
			}
		}
	}
	r.problem(e.at, form, "%s must be a date or a time, not %s", what, describe(n))
	return time.Time{}, false
}

// oneOf reads a word out of a list.
func (r *reader) oneOf(e *entry, what string, allowed []string) (string, bool) {
	if plainBoolean(e.value) && !slices.Contains(allowed, e.value.Value) {
		// Quoting it, as text advises, would not help.
		r.problem(e.at, "write one of "+strings.Join(allowed, ", "), "%s must be %s, not %s", what, either(allowed),
			e.value.Value)
		return "", false
	}
	s, ok := r.text(e.value, e.at, what)
	if !ok {
		return "", false
	}
	if i := slices.Index(allowed, s); i >= 0 {
		return allowed[i], true
	}
	hint := ""
	if len(allowed) > 1 {
		hint = didYouMean(s, allowed, "")
	}
	r.problem(e.at, hint, "%s must be %s, not %s", what, either(allowed), quote(s))
	return "", false
}

// either lists words for people: a, b or c.
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
