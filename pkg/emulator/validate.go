package emulator

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	spelling "github.com/fleetup-dev/fleetup/internal/words"
)

// Mistake is one thing wrong with a scenario.
type Mistake struct {
	Path    string // where: "faults[2].delay"
	Message string // what, and what would be right
}

func (m *Mistake) Error() string { return m.Path + ": " + m.Message }

// Validate returns all mistakes of a scenario at once: an error that joins
// *Mistake values, or nil. Whether the vaults and subscriptions it names exist
// only New can tell.
func (s *Scenario) Validate() error {
	var c checker
	if math.IsNaN(s.TimeScale) || math.IsInf(s.TimeScale, 0) || s.TimeScale < 0 {
		c.add("timeScale", "%v is no scale: a number above 0, such as 60 for a minute in a second", s.TimeScale)
	}
	c.oneOf("shape", s.Shape, shapes...)
	c.duration("duration", s.Duration)
	c.duration("changes.duration", s.Changes.Duration)
	if s.Changes.RetryAfter < -1 {
		c.add("changes.retryAfter", "%d is no number of seconds: 1 or more, or -1 for no such header",
			s.Changes.RetryAfter)
	}
	if s.Limits.Graph.Queries < 0 {
		c.add("limits.graph.queries", "%d is no number of queries", s.Limits.Graph.Queries)
	}
	c.span("limits.graph.per", s.Limits.Graph.Per)
	c.managementGroups(s.ManagementGroups)
	c.bucket("limits.reads", s.Limits.Reads)
	c.bucket("limits.writes", s.Limits.Writes)
	for i := range s.Faults {
		c.fault(fmt.Sprintf("faults[%d]", i), &s.Faults[i])
	}
	return errors.Join(c.mistakes...)
}

type checker struct{ mistakes []error }

func (c *checker) add(path, format string, args ...any) {
	c.mistakes = append(c.mistakes, &Mistake{Path: path, Message: fmt.Sprintf(format, args...)})
}

// span checks a duration that may be absent and returns it.
func (c *checker) span(path, s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		c.add(path, "%q is no duration: write it as 90s, 20m or 1h30m", s)
	case d <= 0:
		c.add(path, "%q must be above zero", s)
	default:
		return d
	}
	return 0
}

func (c *checker) bucket(path string, b Bucket) {
	if b.Size < 0 {
		c.add(path+".size", "%d is no number of requests", b.Size)
	}
	if !(b.PerSecond >= 0) || math.IsInf(b.PerSecond, 0) { // not a number is refused too
		c.add(path+".perSecond", "%v is no number of requests", b.PerSecond)
	}
}

func (c *checker) duration(path string, d Duration) {
	lo, hi := c.span(path+".min", d.Min), c.span(path+".max", d.Max)
	base := c.span(path+".base", d.Base)
	c.span(path+".constant", d.Constant)
	c.span(path+".perItem", d.PerItem)
	switch {
	case d == (Duration{}):
	case d.Constant != "":
		if d != (Duration{Constant: d.Constant}) {
			c.add(path, "constant stands alone: leave min, max, base and perItem out")
		}
	case d.Base != "" || d.PerItem != "":
		if d.Base == "" || d.PerItem == "" {
			c.add(path, "base and perItem belong together")
		}
		if d.Min != "" {
			c.add(path+".min", "goes with max alone, not with base and perItem")
		}
		if hi > 0 && base > hi {
			c.add(path+".max", "%s is less than base, %s", d.Max, d.Base)
		}
	case d.Min == "" || d.Max == "":
		c.add(path, "min and max belong together")
	case hi > 0 && lo > hi:
		c.add(path+".max", "%s is less than min, %s", d.Max, d.Min)
	}
}

