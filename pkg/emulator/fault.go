package emulator

import (
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
}

// aimed is a fault that may strike a subscription's own calls.
type aimed struct {
	fault int
	vault *vault // the vault it is aimed at; nil: the subscription
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

	if f.Vault != "" {
		v, err := c.find(f.Vault)
		if err != nil {
			return &Mistake{Path: path + ".vault", Message: err.Error()}
		}
		v.faults = append(v.faults, i)
		v.sub.faults = append(v.sub.faults, aimed{i, v})
		return nil
	}
	subs := c.subs
	if f.Subscription != "" {
		subs = c.subscriptions(f.Subscription)
		if len(subs) != 1 {
			return &Mistake{Path: path + ".subscription", Message: fmt.Sprintf("%d subscriptions are %q: give the ID of one that has vaults", len(subs), f.Subscription)}
		}
	}
	for _, s := range subs {
		own := drawn(s.id)
		if f.Subscription != "" {
			own = f.Rate == 0 || f.explicit
		}
		if own {
			s.faults = append(s.faults, aimed{i, nil})
		}
		if f.kind.Aim == AimSubscription {
			continue
		}
		for _, v := range s.vaults {
			if drawn(v.key) {
				v.faults = append(v.faults, i)
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
// subscription/name, or that with /location or /resourceType appended.
func (c *Cloud) find(ref string) (*vault, error) {
	parts := strings.Split(ref, "/")
	var found []*vault
	for _, v := range c.vaults {
		name := parts[0]
		if len(parts) > 1 {
			name = parts[1]
			if !slices.Contains(c.subscriptions(parts[0]), v.sub) {
				continue
			}
		}
		if !strings.EqualFold(v.Name, name) {
			continue
		}
		if fits := func(p string) bool {
			return normalize(p) == normalize(v.Location) || strings.EqualFold(p, v.ResourceType)
		}; len(parts) > 2 && slices.ContainsFunc(parts[2:], func(p string) bool { return !fits(p) }) {
			continue
		}
		found = append(found, v)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no vault is %q: write it as subscription/name, with the subscription's ID or name", ref)
	}
	var all []string
	for _, v := range found {
		all = append(all, v.ref()+"/"+v.Location+"/"+v.ResourceType)
	}
	return nil, fmt.Errorf("%q is %d vaults: %s", ref, len(found), strings.Join(all, ", "))
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
			case kindProviderUnregistered:
				p := f.Provider
				if p == "" {
					p = providerRecoveryServices
				}
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
}

// fault returns the first fault of a kind that strikes the vault, nil if none.
func (v *vault) fault(c *Cloud, kinds ...string) *fault {
	for _, i := range v.faults {
		if slices.Contains(kinds, c.faults[i].Kind) {
			return &c.faults[i]
		}
	}
	return nil
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

// candidates lists the faults that are aimed at what the call is about.
func (c *Cloud) candidates(q *request) []int {
	if q.vault != nil {
		return q.vault.faults
	}
	if q.sub == nil {
		return nil
	}
	var out []int
	for _, a := range q.sub.faults {
		if a.vault != nil && !c.faults[a.fault].explicit {
			continue
		}
		if a.vault != nil && q.call == callGroup && !strings.EqualFold(a.vault.TargetResourceGroup, q.group) {
			continue
		}
		out = append(out, a.fault)
	}
	return out
}

// first returns when a fault was first met for a subject: now, if it is now.
func (c *Cloud) first(f *fault, l *line) time.Time {
	l.Met = append(l.Met, f.index)
	if t, ok := c.firsts[countKey{fault: f.index, subject: l.Of}]; ok {
		return t
	}
	return l.At
}
