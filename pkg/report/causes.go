package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// cause is one code with the vaults it stops.
type cause struct {
	code, message, action string
	why                   string // a warning stops: who has not consented
	vaults                []*Vault
	items                 [][]string // per vault: machines and the like
}

// causes groups vaults by what stops them, the most frequent first. A vault
// with several reasons stands under each: all of them must be mended.
func causes(vs []*Vault) []*cause {
	byCode := map[string]*cause{}
	var out []*cause
	add := func(v *Vault, code, message, action string, items []string) {
		c := byCode[code]
		if c == nil {
			c = &cause{code: code, message: message, action: action}
			byCode[code] = c
			out = append(out, c)
		}
		if n := len(c.vaults); n > 0 && c.vaults[n-1] == v {
			c.items[n-1] = append(slices.Clip(c.items[n-1]), items...)
			return
		}
		if c.message != message {
			c.message = "" // not the same for all: shown with each vault
		}
		c.action = or(c.action, action)
		c.vaults, c.items = append(c.vaults, v), append(c.items, items)
	}
	for _, v := range vs {
		fs := v.errors()
		for _, f := range fs {
			add(v, or(str(f.Code), noCode), str(f.Message), str(f.Action), f.Items)
			if c := byCode[or(str(f.Code), noCode)]; !strings.Contains(c.why, v.refusal()) {
				c.why = strings.TrimSpace(c.why + " " + v.refusal())
			}
		}
		if len(fs) == 0 {
			add(v, "no-reason-given", str(v.Reason), "", nil)
		}
	}
	slices.SortStableFunc(out, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(len(b.vaults), len(a.vaults)), cmp.Compare(a.code, b.code))
	})
	return out
}

// refusal says why warnings alone keep a vault from starting, and how to
// consent to them; empty where that is not so.
func (v *Vault) refusal() string {
	for _, f := range v.Findings {
		if str(f.Code) == fleet.CodeWarningsRefused {
			return str(f.Message) + ". " + str(f.Action)
		}
	}
	return ""
}

// causeLine sums causes up on a line: 301 agent-too-old (388 items).
func causeLine(cs []*cause) string {
	var parts []string
	for _, c := range cs {
		s := number(len(c.vaults)) + " " + c.code
		if n := len(c.distinct()); n > 0 {
			s += " (" + plural(n, "item", "items") + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, dot)
}

// showCauses lists each cause with its vaults and their items.
func (p *page) showCauses(cs []*cause) {
	for _, c := range cs {
		p.group("%s: %s", c.code, vaults(len(c.vaults)))
		if c.message != "" {
			p.line("%s", c.message)
		}
		if c.action != "" {
			p.line("Do: %s", c.action)
		}
		if c.why != "" {
			p.line("Why: %s", c.why)
		}
		for i, v := range c.vaults {
			if c.message == "" {
				p.item("%s: %s", v.Vault, messageOf(v, c.code))
			} else {
				p.item("%s", v.Vault)
			}
			for _, s := range c.items[i] {
				p.sub("%s", s)
			}
		}
	}
}

// messageOf is what a vault's findings with the code say.
func messageOf(v *Vault, code string) string {
	var parts []string
	for _, f := range v.errors() {
		if or(str(f.Code), noCode) == code && f.Message != nil {
			parts = append(parts, *f.Message)
		}
	}
	return or(strings.Join(parts, "; "), str(v.Reason), "no message")
}
