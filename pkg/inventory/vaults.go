package inventory

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// required are the keys that a classic vault or, but for the name, defaults must
// give.
var required = []string{"name", "location", "resourceType", "targetResourceGroup"}

var defaultsSchema = &schema{
	what: "defaults",
	keys: []string{"location", "resourceType", "resourceGroup", "targetResourceGroup", "createResourceGroup", "acceptWarnings"},
}

func (d *decoder) readDefaults(e *entry) {
	f, _ := d.mapping(e.value, e.at, defaultsSchema)
	d.defaults.fields = f
	d.shared(&f, &d.defaults.vault)
}

// shared reads what vaults, rules and defaults have in common.
func (d *decoder) shared(f *fields, v *fleet.Vault) {
	if e := f.get("location"); e != nil {
		v.Location, _ = d.line(e, "location")
	}
	if e := f.get("resourceType"); e != nil {
		s, _ := d.oneOf(e, "resourceType", d.types())
		v.ResourceType = fleet.ResourceType(s)
	}
	d.groupKeys(f)
	if e := f.get("resourceGroup"); e != nil {
		v.ResourceGroup = d.ownGroup(e)
	}
	if e := f.get("targetResourceGroup"); e != nil {
		v.TargetResourceGroup = d.resourceGroup(e)
	}
	if e := f.get("createResourceGroup"); e != nil {
		v.CreateResourceGroup, _ = d.boolean(e, "createResourceGroup")
	}
	if e := f.get("acceptWarnings"); e != nil {
		v.AcceptWarnings, v.Consents = d.acceptWarnings(e)
	}
}

var subscriptionSchema = &schema{what: "a subscription", keys: []string{"id", "name", "tenant", "labels", "vaults"}}

// readSubscriptions reads the subscriptions of the inventory or of a file that
// it includes. optional says that they may be elsewhere.
func (d *decoder) readSubscriptions(root *fields, optional bool) {
	e := root.get("subscriptions")
	d.sound = d.sound && (e != nil || optional) && !root.doubtful("subscriptions")
	if e == nil {
		if root.lacks("subscriptions") && !optional {
			d.problem(root.at, "add the subscriptions with their vaults", "%s has no subscriptions", root.what)
		}
		return
	}
	if d.list.line == 0 {
		d.list = d.here(e.at)
	}
	list, ok := d.items(e, "subscriptions")
	d.sound = d.sound && ok
	for _, n := range list {
		if n.Kind == yaml.AliasNode {
			d.sound = false
			d.problem(at(n), "write it out; its vaults may be an alias", "a subscription cannot be an alias: its id is its own")
			continue
		}
		f, ok := d.mapping(n, at(n), subscriptionSchema)
		if !ok {
			d.sound = false
			continue
		}
		d.subscription(&f)
	}
}

func (d *decoder) subscription(f *fields) {
	var s plan.SubscriptionSpec
	start := d.here(f.at)
	places := subscriptionPlaces{start: start, id: start, name: start}
	if f.lacks("id") {
		d.problem(f.at, "add the subscription's GUID", "a subscription has no id")
	}
	if e := f.get("id"); e != nil {
		places.id, places.name = d.here(e.at), d.here(e.at)
		if text, ok := d.text(e.value, e.at, "id"); ok {
			id, err := fleet.NormalizeGUID(text)
			if err != nil {
				d.problem(e.at, "", "id: %s is not a GUID such as 53a3c692-5283-4f0a-baf6-49412f5ebefe", quote(text))
			}
			s.ID = id
		}
	}
	s.Name = s.ID
	if e := f.get("name"); e != nil {
		places.name = d.here(e.at)
		if name, ok := d.line(e, "name"); ok {
			s.Name = name
			if strings.Contains(name, "/") {
				d.problem(e.at, "vaults are addressed as subscription/name", "a subscription's name must not hold a slash: %s", quote(name))
			}
		}
	}
	if e := f.get("tenant"); e != nil {
		s.Tenant = d.tenant(e)
	}
	if e := f.get("labels"); e != nil {
		s.Labels = d.labels(e)
		places.labels = d.here(e.at)
	}
	d.subscriptions = append(d.subscriptions, places)
	if f.lacks("vaults") {
		d.sound = false
		d.problem(f.at, "list its vaults, or write vaults: []", "subscription %s has no vaults", quote(s.Name))
	}
	d.sound = d.sound && !f.doubtful("vaults") && !f.doubtful("labels")
	if e := f.get("vaults"); e != nil {
		d.readVaults(e, &s)
	}
	d.in.Subscriptions = append(d.in.Subscriptions, s)
}

var domainName = lazyregexp.New(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)

