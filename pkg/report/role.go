package report

import (
	"io"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// RoleOptions says what a role is for, and how to write it.
type RoleOptions struct {
	File   string   // the inventory or the saved plan
	Scopes []string // where it may be assigned
	Again  string   // the command that writes it as JSON
	Width  int      // columns of the terminal; 0: no terminal
}

// Role writes what upgrades need of the Resource Manager, and what else they
// need.
func Role(w io.Writer, o RoleOptions, role fleet.Role) error {
	p := &page{}
	p.title("PERMISSIONS for %s%s%s", o.File, dot, role.Name)
	p.line("%s", role.Besides)
	g := grid{head: []string{"ACTION", "TO SEE"}, wrap: true}
	for _, a := range role.Actions {
		g.rows = append(g.rows, []string{a.Name, a.Why})
	}
	p.table(g)
	p.section("SCOPES (%s)", plural(len(o.Scopes), "subscription", "subscriptions"))
	for _, s := range o.Scopes {
		p.item("%s", s)
	}
	p.command("Next", o.Again+" > role.json; az role definition create --role-definition @role.json")
	return p.writeTerminal(w, o.Width)
}