func (c *checker) fault(path string, f *Fault) {
	kind, ok := kindOf(f.Kind)
	if !ok {
		var names []string
		for _, k := range faultKinds {
			names = append(names, k.Kind)
		}
		if near := spelling.Likeliest(f.Kind, names); near != "" {
			c.add(path+".kind", "%q is no kind of fault; did you mean %q?", f.Kind, near)
			return
		}
		c.add(path+".kind", "%q is no kind of fault; there are %s", f.Kind, strings.Join(names, ", "))
		return
	}
	c.whom(path, f, kind)

	given := setParams(f)
	for _, p := range given {
		if !slices.Contains(kind.Params, p) {
			c.add(path+"."+p, "means nothing to a fault of kind %s; it takes %s", kind.Kind, orNothing(kind.Params))
		}
	}
	for _, p := range kind.Needs {
		if !slices.Contains(given, p) {
			c.add(path, "a fault of kind %s needs %s", kind.Kind, p)
		}
	}

	c.span(path+".for", f.For)
	c.span(path+".delay", f.Delay)
	c.span(path+".until", f.Until)
	for i, call := range f.Calls {
		if !slices.Contains(callGroups, call) {
			c.add(fmt.Sprintf("%s.calls[%d]", path, i), "%q is no call; there are %s", call,
				strings.Join(callGroups, ", "))
		}
	}
	if f.Times < -1 {
		c.add(path+".times", "%d is no number of calls: 1 or more, or -1 for always", f.Times)
	}
	if f.Chance != 0 && !isShare(f.Chance) {
		c.add(path+".chance", "%v is no share: above 0, at most 1", f.Chance)
	}
	if f.RetryAfter < 0 {
		c.add(path+".retryAfter", "%d is no number of seconds", f.RetryAfter)
	}
	if f.Accepted && len(f.Calls) > 0 && !slices.Contains(f.Calls, groupUpgrade) &&
		!slices.Contains(f.Calls, string(callPatch)) {
		c.add(path+".accepted", "only a start can be accepted, and calls names neither upgrade nor patch")
	}
	if f.Properties != nil {
		if _, err := plain(f.Properties); err != nil {
			c.add(path+".properties", "cannot be written as JSON: %v", err)
		}
	}
	if f.Kind == kindRole {
		c.role(path, f)
	}
	if f.Kind == kindHang && f.Delay != "" && !f.Accepted {
		c.add(path+".delay", "says when a start is accepted, and accepted is not set")
	}
	c.status(path, f)
	if f.Shape < 0 || f.Shape > 3 {
		c.add(path+".shape", "%d is no shape of an error body; there are 1, 2 and 3", f.Shape)
	}
	if f.Kind == kindBadStatus {
		c.oneOf(path+".answer", f.Answer, answerDenied, answerGone, answerNoContent, answerEmpty, answerVault,
			answerPage, answerWrapped)
	} else {
		c.oneOf(path+".answer", f.Answer, answerError, answerBare, answerPage, answerWrapped, answerInner)
	}
	if f.InText && f.RetryAfter == 0 {
		c.add(path+".inText", "says where retryAfter is said, and retryAfter is not set")
	}
	c.oneOf(path+".trigger", f.Trigger, "User", "Forced")
	c.oneOf(path+".ends", f.Ends, statusUpgraded, statusFailed)
	c.oneOf(path+".after", f.After, afterBeginning, afterStart, afterEnd)
	c.oneOf(path+".level", f.Level, lockReadOnly, lockCanNotDelete)
	c.oneOf(path+".scope", f.Scope, scopeVault, scopeGroup, scopeSubscription)
	c.oneOf(path+".provider", f.Provider, providers...)
	c.reasons(path+".reasons", f)
}

func (c *checker) whom(path string, f *Fault, kind FaultKind) {
	if kind.Aim == AimSubscription && f.Vault != "" {
		c.add(path+".vault", "a fault of kind %s strikes whole subscriptions: name the subscription or give a rate",
			kind.Kind)
		return
	}
	if f.Rate != 0 && !isShare(f.Rate) {
		c.add(path+".rate", "%v is no share: above 0, at most 1", f.Rate)
	}
	switch {
	case f.Vault != "" && f.Subscription != "":
		c.add(path, "names a vault and a subscription: leave one out")
	case f.Vault != "" && f.Rate != 0:
		c.add(path, "names a vault and a rate: leave one out")
	case kind.Aim == AimSubscription && f.Subscription != "" && f.Rate != 0:
		c.add(path, "names a subscription and a rate: leave one out")
	case f.Vault == "" && f.Subscription == "" && f.Rate == 0:
		c.add(path, "strikes nobody: give a vault, a subscription or a rate above 0")
	}
}

func (c *checker) status(path string, f *Fault) {
	if f.Status == 0 {
		return
	}
	fits, want := f.Status >= 400 && f.Status <= 499, "400 to 499"
	switch f.Kind {
	case kindServerError: // a timeout says as little about a start as a 5xx
		fits, want = f.Status >= 500 && f.Status <= 599 || f.Status == 408, "500 to 599, or 408"
	case kindDenied:
		fits, want = f.Status == 401 || f.Status == 403, "401 or 403"
	case kindStartBusy:
		fits, want = f.Status == 409 || f.Status == 429, "409 or 429"
	case kindLocked:
		fits, want = f.Status == 409 || f.Status == 423, "409 or 423"
	}
	if !fits {
		c.add(path+".status", "%d: a fault of kind %s answers %s", f.Status, f.Kind, want)
	}
}

func (c *checker) reasons(path string, f *Fault) {
	errs := 0
	for i, r := range f.Reasons {
		at := fmt.Sprintf("%s[%d]", path, i)
		if r.Type == "" {
			c.add(at+".type", "is missing: %s or %s", ReasonError, ReasonWarning)
		}
		c.oneOf(at+".type", r.Type, ReasonError, ReasonWarning)
		if r.Code == "" {
			c.add(at+".code", "is missing")
		}
		if r.Message == "" {
			c.add(at+".message", "is missing")
		}
		if r.Type == ReasonError {
			errs++
		}
	}
	switch {
	case f.Kind == kindWarnings && errs > 0:
		c.add(path, "a fault of kind warnings has warnings only; one of kind blocked may have errors")
	case f.Kind == kindBlocked && len(f.Reasons) > 0 && errs == 0:
		c.add(path, "a fault of kind blocked needs a reason of type Error; warnings alone do not block")
	}
}

func (c *checker) oneOf(path, got string, want ...string) {
	if got != "" && !slices.Contains(want, got) {
		c.add(path, "%q is not one of %s", got, strings.Join(want, ", "))
	}
}

func isShare(f float64) bool { return f > 0 && f <= 1 }

func orNothing(params []string) string {
	if len(params) == 0 {
		return "no parameter"
	}
	return strings.Join(params, ", ")
}

// setParams lists the parameters that a fault gives, by their name in YAML,
// without those that say its kind and whom it strikes.
func setParams(f *Fault) []string {
	var out []string
	v := reflect.ValueOf(*f)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		switch name {
		case "kind", "vault", "subscription", "rate":
			continue
		}
		if !v.Field(i).IsZero() {
			out = append(out, name)
		}
	}
	return out
}
