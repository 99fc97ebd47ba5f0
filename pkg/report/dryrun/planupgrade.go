package dryrun

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// plannedUpgrade is what a plan does to each of its vaults, as JSON shows it.
type plannedUpgrade struct {
	Kind      fleet.Kind             `json:"kind"`
	Direction fleet.Direction        `json:"direction"` // which way the kind takes the vaults
	Title     string                 `json:"title"`
	Options   fleet.Options          `json:"options"`
	Request   *report.PlannedRequest `json:"request"` // with placeholders for what differs from vault to vault
	Before    []string               `json:"before"`  // what is done before it where need be
	Permanent bool                   `json:"permanent"`
	// the upgrade of the inventory that undoes it; null: nothing can
	Rollback    *string  `json:"rollback"`
	Confirm     bool     `json:"confirm"` // wants --confirm-irreversible besides --yes
	Permissions []string `json:"permissions"`
	// the kind itself, where the inventory has written it
	Patch *plannedPatch `json:"patch,omitempty"`
}

// plannedPatch is what a plan has of a kind that its inventory has written, besides the
// request.
type plannedPatch struct {
	Name       string          `json:"name"`
	Require    []string        `json:"require"`    // what must be true of each vault, in JMESPath
	UndoBefore bool            `json:"undoBefore"` // what was there before is put back
	UndoBody   json.RawMessage `json:"undoBody"`   // or this; null: neither
	Afterwards *string         `json:"afterwards"`
}

func patchOf(p *fleet.Patch) *plannedPatch {
	if p == nil {
		return nil
	}
	return &plannedPatch{Name: p.Name, Require: report.ListOrEmpty(p.Require), UndoBefore: p.Undo.Before,
		UndoBody: p.Undo.Body, Afterwards: report.StringOrNull(p.Afterwards)}
}

func (d *dryRun) upgrade() *plannedUpgrade {
	u := d.opts.Upgrade
	if u == nil {
		return nil
	}
	options := u.Options
	if options == nil {
		options = fleet.Options{}
	}
	return &plannedUpgrade{Kind: d.plan.Kind, Direction: d.plan.Kind.Direction(), Title: u.Title, Options: options,
		Request: report.RequestOf(u.Request), Before: report.ListOrEmpty(u.Before),
		Permanent: u.Permanent, Rollback: report.StringOrNull(lexicon.RollbackOf(d.plan.Kind, u.Permanent,
			d.opts.Ledger)), Confirm: u.Confirm, Permissions: report.ListOrEmpty(u.Actions),
		Patch: patchOf(u.Patch)}
}

// request is what is sent to a vault; nil where that is not known.
func (d *dryRun) request(i int) *report.PlannedRequest {
	if d.opts.Upgrade == nil {
		return nil
	}
	return report.RequestOf(d.requestOf(&d.plan.Vaults[i].Vault))
}

// permanence says whether what is done can be undone, and how.
func (d *dryRun) permanence() string {
	u := d.opts.Upgrade
	switch {
	case u == nil || d.words.Classic:
		return "PERMANENT: no rollback exists."
	case u.Confirm:
		return fmt.Sprintf("PERMANENT: nothing can undo it, so a run of it wants --confirm-irreversible %s.",
			d.plan.Kind)
	case u.Permanent:
		return "PERMANENT: nothing can undo it."
	}
	back := lexicon.RollbackOf(d.plan.Kind, false, d.opts.Ledger)
	if d.restores() {
		return fmt.Sprintf("REVERSIBLE: upgrade: %s does it again.", back)
	}
	if u.Patch != nil && !u.Patch.Undo.Before {
		return fmt.Sprintf("REVERSIBLE: an inventory with upgrade: %s sends what the patch says undoes it.", back)
	}
	return fmt.Sprintf("REVERSIBLE: an inventory with upgrade: %s puts back what was recorded.", back)
}

// restores reports whether the plan is a rollback: each vault has a request of
// its own.
func (d *dryRun) restores() bool {
	_, undoes := d.plan.Kind.Undoes()
	return undoes
}

// change says what is done to each vault, and what that needs.
func (d *dryRun) change(p *layout.Page) {
	u := d.opts.Upgrade
	if u == nil {
		return
	}
	p.Pair(fleet.Capital(d.words.Noun), "%s (%s)", u.Title, lexicon.KindWords(d.plan.Kind))
	about := ""
	switch {
	case d.restores() && !d.opts.Details:
		about = lexicon.Dot + "--details shows each vault's"
	case d.restores():
		about = lexicon.Dot + "each vault's is below"
	}
	p.Pair("Request", "%s%s", report.RequestOf(u.Request).Shown(), about)
	for _, s := range u.Before {
		p.Pair("Before it", "%s", s)
	}
	if u.Patch != nil && !d.restores() {
		for _, s := range u.Patch.Require {
			p.Pair("Requires", "%s", s)
		}
	}
	p.Pair("Permissions", "%s; %s makes the role, and says what none can grant", permissionWords(u.Actions),
		layout.KeepTogether(lexicon.Command("permissions", d.plan.Inventory)))
}

// permissionWords counts the actions that read, and names the others.
func permissionWords(actions []string) string {
	var parts []string
	reads := 0
	for _, a := range actions {
		if strings.HasSuffix(a, "/read") {
			reads++
		} else {
			parts = append(parts, a)
		}
	}
	slices.Sort(parts)
	if reads > 0 {
		parts = append(parts, lexicon.Plural(reads, "action that reads", "actions that read"))
	}
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// requests shows what is sent to each vault that may start, where that is not
// the same but for the path.
func (d *dryRun) requests(p *layout.Page) {
	if !d.opts.Details || !d.restores() || d.opts.Upgrade == nil {
		return
	}
	if d.may() > 0 {
		p.Section("REQUESTS: what is put back")
	}
	for i := range d.vaults {
		if rollout.StartsFrom(d.vaults[i].Status) {
			p.Item("%s: %s", d.vaults[i].Vault, d.request(i).Shown())
		}
	}
}