func (d *decoder) tenant(e *entry) string {
	s, ok := d.text(e.value, e.at, "tenant")
	if !ok {
		return ""
	}
	if id, err := fleet.NormalizeGUID(s); err == nil {
		return id
	}
	if len(s) > 253 || !domainName().MatchString(s) {
		d.problem(e.at, "", "tenant must be a GUID or a domain such as contoso.example, not %s", quote(s))
		return ""
	}
	return strings.ToLower(s)
}

var vaultSchema = &schema{
	what: "a vault",
	keys: []string{"name", "location", "resourceType", "resourceGroup", "targetResourceGroup", "createResourceGroup",
		"acceptWarnings", "protectedItems", "labels", "hold", "windows", "blackouts"},
}

func (d *decoder) readVaults(e *entry, s *plan.SubscriptionSpec) {
	list, ok := d.items(e, "vaults")
	d.sound = d.sound && ok
	s.Vaults = make([]fleet.Vault, 0, len(list))
	for _, n := range list {
		n, where := d.resolve(n)
		f, ok := d.mapping(n, where, vaultSchema)
		if !ok {
			d.sound = false
			continue
		}
		d.vaults = append(d.vaults, vaultNote{place: d.here(where), subscription: len(d.subscriptions) - 1})
		d.addVault(f, s)
	}
}

func (d *decoder) addVault(f fields, s *plan.SubscriptionSpec) {
	v, calendar := d.vault(f, s)
	if calendar != nil {
		if s.Calendars == nil {
			s.Calendars = make(map[int]*plan.Calendar)
		}
		s.Calendars[len(s.Vaults)] = calendar
	}
	s.Vaults = append(s.Vaults, v)
}

// maxItems is the most protected items that are believed.
const maxItems = 1_000_000

// vault reads a vault and lays its own values over those of the rules that
// match it, and these over the defaults.
func (d *decoder) vault(f fields, s *plan.SubscriptionSpec) (fleet.Vault, *plan.Calendar) {
	own := layer{from: "vault", fields: f, file: d.file}
	v := &own.vault
	d.sound = d.sound && !f.doubtful("labels")
	if e := f.get("name"); e != nil {
		v.Name = d.vaultName(e)
	}
	d.shared(&f, v)
	if e := f.get("protectedItems"); e != nil {
		v.ProtectedItems, _ = d.integer(e, "protectedItems", 0, maxItems)
	}
	if e := f.get("labels"); e != nil {
		v.Labels = d.labels(e)
	}
	if e := f.get("hold"); e != nil {
		v.Hold = d.hold(e)
	}
	own.calendar = d.calendar(&f)
	return d.lay(&own, s)
}

// who names a vault in a problem.
func who(v *fleet.Vault, s *plan.SubscriptionSpec) string {
	if v.Name == "" {
		return "a vault of subscription " + quote(s.Name)
	}
	return "vault " + quote(s.Name+"/"+v.Name)
}

// maxVaultName guards against a mistake in the file; the service's own limit
// is not documented.
const maxVaultName = 260

func (d *decoder) vaultName(e *entry) string {
	s, ok := d.line(e, "a vault's name")
	switch {
	case !ok:
		return ""
	case strings.Contains(s, "/"):
		d.problem(e.at, "give the name alone, not a path", "a vault's name must not hold a slash: %s", quote(s))
		return ""
	case s == "." || s == "..":
		d.problem(e.at, "", "%s cannot be a vault's name: in a URL it means a folder", quote(s))
		return ""
	case utf8.RuneCountInString(s) > maxVaultName:
		d.problem(e.at, "", "a vault's name has %d characters; more than %d is surely a mistake",
			utf8.RuneCountInString(s), maxVaultName)
		return ""
	}
	return s
}

var holdSchema = &schema{what: "hold", keys: []string{"reason", "until", "by"}}

// hold reads a reason, or a reason with an end and a person.
func (d *decoder) hold(e *entry) *fleet.Hold {
	if e.value.Kind != yaml.MappingNode {
		if plainBoolean(e.value) {
			d.problem(e.at, "write hold: the reason, or remove the key", "hold must say why, not %s", describe(e.value))
			return nil
		}
		reason, ok := d.line(e, "hold")
		if !ok {
			return nil
		}
		return &fleet.Hold{Reason: reason}
	}
	f, ok := d.mapping(e.value, e.at, holdSchema)
	if !ok {
		return nil
	}
	var h fleet.Hold
	if f.lacks("reason") {
		d.problem(e.at, "add a reason", "hold has no reason")
	}
	if reason := f.get("reason"); reason != nil {
		h.Reason, _ = d.line(reason, "hold.reason")
	}
	if until := f.get("until"); until != nil {
		h.Until, _ = d.instant(until, "hold.until")
	}
	if by := f.get("by"); by != nil {
		h.By, _ = d.line(by, "hold.by")
	}
	return &h
}
