package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func (v *View) reportPage(o Options) *page {
	p, c := &page{}, clockIn(o.Zone)
	p.title("%s", v.verdict())
	p.line("%s", v.heading(c))
	v.figures(p, c)
	v.waves(p, c)
	v.failed(p, o)
	v.unknown(p, c)
	if bs := v.withStatus(fleet.Blocked); len(bs) > 0 {
		p.section("BLOCKED: mend what is named here, then start another run (%s)", vaults(len(bs)))
		p.showCauses(causes(bs))
	}
	v.inFlight(p, c)
	v.byReason(p, fleet.Deferred, "DEFERRED: not started, they wait for a resume")
	v.byReason(p, fleet.Busy, "BUSY: something else is under way on them, they are tried again")
	v.open(p)
	v.already(p)
	v.byReason(p, fleet.Excluded, "EXCLUDED: held by the inventory")
	v.upgraded(p)
	v.next(p, o, false)
	return p
}

// failed shows each failed vault with the message to send.
func (v *View) failed(p *page, o Options) {
	fs := v.withStatus(fleet.Failed)
	if len(fs) == 0 {
		return
	}
	p.section("FAILED: do not retry unless Microsoft says so (%s)", vaults(len(fs)))
	p.line("Send each message to support. When they say that a vault may be tried again: %s",
		command("reopen", "VAULT", "--reason", "TEXT", "--case", "ID", o.State))
	for _, c := range causes(fs) {
		if len(c.vaults) > 1 {
			p.item("%s failed with the same code %s", vaults(len(c.vaults)), c.code)
		}
	}
	for i, x := range fs {
		note := ""
		if x.Carried {
			note = ", failed before this run"
		}
		p.group("FAILED %s%s (message %d of %d)", x.Vault, note, i+1, len(fs))
		p.verbatim(SupportMessage(o.SupportAddress, x).String())
	}
}

