package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fault is a scripted fault, made ready.
type fault struct {
	Fault
	index    int // its place in the scenario
	kind     FaultKind
	calls    []string // call groups; empty for a kind that is no trouble of a call
	explicit bool     // calls were named in the scenario
	times    int      // -1: always
	lasts    time.Duration
	until    time.Duration // since the beginning; 0: for ever
	delay    time.Duration
	state    object // Properties, as JSON has them
}

// aimed is a fault that may strike a subscription's own calls.
type aimed struct {
	fault int
	at    *sufferer // what it is aimed at; nil: the subscription
	vault *vault    // that, where it is a classic vault
}

// sufferer is what faults strike: a classic vault or one of today's.
type sufferer struct {
	faults []int // indices of those that strike it, in order
}

// fault returns the first fault of a kind that strikes it, nil if none.
func (s *sufferer) fault(c *Cloud, kinds ...string) *fault {
	for _, i := range s.faults {
		if slices.Contains(kinds, c.faults[i].Kind) {
			return &c.faults[i]
		}
	}
	return nil
}

// countKey is what `times` is counted for.
type countKey struct {
	fault   int
	subject string // a vault's key, or of a call about a subscription the subscription (and group)
	call    call
}

// aim finds out whom each fault strikes.
func (c *Cloud) aim(s Scenario) []error {
	var wrong []error
	for i, f := range s.Faults {
		kind, _ := kindOf(f.Kind)
		ready := fault{Fault: f, index: i, kind: kind, calls: kind.Calls, times: kind.Times,
			lasts: c.durations.scaled(f.For), until: c.durations.scaled(f.Until), delay: parsed(f.Delay)}
		if len(f.Calls) > 0 {
			ready.calls, ready.explicit = f.Calls, true
		}
		if f.Times != 0 {
			ready.times = f.Times
		}
		if f.Properties != nil {
			ready.state, _ = plain(f.Properties) // Validate has seen that it can be written as JSON
		}
		c.faults = append(c.faults, ready)
		if err := c.aimOne(i, &ready); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

func (c *Cloud) aimOne(i int, f *fault) error {
	path := fmt.Sprintf("faults[%d]", i)
	place := strconv.Itoa(i)
	drawn := func(who string) bool { return f.Rate == 0 || share(c.seed, place, who) < f.Rate }
	if f.explicit && slices.Contains(f.calls, string(callGraph)) && drawn("tenant") {
		c.tenant = append(c.tenant, i)
	}

	if f.Vault != "" {
		v, r, err := c.find(f.Vault)
		switch {
		case err != nil:
			return &Mistake{Path: path + ".vault", Message: err.Error()}
		case r != nil && f.kind.Only == OnlyClassic || v != nil && f.kind.Only == OnlyToday:
			return &Mistake{Path: path + ".kind",
				Message: fmt.Sprintf("a fault of kind %s strikes %s vaults only, and %s is none", f.Kind, f.kind.Only,
					f.Vault)}
		case r != nil:
			r.faults = append(r.faults, i)
			r.sub.faults = append(r.sub.faults, aimed{fault: i, at: &r.sufferer})
		default:
			v.faults = append(v.faults, i)
			v.sub.faults = append(v.sub.faults, aimed{i, &v.sufferer, v})
		}
		return nil
	}
	subs := c.subs
	if f.Subscription != "" {
		subs = c.subscriptions(f.Subscription)
		if len(subs) != 1 {
			return &Mistake{Path: path + ".subscription",
				Message: fmt.Sprintf("%d subscriptions are %q: give the ID of one that has vaults", len(subs),
					f.Subscription)}
		}
	}
	for _, s := range subs {
		own := drawn(s.id)
		if f.Subscription != "" {
			own = f.Rate == 0 || f.explicit
		}
		if own {
			s.faults = append(s.faults, aimed{fault: i})
		}
		if f.kind.Aim == AimSubscription {
			continue
		}
		for _, v := range s.vaults {
			if f.kind.Only != OnlyToday && drawn(v.key) {
				v.faults = append(v.faults, i)
			}
		}
		for _, r := range s.resources {
			if f.kind.Only != OnlyClassic && drawn(r.key) {
				r.faults = append(r.faults, i)
			}
		}
	}
	return nil
}

// subscriptions returns those with the ID or name.
func (c *Cloud) subscriptions(name string) []*subscription {
	var out []*subscription
	id := strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}")
	for _, s := range c.subs {
		if strings.EqualFold(s.id, id) || strings.EqualFold(s.name, name) {
			out = append(out, s)
		}
	}
	return out
}

// find returns the one vault that a name in a scenario means: name,
// subscription/name, or that with /location, /resourceType, /resourceGroup or
// the provider's name appended.
func (c *Cloud) find(ref string) (*vault, *resource, error) {
	parts := strings.Split(ref, "/")
	means := func(sub *subscription, name string, also ...string) bool {
		named := parts[0]
		if len(parts) > 1 {
			named = parts[1]
			if !slices.Contains(c.subscriptions(parts[0]), sub) {
				return false
			}
		}
		if !strings.EqualFold(name, named) {
			return false
		}
		for _, p := range parts[min(2, len(parts)):] {
			if !slices.ContainsFunc(also, func(a string) bool { return normalize(p) == normalize(a) }) {
				return false
			}
		}
		return true
	}
	var vs []*vault
	var rs []*resource
	var all []string
	for _, v := range c.vaults {
		if means(v.sub, v.Name, v.Location, v.ResourceType) {
			vs = append(vs, v)
			all = append(all, v.ref()+"/"+v.Location+"/"+v.ResourceType)
		}
	}
	for _, r := range c.resources {
		if means(r.sub, r.Name, r.Location, r.ResourceGroup, r.kind.namespace()) {
			rs = append(rs, r)
			all = append(all, r.ref()+"/"+r.ResourceGroup+"/"+r.kind.namespace())
		}
	}
	switch {
	case len(all) == 0:
		return nil, nil, fmt.Errorf("no vault is %q: write it as subscription/name, with the subscription's ID or name",
			ref)
	case len(all) > 1:
		return nil, nil, fmt.Errorf("%q is %d vaults: %s", ref, len(all), strings.Join(all, ", "))
	case len(vs) == 1:
		return vs[0], nil, nil
	}
	return nil, rs[0], nil
}

// setTheStage does what the faults say was so from the beginning.
func (c *Cloud) setTheStage() {
	for _, s := range c.subs {
		for _, a := range s.faults {
			f := &c.faults[a.fault]
			switch f.Kind {
			case kindCSP:
				s.csp = true
			case kindDisabledSubscription:
				s.disabled = true
			case kindFeatureMissing:
				s.noFeature = true
			case kindUnseen:
				s.unseen = true
			case kindNoAlertRule:
				s.noAlertRule = true
			case kindUnlicensed:
				s.unlicensed = true
			case kindProviderUnregistered:
				p := cmp.Or(f.Provider, providerRecoveryServices)
				s.unregistered[strings.ToLower(p)] = true
			}
		}
	}
	for _, v := range c.vaults {
		if v.fault(c, kindGroupMissing) != nil {
			v.sub.groups[strings.ToLower(v.TargetResourceGroup)].missing = true
		}
		if op := c.past(v); op != nil {
			v.ops = append(v.ops, op)
		}
	}
	for _, r := range c.resources {
		for _, i := range r.faults {
			if f := &c.faults[i]; f.Kind == kindState {
				r.initial = merged(r.initial, f.state)
			}
		}
		if r.kind.guarding != nil && r.fault(c, kindGuarded) != nil {
			r.initial = merged(r.initial, r.kind.guarding.shown)
		}
		c.setLocks(r)
		if ch := c.foreignChange(r); ch != nil {
			r.changes = append(r.changes, ch)
		}
	}
}

// strike returns the first fault that `want` likes and that strikes this call,
// nil if none does, and notes in the line what was counted.
func (c *Cloud) strike(q *request, l *line, want func(*fault) bool) *fault {
	for _, i := range c.candidates(q) {
		f := &c.faults[i]
		if !want(f) || !q.call.in(f.calls) || f.until > 0 && l.At.Sub(c.createdAt) > f.until {
			continue
		}
		if f.times < 0 && f.Chance == 0 {
			return f
		}
		n := c.counts[countKey{i, l.Of, q.call}] + 1
		l.Counted = append(l.Counted, i)
		if f.times >= 0 && n > f.times {
			continue
		}
		if f.Chance > 0 && share(c.seed, "chance", strconv.Itoa(i), l.Of, string(q.call), strconv.Itoa(n)) >= f.Chance {
			continue
		}
		return f
	}
	return nil
}

// strikeOf is strike for some kinds of faults.
func (c *Cloud) strikeOf(q *request, l *line, kinds ...string) *fault {
	return c.strike(q, l, func(f *fault) bool { return slices.Contains(kinds, f.Kind) })
}

// candidates lists the faults that are aimed at what the call is about.
func (c *Cloud) candidates(q *request) []int {
	if q.vault != nil {
		return q.vault.faults
	}
	if q.resource != nil {
		return q.resource.faults
	}
	if q.call == callGraph {
		return c.tenant
	}
	if q.sub == nil {
		return nil
	}
	var out []int
	for _, a := range q.sub.faults {
		if a.at != nil && !c.faults[a.fault].explicit {
			continue
		}
		if a.vault != nil && q.call == callGroup && !strings.EqualFold(a.vault.TargetResourceGroup, q.group) {
			continue
		}
		out = append(out, a.fault)
	}
	return out
}

// saying returns the status, and sets code and message, that a refusal has: the
// fault's own, where it gives them.
func (f *fault) saying(status int, code, message *string) int {
	*code, *message = cmp.Or(f.Code, *code), cmp.Or(f.Message, *message)
	return cmp.Or(f.Status, status)
}

// first returns when a fault was first met for a subject: now, if it is now.
func (c *Cloud) first(f *fault, l *line) time.Time {
	l.Met = append(l.Met, f.index)
	if t, ok := c.firsts[countKey{fault: f.index, subject: l.Of}]; ok {
		return t
	}
	return l.At
}
