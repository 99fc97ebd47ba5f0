package emulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator/kql"
)

// graphTables are the tables of Resource Graph that the emulator has, and their
// columns. Those that a vault has nothing in are null.
var graphTables = map[string][]string{"resources": graphColumns, "resourcecontainers": graphColumns}

var graphColumns = []string{"id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId",
	"managedBy", "sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"}

// graphRows are a subscription's rows of a table.
func (c *Cloud) graphRows(table string, s *subscription, at time.Time) []kql.Row {
	if table == "resourcecontainers" {
		return c.containerRows(s, at)
	}
	var rows []kql.Row
	for _, r := range s.resources {
		// The index is behind: it shows what was so a while ago.
		then := at
		if f := r.fault(c, kindIndexLate); f != nil {
			then = at.Add(-f.lasts)
		}
		if c.lost(r, then) {
			continue
		}
		row := kql.Row(c.show(r, then))
		delete(row, "etag")
		row["type"], row["resourceGroup"], row["subscriptionId"] = strings.ToLower(r.kind.name), strings.ToLower(r.ResourceGroup), s.id
		row["tenantId"] = tenantID
		tags := object{}
		for name, value := range r.tags(then) {
			tags[name] = value
		}
		row["tags"] = tags
		rows = append(rows, row)
	}
	return rows
}

// containerRows are the subscription and its resource groups.
func (c *Cloud) containerRows(s *subscription, at time.Time) []kql.Row {
	base := "/subscriptions/" + s.id
	properties := s.describe(base)
	rows := []kql.Row{{"id": base, "name": s.name, "type": "microsoft.resources/subscriptions", "location": "", "resourceGroup": "",
		"subscriptionId": s.id, "tenantId": tenantID, "tags": object{},
		"properties": object{"state": properties["state"], "subscriptionPolicies": properties["subscriptionPolicies"]}}}
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		if !g.exists(at) {
			continue
		}
		rows = append(rows, kql.Row{"id": base + "/resourceGroups/" + g.name, "name": g.name, "type": "microsoft.resources/subscriptions/resourcegroups",
			"location": normalize(g.location), "resourceGroup": name, "subscriptionId": s.id, "tenantId": tenantID, "tags": object{},
			"properties": object{"provisioningState": "Succeeded"}})
	}
	return rows
}

// ManagementGroup is a management group of a scenario: what a query of Resource
// Graph may have as its scope.
type ManagementGroup struct {
	Name          string   `yaml:"name" json:"name"`
	Parent        string   `yaml:"parent" json:"parent,omitempty"`
	Subscriptions []string `yaml:"subscriptions" json:"subscriptions,omitempty"` // by ID or name: those directly in it
}

// tree is the management groups, made ready.
type tree struct {
	parents map[string]string // by name, in lower case
	holders map[*subscription]string
}

// below reports whether a subscription is in a group or in one below it.
func (t tree) below(group string, s *subscription) bool {
	for name := t.holders[s]; name != ""; name = t.parents[name] {
		if name == strings.ToLower(group) {
			return true
		}
	}
	return false
}

// plant makes the management groups ready, which Validate has seen.
func (c *Cloud) plant(groups []ManagementGroup) error {
	c.tree = tree{parents: map[string]string{}, holders: map[*subscription]string{}}
	var wrong []error
	for i, g := range groups {
		name := strings.ToLower(g.Name)
		c.tree.parents[name] = strings.ToLower(g.Parent)
		for j, ref := range g.Subscriptions {
			path := fmt.Sprintf("managementGroups[%d].subscriptions[%d]", i, j)
			found := c.subscriptions(ref)
			switch {
			case len(found) != 1:
				wrong = append(wrong, &Mistake{Path: path, Message: fmt.Sprintf("%d subscriptions are %q: give the ID of one that has vaults", len(found), ref)})
			case c.tree.holders[found[0]] != "":
				wrong = append(wrong, &Mistake{Path: path, Message: fmt.Sprintf("%q is in the group %s already", ref, c.tree.holders[found[0]])})
			default:
				c.tree.holders[found[0]] = name
			}
		}
	}
	return errors.Join(wrong...)
}

// managementGroups checks their names and that parents lead to a root.
func (c *checker) managementGroups(groups []ManagementGroup) {
	parents := map[string]string{}
	for i, g := range groups {
		name := strings.ToLower(g.Name)
		if _, twice := parents[name]; twice || name == "" {
			c.add(fmt.Sprintf("managementGroups[%d].name", i), "%q is there twice, or empty", g.Name)
		}
		parents[name] = strings.ToLower(g.Parent)
	}
	for i, g := range groups {
		steps := 0
		for name := strings.ToLower(g.Parent); name != ""; name = parents[name] {
			if _, there := parents[name]; !there || steps > len(groups) {
				c.add(fmt.Sprintf("managementGroups[%d].parent", i), "%q leads to no root: there is no such group, or it is below itself", g.Parent)
				break
			}
			steps++
		}
	}
}
