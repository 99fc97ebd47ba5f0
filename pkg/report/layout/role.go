package layout

import (
	"io"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
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
	p := &Page{}
	p.Title("PERMISSIONS for %s%s%s", o.File, lexicon.Dot, role.Name)
	p.Line("%s", role.Besides)
	g := Grid{Head: []string{"ACTION", "TO SEE"}, Wrap: true}
	for _, a := range role.Actions {
		g.Rows = append(g.Rows, []string{a.Name, a.Why})
	}
	p.Table(g)
	p.Section("SCOPES (%s)", lexicon.Plural(len(o.Scopes), "subscription", "subscriptions"))
	for _, s := range o.Scopes {
		p.Item("%s", s)
	}
	p.Command("Next", o.Again+" > role.json; az role definition create --role-definition @role.json")
	return p.WriteTerminal(w, o.Width)
}
