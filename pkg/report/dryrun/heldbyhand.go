package dryrun

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// heldByHand are the vaults that may start although a person held them in an earlier run:
// such a hold ends with its run, and whoever said it need not know that. In the plan's order.
func heldByHand(p *plan.Plan, o PlanOptions) (vaults []int) {
	if len(o.Memory.Held) == 0 {
		return nil
	}
	o = o.knowing(p)
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if o.Memory.Held[v.Key] != "" && o.prospects().MayStart(v) {
			vaults = append(vaults, i)
		}
	}
	return vaults
}

// A warning names maxHeldByHand of them, a plan maxListed.
const maxHeldByHand, maxListed = 5, 20

// HeldByHand warns of the vaults that start although a person held them in an earlier run,
// with who and why; empty where there are none.
func HeldByHand(p *plan.Plan, o PlanOptions) string {
	vs := heldByHand(p, o)
	if len(vs) == 0 {
		return ""
	}
	names := p.Names()
	var list []string
	for n, i := range vs {
		if n == maxHeldByHand {
			list = append(list, fmt.Sprintf("and %s more", lexicon.Number(len(vs)-n)))
			break
		}
		list = append(list, lexicon.Clean(names[i])+" ("+lexicon.Clean(o.Memory.Held[p.Vaults[i].Key])+")")
	}
	return fmt.Sprintf("%s start in this run, because a hold by hand ends with its run: %s. To keep them out of "+
		"this one, hold them in the inventory.",
		lexicon.Plural(len(vs), "vault that was held by hand in an earlier run may",
			"vaults that were held by hand in an earlier run may"), strings.Join(list, ", "))
}

// heldByHand names them all.
func (d *dryRun) heldByHand(p *layout.Page) {
	vs := heldByHand(d.plan, d.opts)
	if len(vs) == 0 {
		return
	}
	p.Section("HELD BY HAND IN %s (%s): these start, for a hold by hand ends with its run",
		strings.ToUpper(d.anEarlierRun()), lexicon.Vaults(len(vs)))
	for n, i := range vs {
		if n == maxListed && !d.opts.Details {
			p.Item("and %s more; --details names them", lexicon.Number(len(vs)-n))
			break
		}
		blocked := ""
		if d.vaults[i].Status == fleet.Blocked {
			blocked = "; blocked when it was checked"
		}
		p.Item("%s: %s%s", d.vaults[i].Vault, d.opts.Memory.Held[d.plan.Vaults[i].Key], blocked)
	}
	p.Sub("Do: hold them in the inventory to keep them out of this run.")
}
