package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Resource is a vault of today's Azure that the cloud has.
type Resource struct {
	SubscriptionID   string `json:"subscriptionId"`   // a GUID
	SubscriptionName string `json:"subscriptionName"` // its display name; the ID where empty
	ResourceGroup    string `json:"resourceGroup"`
	// Microsoft.RecoveryServices/vaults, Microsoft.KeyVault/vaults or Microsoft.DataProtection/backupVaults
	Type     string            `json:"type"`
	Name     string            `json:"name"`
	Location string            `json:"location"`
	Tags     map[string]string `json:"tags,omitempty"`
	// as they are in the beginning; merged into the usual ones of the type
	Properties     json.RawMessage `json:"properties,omitempty"`
	ProtectedItems int             `json:"protectedItems,omitempty"` // for durations by item
}

// resource is a Resource, made ready.
type resource struct {
	Resource
	sufferer
	kind    *resourceType
	sub     *subscription
	key     string        // its ID in lower case, without /subscriptions/
	initial object        // its properties in the beginning
	changes []*change     // mutable, as are roles and stats
	roles   []*assignment // in the order they were given
	stats   resourceStats
}

// id is its ID as Azure writes it.
func (r *resource) id() string {
	return "/subscriptions/" + r.sub.id + "/resourceGroups/" + r.ResourceGroup + "/providers/" + r.kind.name + "/" +
		r.Name
}

// ref names it for people.
func (r *resource) ref() string { return r.sub.name + "/" + r.Name }

func resourceKey(sub, group, kind, name string) string {
	return strings.ToLower(sub + "/resourceGroups/" + group + "/providers/" + kind + "/" + name)
}

// addResource checks a resource and gives the cloud it.
func (c *Cloud) addResource(cfg Resource) []error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	kind := resourceTypeOf(cfg.Type)
	if kind == nil {
		var names []string
		for _, t := range resourceTypes {
			names = append(names, t.name)
		}
		add("type %q is not one of %s", cfg.Type, strings.Join(names, ", "))
	}
	if cfg.Name == "" || strings.ContainsAny(cfg.Name, "/?#") {
		add("%q is no name of a resource", cfg.Name)
	}
	if normalize(cfg.Location) == "" {
		add("resource %q has no location", cfg.Name)
	}
	if !groupPattern().MatchString(cfg.ResourceGroup) {
		add("resource %q: %q is no name of a resource group", cfg.Name, cfg.ResourceGroup)
	}
	if cfg.ProtectedItems < 0 {
		add("resource %q: %d protected items", cfg.Name, cfg.ProtectedItems)
	}
	own := object{}
	if len(cfg.Properties) > 0 {
		if err := json.Unmarshal(cfg.Properties, &own); err != nil || own == nil {
			add("resource %q: its properties are no JSON object", cfg.Name)
		}
	}
	if !guidPattern().MatchString(bareGUID(cfg.SubscriptionID)) {
		add("subscription ID %q is not a GUID", cfg.SubscriptionID)
	}
	if len(errs) > 0 {
		return errs
	}
	sub := c.subscription(cfg.SubscriptionID, cfg.SubscriptionName)
	cfg.SubscriptionID, cfg.SubscriptionName, cfg.Type = sub.id, sub.name, kind.name
	r := &resource{Resource: cfg, kind: kind, sub: sub,
		key: resourceKey(sub.id, cfg.ResourceGroup, kind.name, cfg.Name)}
	if c.byID[r.key] != nil {
		return []error{fmt.Errorf("%s is there twice", r.id())}
	}
	r.initial = merged(kind.usual(c.shape, r), own)
	c.resources = append(c.resources, r)
	c.byID[r.key] = r
	sub.resources = append(sub.resources, r)
	group := strings.ToLower(cfg.ResourceGroup)
	if sub.groups[group] == nil {
		sub.groups[group] = newGroup(cfg.ResourceGroup, cfg.Location)
	}
	sub.groups[group].missing = false
	return nil
}