// unknown shows what was read of the starts nobody can be sure of.
func (v *View) unknown(p *page, c clock) {
	us := v.pick(func(x *Vault) bool { return x.Status == fleet.Unknown && !x.Unresolved })
	if len(us) == 0 {
		return
	}
	p.section("UNKNOWN: the start may have been accepted; look before anything else (%s)", vaults(len(us)))
	for _, x := range us {
		p.group("UNKNOWN %s", x.Vault)
		p.pair("Operation", "%s", or(str(x.OperationID), "-"))
		p.pair("Started", "%s", c.full(x.StartedAt.value()))
		p.pair("Gave up", "%s", c.full(x.EndedAt.value()))
		p.pair("What was read", "%s", or(str(x.Reason), "nothing conclusive"))
		for _, f := range x.errors() {
			p.pair("Finding", "%s: %s", or(str(f.Code), "no code"), or(str(f.Message), "no message"))
			if f.Action != nil {
				p.pair("Do", "%s", *f.Action)
			}
		}
		p.pair("Target", "%s", fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/…/%s", x.SubscriptionID, x.TargetResourceGroup, x.Name))
		p.pair("Request IDs", "%s", or(strings.Join(x.RequestIDs, ", "), "none"))
	}
}

// byReason lists the vaults of a status under the reason they share.
func (v *View) byReason(p *page, s fleet.Status, heading string) {
	vs := v.withStatus(s)
	if len(vs) == 0 {
		return
	}
	p.section("%s (%s)", heading, vaults(len(vs)))
	groups := map[string][]*Vault{}
	var order []string
	for _, x := range vs {
		r := or(str(x.Reason), "no reason given")
		if groups[r] == nil {
			order = append(order, r)
		}
		groups[r] = append(groups[r], x)
	}
	for _, r := range order {
		p.group("%s: %s", r, vaults(len(groups[r])))
		for _, x := range groups[r] {
			p.item("%s", x.Vault)
		}
	}
}

// open counts the vaults a running run has not come to yet.
func (v *View) open(p *page) {
	n := len(v.pick(func(x *Vault) bool {
		return x.Status == fleet.Pending || x.Status == fleet.Validating || x.Status == fleet.Ready
	}))
	if n > 0 {
		p.section("STILL TO COME: %s", vaults(n))
		p.line("%s validated and waiting, %s being validated, %s not looked at yet.", number(v.Totals[fleet.Ready]),
			number(v.Totals[fleet.Validating]), number(v.Totals[fleet.Pending]))
	}
}

func (v *View) already(p *page) {
	vs := v.withStatus(fleet.Already)
	if len(vs) == 0 {
		return
	}
	p.section("ALREADY UPGRADED: not by this run (%s)", vaults(len(vs)))
	g := grid{head: []string{"VAULT", "NEW RESOURCE ID", "NOTE"}}
	for _, x := range vs {
		g.rows = append(g.rows, []string{x.Vault, or(str(x.UpgradedResourceID), "-"), or(str(x.Reason), "upgraded before this run")})
	}
	p.table(g)
}

// checklist is what is left to do by hand after an upgrade (reference §1).
var checklist = []string{
	"Point scripts, dashboards and alerts at the new resource IDs: the classic vaults are gone from the old portal.",
	"Monitoring data may take up to 12 hours to appear.",
	"Check the time zone of each backup policy.",
	"Security settings may have been switched on: check who needs the PIN for deleting backups.",
}

// upgraded is the map from old vaults to new ones.
func (v *View) upgraded(p *page) {
	vs := v.withStatus(fleet.Upgraded)
	if len(vs) == 0 {
		return
	}
	p.section("UPGRADED: old → new (%s)", vaults(len(vs)))
	g := grid{head: []string{"VAULT", "OLD TYPE", "LOCATION", "TOOK", "NEW RESOURCE ID"}, right: map[int]bool{3: true}}
	for _, x := range vs {
		took := "-"
		if d := x.Took(); d > 0 {
			took = span(d)
		}
		g.rows = append(g.rows, []string{x.Vault, string(x.ResourceType), x.Location, took, or(str(x.UpgradedResourceID), "-")})
	}
	p.table(g)
	p.group("After the upgrade")
	for _, s := range checklist {
		p.item("%s", s)
	}
}

// next ends the page with the command that goes on from here.
func (v *View) next(p *page, o Options, short bool) {
	switch v.Run.Status {
	case RunHalted:
		p.command("Next", command("resume", "--accept-failures", "--reason", "TEXT", o.State))
	case RunWaiting:
		if waitsForApproval(str(v.Run.WaitingFor)) && !v.Run.Approved {
			p.command("Next", command("approve", "--reason", "TEXT", o.State))
			p.command("Then", command("resume", "--yes", o.State))
			return
		}
		p.command("Next", command("resume", "--yes", o.State))
	case RunInterrupted:
		if sus := v.Run.Suspended; sus != nil && sus.Why == fleet.SuspendedSignIn {
			p.command("Next, once the sign-in or permission is in order", command("resume", "--yes", o.State))
			return
		}
		p.command("Next", command("resume", "--yes", o.State))
	case RunFinished:
		v.nextFinished(p, o, short)
	default:
		p.command("Next", command("status", o.State))
	}
}

func (v *View) nextFinished(p *page, o Options, short bool) {
	failed := slices.Concat(v.withStatus(fleet.Failed), v.withStatus(fleet.Unknown))
	again := v.Totals[fleet.Blocked] + v.Totals[fleet.Busy]
	switch {
	case len(failed) > 0 && short: // the report's command stands with them
	case len(failed) > 0:
		p.command("Next, when support has answered", command("reopen", failed[0].Vault, "--reason", "TEXT", o.State))
	case again > 0 && v.Run.Inventory != nil:
		p.command("Next, when the blocked vaults are mended", command("plan", *v.Run.Inventory, "--validate", ""))
	default:
		p.command("Next, for the map from old to new IDs", command("report", "-o", "csv", o.State))
	}
}

// command writes a command line of fleetup; its last argument is the ledger's
// path, empty for none.
func command(args ...string) string {
	last := len(args) - 1
	if args[last] == "" {
		return Command(args[:last]...)
	}
	return Command(append(args[:last:last], "--state", args[last])...)
}
