package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The levels of a lock.
const (
	lockReadOnly     = "ReadOnly"
	lockCanNotDelete = "CanNotDelete"
)

// Where a lock is.
const (
	scopeVault        = "vault"
	scopeGroup        = "group"
	scopeSubscription = "subscription"
)

// lock is a management lock, there from the beginning.
type lock struct {
	name, scope, level string
	status             int // of the refusals
	until              time.Time
}

// setLocks puts the locks of the scenario where they are.
func (c *Cloud) setLocks(r *resource) {
	for _, i := range r.faults {
		f := &c.faults[i]
		if f.Kind != kindLocked {
			continue
		}
		l := lock{level: f.Level, status: f.Status, scope: r.scope(f.Scope)}
		l.level = cmp.Or(l.level, lockReadOnly)
		l.status = cmp.Or(l.status, http.StatusConflict)
		if f.lasts > 0 {
			l.until = c.createdAt.Add(f.lasts)
		}
		l.name = fmt.Sprintf("lock-%d", i)
		key := strings.ToLower(l.scope)
		// another vault's fault has put it there
		if held := c.locks[key]; len(held) == 0 || held[len(held)-1].name != l.name {
			c.locks[key] = append(held, l)
		}
	}
}

// scope is the ID of a resource, or of what it is in.
func (r *resource) scope(of string) string {
	switch of {
	case scopeGroup:
		return "/subscriptions/" + r.sub.id + "/resourceGroups/" + r.ResourceGroup
	case scopeSubscription:
		return "/subscriptions/" + r.sub.id
	}
	return r.id()
}

// locksOn are the locks that bind a resource: its group's and subscription's bind
// it too.
func (c *Cloud) locksOn(r *resource, at time.Time) []lock {
	var out []lock
	for _, scope := range []string{scopeSubscription, scopeGroup, scopeVault} {
		for _, l := range c.locks[strings.ToLower(r.scope(scope))] {
			if l.until.IsZero() || at.Before(l.until) {
				out = append(out, l)
			}
		}
	}
	return out
}

// listLocks answers the list of locks on a resource.
func (c *Cloud) listLocks(q *request, l *line) reply {
	list := []any{}
	for _, l := range c.locksOn(q.resource, l.At) {
		list = append(list, object{
			"id":         l.scope + "/providers/Microsoft.Authorization/locks/" + l.name,
			"name":       l.name,
			"type":       "Microsoft.Authorization/locks",
			"properties": object{"level": l.level, "notes": "Scripted."},
		})
	}
	return ok(object{"value": list})
}

// locked answers a write that a lock forbids, nil if none does.
func (c *Cloud) locked(r *resource, at time.Time) *reply {
	for _, l := range c.locksOn(r, at) {
		if l.level == lockReadOnly {
			return new(armError(l.status, "ScopeLocked", fmt.Sprintf("The scope '%s' cannot perform write operation "+
				"because following scope(s) are locked: '%s'. Please remove the lock and try again.", r.id(), l.scope)))
		}
	}
	return nil
}

// barred answers a PATCH that is refused before its vault is looked at: by a
// lock, a policy, or a resource guard. It returns nil if it is not.
func (c *Cloud) barred(q *request, l *line) *reply {
	r := q.resource
	if rep := c.locked(r, l.At); rep != nil {
		return rep
	}
	if c.strikeOf(q, l, kindPolicy) != nil {
		return new(disallowed(r))
	}
	if c.strikeOf(q, l, kindDenyAssignment) != nil {
		return new(c.denyAssigned(q))
	}
	// Published changes of a guarded vault are subject to a linked access check
	// ("LAC check", the description of resourceGuardOperationRequests), whose code
	// is the Resource Manager's own.
	f := r.fault(c, kindGuarded)
	if f == nil || r.kind.guarding == nil || f.Auxiliary && q.auxiliary && r.named(q.patch, r.properties(l.At)) {
		return nil
	}
	return new(armError(http.StatusForbidden, "LinkedAuthorizationFailed", fmt.Sprintf(
		"The client has permission to perform action '%s/write' on scope '%s'; "+
			"however, it does not have "+
			"permission to perform the guarded action on the linked scope(s) '%s' or the linked scope(s) are invalid.",
		r.kind.name, r.id(), r.guard())))
}