// properties are the resource's at a time: those of the beginning and what the
// changes that have ended well by then made of them.
func (r *resource) properties(at time.Time) object {
	p := r.initial
	for _, ch := range r.landed(at) {
		p = merged(p, ch.patch.properties)
	}
	return p
}

func (r *resource) tags(at time.Time) map[string]string {
	tags := r.Tags
	for _, ch := range r.landed(at) {
		if ch.patch.tags != nil {
			tags = ch.patch.tags
		}
	}
	return tags
}

// landed lists the changes that have taken effect, in the order they did: one is
// under way at a time.
func (r *resource) landed(at time.Time) []*change {
	var out []*change
	for _, ch := range r.changes {
		if ch.status(at) == changeSucceeded && !ch.Void {
			out = append(out, ch)
		}
	}
	return out
}

// written lists the changes that have ended, well or not: each has written to the
// vault. Of those that came to nothing no source tells.
func (r *resource) written(at time.Time) []*change {
	var out []*change
	for _, ch := range r.changes {
		if ch.status(at) != changeInProgress {
			out = append(out, ch)
		}
	}
	return out
}

// describe is the resource as its provider shows it.
// As recorded, a Recovery Services vault without tags has no such field, and a key
// vault says who made it.
func (c *Cloud) describe(r *resource, properties object, tags map[string]string, version int,
	changed time.Time) object {
	if r.kind.written != nil {
		properties = r.kind.written(properties)
	}
	out := object{
		"id": r.id(), "name": r.Name, "type": r.kind.name, "location": normalize(r.Location),
		"tags": tags, "properties": properties,
	}
	if tags == nil {
		out["tags"] = object{}
		if c.recorded() && r.kind.long {
			delete(out, "tags")
		}
	}
	switch {
	case r.kind.tagged:
		out["sku"] = object{"name": "Standard"}
		out["etag"] = c.etag(r, version, changed)
	case r.kind.long: // no recorded Backup vault shows its version
	case c.recorded():
		out["systemData"] = object{
			"createdBy": "operator@contoso.example", "createdByType": "User", "createdAt": madeAt.Format(time.RFC3339),
			"lastModifiedBy": "operator@contoso.example", "lastModifiedByType": "User",
			"lastModifiedAt": changed.UTC().Format(time.RFC3339),
		}
	}
	return out
}

// madeAt is when the vaults of the beginning were made.
var madeAt = time.Date(2026, 9, 9, 13, 49, 56, 862937200, time.UTC)

// changedAt is when a vault was last written to.
func (r *resource) changedAt(at time.Time) time.Time {
	if ended := r.written(at); len(ended) > 0 {
		return ended[len(ended)-1].EndsAt
	}
	return madeAt
}

// show is the resource at a time. While a change is under way its
// provisioningState says so, and everything else is as it was.
func (c *Cloud) show(r *resource, at time.Time) object {
	p := r.properties(at)
	switch ch := r.running(at); {
	case c.being(r, at) && r.kind.tagged:
		p = merged(p, object{"provisioningState": "Provisioning",
			"securitySettings": object{"multiUserAuthorization": "Invalid"}})
	case c.being(r, at) && r.kind.long:
		p = merged(p, object{"provisioningState": "Provisioning"})
	case c.being(r, at):
		p = merged(p, object{"provisioningState": "RegisteringDns"})
	case ch != nil && !ch.AcceptedAt.After(at):
		p = merged(p, object{"provisioningState": c.changing.state})
	}
	return c.describe(r, p, r.tags(at), len(r.written(at)), r.changedAt(at))
}

func (c *Cloud) readVault(q *request, l *line) reply { return ok(q.visible(c.show(q.resource, l.At))) }

// merged is a JSON object with another merged into it (RFC 7396): null takes a
// field away. Neither is changed.
func merged(base, patch object) object {
	out := make(object, len(base)+len(patch))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case object:
			under, _ := out[k].(object)
			out[k] = merged(under, v)
		default:
			out[k] = v
		}
	}
	return out
}

// plain returns data as JSON knows it: numbers as float64, objects as object.
func plain(v any) (object, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := object{}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, err
	}
	if out == nil {
		return nil, errors.New("is null")
	}
	return out, nil
}
