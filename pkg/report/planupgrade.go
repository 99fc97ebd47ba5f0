package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// plannedUpgrade is what a plan does to each of its vaults, as JSON shows it.
type plannedUpgrade struct {
	Kind        fleet.Kind      `json:"kind"`
	Title       string          `json:"title"`
	Options     fleet.Options   `json:"options"`
	Request     *plannedRequest `json:"request"` // with placeholders for what differs from vault to vault
	Before      []string        `json:"before"`  // what is done before it where need be
	Permanent   bool            `json:"permanent"`
	Rollback    *string         `json:"rollback"` // the upgrade of the inventory that undoes it; null: nothing can
	Confirm     bool            `json:"confirm"`  // wants --confirm-irreversible besides --yes
	Permissions []string        `json:"permissions"`
}

// plannedRequest is a request as JSON shows it.
type plannedRequest struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"` // an XML document is a string; null: nothing was recorded that could be put back
}

func requestOf(r fleet.Request) *plannedRequest {
	if len(r.Body) == 0 {
		r.Body = json.RawMessage("null")
	}
	return &plannedRequest{r.Method, r.Path, r.Body}
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
	return &plannedUpgrade{Kind: d.plan.Kind, Title: u.Title, Options: options, Request: requestOf(u.Request), Before: list(u.Before),
		Permanent: u.Permanent, Rollback: maybe(rollbackOf(d.plan.Kind, u.Permanent, d.opts.Ledger)), Confirm: u.Confirm, Permissions: list(u.Actions)}
}

// request is what is sent to a vault; nil where that is not known.
func (d *dryRun) request(i int) *plannedRequest {
	if d.opts.Upgrade == nil {
		return nil
	}
	return requestOf(d.opts.Upgrade.Request.Of(&d.plan.Vaults[i].Vault))
}

// flat is a request on a line, as it is sent.
func (r *plannedRequest) flat() string {
	if r == nil {
		return ""
	}
	return r.Method + " " + r.Path + " " + r.body(func(b json.RawMessage) string { return string(b) })
}

// shown is a request for people: its JSON has spaces where a line may be broken.
func (r *plannedRequest) shown() string { return r.Method + " " + r.Path + " " + r.body(spaced) }

func (r *plannedRequest) body(text func(json.RawMessage) string) string {
	if document, ok := (fleet.Request{Body: r.Body}).XML(); ok {
		return document
	}
	if string(r.Body) == fleet.PlaceholderRestore {
		return strings.Trim(fleet.PlaceholderRestore, `"`)
	}
	return text(r.Body)
}

// spaced writes JSON on a line, with a space after each comma and colon.
func spaced(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "") != nil {
		return string(raw)
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), ",\n", ", "), "\n", "")
}

// permanence says whether what is done can be undone, and how.
func (d *dryRun) permanence() string {
	u := d.opts.Upgrade
	switch {
	case u == nil || d.words.classic:
		return "PERMANENT: no rollback exists."
	case u.Confirm:
		return fmt.Sprintf("PERMANENT: nothing can undo it, so a run of it wants --confirm-irreversible %s.", d.plan.Kind)
	case u.Permanent:
		return "PERMANENT: nothing can undo it."
	}
	back := rollbackOf(d.plan.Kind, false, d.opts.Ledger)
	if d.restores() {
		return fmt.Sprintf("REVERSIBLE: upgrade: %s does it again.", back)
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
func (d *dryRun) change(p *page) {
	u := d.opts.Upgrade
	if u == nil {
		return
	}
	p.pair("Upgrade", "%s (%s)", u.Title, KindWords(d.plan.Kind))
	about := ""
	switch {
	case d.restores() && !d.opts.Details:
		about = dot + "--details shows each vault's"
	case d.restores():
		about = dot + "each vault's is below"
	}
	p.pair("Request", "%s%s", requestOf(u.Request).shown(), about)
	for _, s := range u.Before {
		p.pair("Before it", "%s", s)
	}
	p.pair("Permissions", "%s; %s makes the role, and says what none can grant", permissionWords(u.Actions), unbroken(Command("permissions", d.plan.Inventory)))
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
		parts = append(parts, plural(reads, "action that reads", "actions that read"))
	}
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// requests shows what is sent to each vault that may start, where that is not
// the same but for the path.
func (d *dryRun) requests(p *page) {
	if !d.opts.Details || !d.restores() || d.opts.Upgrade == nil {
		return
	}
	p.section("REQUESTS: what is put back")
	for i := range d.vaults {
		if mayStart(d.vaults[i].Status) {
			p.item("%s: %s", d.vaults[i].Vault, d.request(i).shown())
		}
	}
}