// named reports whether a PATCH names the guard's resource for each operation that the
// guard's owner decides about.
func (r *resource) named(p patchBody, from object) bool {
	for _, o := range r.kind.guarding.operations {
		if o.asks(from, p.properties) && !slices.Contains(p.guards, any(r.guard()+o.request)) {
			return false
		}
	}
	return true
}

// guard is the resource guard that protects a vault.
func (r *resource) guard() string {
	return "/subscriptions/" + r.sub.id +
		"/resourceGroups/rg-guards/providers/Microsoft.DataProtection/resourceGuards/guard"
}

// guardReduce is the resource of a guard on which the access is checked when
// immutability is taken back.
const guardReduce = "/reduceImmutabilityStateRequests/default"

// guards lists how a vault is tied to resource guards (the published example
// GetResourceGuardProxy, and the names of operations that Azure's own clients
// know).
func (c *Cloud) guards(q *request, _ *line) reply {
	r := q.resource
	list := []any{}
	if r.kind.guarding != nil && r.fault(c, kindGuarded) != nil {
		var operations []any
		for _, o := range r.kind.guarding.operations {
			operations = append(operations, object{"vaultCriticalOperation": o.name,
				"defaultResourceRequest": r.guard() + o.request})
		}
		list = append(list, object{
			"id":         r.id() + "/backupResourceGuardProxies/VaultProxy",
			"name":       "VaultProxy",
			"type":       r.kind.name + "/backupResourceGuardProxies",
			"properties": object{"resourceGuardResourceId": r.guard(), "resourceGuardOperationDetails": operations},
		})
	}
	return ok(object{"value": list})
}

// disallowed is the refusal by an assignment of Azure Policy.
func disallowed(r *resource) reply {
	assignment := "/subscriptions/" + r.sub.id +
		"/providers/Microsoft.Authorization/policyAssignments/settings-are-fixed"
	definition := "/subscriptions/" + r.sub.id +
		"/providers/Microsoft.Authorization/policyDefinitions/settings-are-fixed"
	return reply{status: http.StatusForbidden, body: asJSON(object{"error": object{
		"code":    "RequestDisallowedByPolicy",
		"target":  r.Name,
		"message": "Resource '" + r.Name + "' was disallowed by policy.",
		"additionalInfo": []any{object{"type": "PolicyViolation", "info": object{
			"policyDefinitionDisplayName": "Settings of vaults are fixed",
			"policyDefinitionId":          definition,
			"policyDefinitionName":        "settings-are-fixed",
			"policyDefinitionEffect":      "deny",
			"policyAssignmentId":          assignment,
			"policyAssignmentName":        "settings-are-fixed",
			"policyAssignmentScope":       "/subscriptions/" + r.sub.id,
		}}},
	}})}
}

// alertRules lists a subscription's alert processing rules: one that tells an
// action group of everything, unless the scenario says there is none.
func (c *Cloud) alertRules(q *request, _ *line) reply {
	s := q.sub
	if s.noAlertRule {
		return ok(object{"value": []any{}})
	}
	group := "/subscriptions/" + s.id + "/resourceGroups/rg-operations"
	return ok(object{"value": []any{object{
		"id":       group + "/providers/Microsoft.AlertsManagement/actionRules/notify-operations",
		"name":     "notify-operations",
		"type":     "Microsoft.AlertsManagement/actionRules",
		"location": "Global",
		"tags":     object{},
		"properties": object{
			"scopes":  []any{"/subscriptions/" + s.id},
			"enabled": true,
			"actions": []any{object{"actionType": "AddActionGroups",
				"actionGroupIds": []any{group + "/providers/Microsoft.Insights/actionGroups/operations"}}},
		},
	}}})
}
