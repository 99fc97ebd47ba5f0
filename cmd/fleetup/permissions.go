package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

func (e *environment) permissionsCommand() *cli.Command {
	return &cli.Command{
		Name:      "permissions",
		Usage:     "print the least role that the upgrade needs",
		ArgsUsage: "INVENTORY|PLAN",
		Description: "The role holds the actions of every call to the Resource Manager, in the subscriptions of the " +
			"inventory:\n" +
			"  fleetup permissions fleet.yaml > role.json\n" +
			"  az role definition create --role-definition @role.json\n" +
			"A role belongs to one tenant. What no role can grant is said besides. No call is made.",
		Flags: append(outputFlags("json", "table"),
			flagTenant.is(cli.StringFlag{Usage: "only the subscriptions of the tenant with this `ID`, as the " +
				"inventory writes it"})),
		Action: e.permissions,
	}
}

// customRole is a role as az role definition create reads it.
type customRole struct {
	Name             string
	IsCustom         bool
	Description      string
	Actions          []string
	NotActions       []string
	DataActions      []string
	NotDataActions   []string
	AssignableScopes []string
}

func (e *environment) permissions(c *cli.Context) error {
	file := fileOf(c)
	loaded, err := load(c, file)
	if err != nil {
		return err
	}
	p := loaded.Plan
	k, err := session.KindOfPlan(p)
	if err != nil {
		return err
	}
	role := k.Role()
	scopes, err := scopesOf(c, p, file)
	if err != nil {
		return err
	}
	if flagOutput.of(c) == "table" {
		return layout.Role(e.stdout, layout.RoleOptions{File: file, Scopes: scopes,
			Again: retyped(c, c.Args().Slice(), []string{string(flagOutput)}), Width: e.columns}, role)
	}
	out := customRole{Name: role.Name, IsCustom: true, Description: role.Description, Actions: []string{},
		NotActions:  []string{},
		DataActions: []string{}, NotDataActions: []string{}, AssignableScopes: scopes}
	for _, a := range role.Actions {
		out.Actions = append(out.Actions, a.Name)
	}
	if err := writeJSON(e.stdout, out); err != nil {
		return err
	}
	say(e.stderr, "%s", role.Besides)
	return nil
}

// scopesOf lists the subscriptions that the role is for. They must be of one
// tenant: no role reaches over two.
func scopesOf(c *cli.Context, p *plan.Plan, file string) ([]string, error) {
	var tenants, scopes []string
	for _, s := range p.Subscriptions {
		if !slices.Contains(tenants, s.Tenant) {
			tenants = append(tenants, s.Tenant)
		}
		if !given(c, flagTenant) || strings.EqualFold(s.Tenant, flagTenant.of(c)) {
			scopes = append(scopes, "/subscriptions/"+s.ID)
		}
	}
	slices.Sort(scopes)
	switch {
	case len(scopes) == 0:
		return nil, failure.Usage(failure.Lines(ofTenants(c, tenants)...), "no subscription of %s is in tenant %q",
			file, flagTenant.of(c))
	case len(tenants) > 1 && !given(c, flagTenant):
		return nil, failure.Usage(failure.Lines(ofTenants(c, tenants)...),
			"the subscriptions of %s are in %d tenants, and a role belongs to one", file, len(tenants))
	}
	return scopes, nil
}

// ofTenants is the command once more for each of some tenants, one or another.
func ofTenants(c *cli.Context, tenants []string) []string {
	each := make([]string, len(tenants))
	for i, t := range tenants {
		if each[i] = again(c, "--tenant", t); i > 0 {
			each[i] = failure.Or(each[i])
		}
	}
	return each
}
