package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// cause is one code with the vaults it stops.
type cause struct {
	Code, Message, action string
	why                   string // a warning stops: who has not consented
	Vaults                []*Vault
	items                 [][]string // per vault: machines and the like
}

// CausesOf groups vaults by what stops them, the most frequent first. A vault
// with several reasons stands under each: all of them must be mended.
func CausesOf(vs []*Vault) []*cause {
	byCode := map[string]*cause{}
	var out []*cause
	add := func(v *Vault, code, message, action string, items []string) {
		c := byCode[code]
		if c == nil {
			c = &cause{Code: code, Message: message, action: action}
			byCode[code] = c
			out = append(out, c)
		}
		if n := len(c.Vaults); n > 0 && c.Vaults[n-1] == v {
			c.items[n-1] = append(slices.Clip(c.items[n-1]), items...)
			return
		}
		if c.Message != message {
			c.Message = "" // not the same for all: shown with each vault
		}
		c.action = lexicon.Or(c.action, action)
		c.Vaults, c.items = append(c.Vaults, v), append(c.items, items)
	}
	for _, v := range vs {
		fs := v.Errors()
		for _, f := range fs {
			add(v, lexicon.Or(ValueOf(f.Code), standing.NoCode), ValueOf(f.Message), ValueOf(f.Action), f.Items)
			if c := byCode[lexicon.Or(ValueOf(f.Code), standing.NoCode)]; !strings.Contains(c.why, v.refusal()) {
				c.why = strings.TrimSpace(c.why + " " + v.refusal())
			}
		}
		if len(fs) == 0 {
			add(v, standing.NoReason, ValueOf(v.Reason), "", nil)
		}
	}
	slices.SortStableFunc(out, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(len(b.Vaults), len(a.Vaults)), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// refusal says why warnings alone keep a vault from starting, and how to
// consent to them; empty where that is not so.
func (v *Vault) refusal() string {
	for _, f := range v.Findings {
		if ValueOf(f.Code) == fleet.CodeWarningsRefused {
			return ValueOf(f.Message) + ". " + ValueOf(f.Action)
		}
	}
	return ""
}

// CauseLine sums causes up on a line: 301 agent-too-old (388 items). It says of how many
// vaults it has more than one, for the line is of more than they are then.
func CauseLine(cs []*cause) string {
	var parts []string
	for _, c := range cs {
		s := lexicon.Number(len(c.Vaults)) + " " + c.Code
		if n := len(c.distinct()); n > 0 {
			s += " (" + lexicon.Plural(n, "item", "items") + ")"
		}
		parts = append(parts, s)
	}
	causes, several := map[*Vault]int{}, 0
	for _, c := range cs {
		for _, v := range c.Vaults {
			if causes[v]++; causes[v] == 2 {
				several++
			}
		}
	}
	return strings.Join(parts, lexicon.Dot) + UnderSeveral(several)
}

// UnderSeveral ends a line of codes with how many vaults count under more than one;
// empty for none.
func UnderSeveral(vaults int) string {
	if vaults == 0 {
		return ""
	}
	return lexicon.Dot + lexicon.Plural(vaults, "vault counts", "vaults count") + " under more than one"
}

// ShowCauses lists each cause with its vaults and their items.
func ShowCauses(p *layout.Page, cs []*cause) {
	for _, c := range cs {
		p.Group("%s: %s", c.Code, lexicon.Vaults(len(c.Vaults)))
		if c.Message != "" {
			p.Line("%s", c.Message)
		}
		if c.action != "" && c.why != "" { // a person decides first
			p.Line("Decide: consent, or hold. The warning's own advice: %s", c.action)
		} else if c.action != "" {
			p.Line("Do: %s", c.action)
		}
		if c.why != "" {
			p.Line("Why: %s", c.why)
		}
		for i, v := range c.Vaults {
			if c.Message == "" {
				p.Item("%s: %s", v.Vault, MessageOf(v, c.Code))
			} else {
				p.Item("%s", v.Vault)
			}
			for _, s := range c.items[i] {
				p.Sub("%s", s)
			}
		}
	}
}

// MessageOf is what a vault's findings with the code say.
func MessageOf(v *Vault, code string) string {
	var parts []string
	for _, f := range v.Errors() {
		if lexicon.Or(ValueOf(f.Code), standing.NoCode) == code && f.Message != nil {
			parts = append(parts, *f.Message)
		}
	}
	return lexicon.Or(strings.Join(parts, "; "), ValueOf(v.Reason), "no message")
}
