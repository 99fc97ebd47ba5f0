package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// required are the keys that a classic vault or, but for the name, defaults must
// give.
var required = []string{"name", "location", "resourceType", "targetResourceGroup"}

// vaultKey is a key that says something of a vault: in its own entry, in what a rule
// sets, or in the defaults.
type vaultKey struct {
	key[fleet.Vault]
	lay   func(v, from *fleet.Vault)  // puts the value of from in the place of v's
	shown func(v *fleet.Vault) string // its value, as people read it
}

// vaultField is a key that is one field of a vault.
func vaultField[F any](name string, told told, at func(*fleet.Vault) *F, read func(*decoder, *entry) (F, bool),
) vaultKey {
	return vaultKey{reads(name, told, at, read), func(v, from *fleet.Vault) { *at(v) = *at(from) },
		func(v *fleet.Vault) string { return fmt.Sprint(*at(v)) }}
}

// vaultKeys are all there are, in the order of their origins, but for the calendars.
var vaultKeys = []vaultKey{
	vaultField("name",
		says(about("the vault's name", object{"type": "string", "minLength": 1, "maxLength": maxVaultName})),
		func(v *fleet.Vault) *string { return &v.Name }, (*decoder).vaultName),
	vaultField("location", says(line("the Azure location, such as Australia East")),
		func(v *fleet.Vault) *string { return &v.Location },
		func(d *decoder, e *entry) (string, bool) { return d.line(e, e.what) }),
	vaultField("resourceType", func(k kinds) object {
		return oneWord("the type of vault; of all kinds but classic there is but one", typesOf(k)...)
	}, func(v *fleet.Vault) *fleet.ResourceType {
		return &v.ResourceType
	}, func(d *decoder, e *entry) (fleet.ResourceType, bool) {
		s, ok := d.oneOf(e, e.what, d.types())
		return fleet.ResourceType(s), ok
	}),
	vaultField("resourceGroup", says(line("the resource group that the vault is in; not of a classic one")),
		func(v *fleet.Vault) *string { return &v.ResourceGroup }, (*decoder).groupName),
	vaultField("targetResourceGroup", says(line("of a classic vault: the resource group of the new one; "+
		"may be a template with {location}, {name}, {subscription}, {labels.NAME}")),
		func(v *fleet.Vault) *string { return &v.TargetResourceGroup }, (*decoder).targetGroup),
	vaultField("createResourceGroup", says(boolean("let the upgrade make the target group where it does not exist")),
		func(v *fleet.Vault) *bool { return &v.CreateResourceGroup },
		func(d *decoder, e *entry) (bool, bool) { return d.boolean(e, e.what) }),
	{key[fleet.Vault]{"acceptWarnings", toldOfConsents, func(d *decoder, e *entry, v *fleet.Vault) {
		v.AcceptWarnings, v.Consents = d.acceptWarnings(e)
	}}, func(v, from *fleet.Vault) {
		v.AcceptWarnings, v.Consents = from.AcceptWarnings, from.Consents
	}, func(v *fleet.Vault) string {
		if len(v.Consents) > 0 {
			return words.Count(len(v.Consents), "consent")
		}
		return strconv.FormatBool(v.AcceptWarnings)
	}},
	vaultField("protectedItems", says(whole("how many items it protects: a size hint for the forecast", 0, maxItems)),
		func(v *fleet.Vault) *int { return &v.ProtectedItems },
		func(d *decoder, e *entry) (int, bool) { return d.integer(e, e.what, 0, maxItems) }),
	{key[fleet.Vault]{"hold", toldOfHold, func(d *decoder, e *entry, v *fleet.Vault) { v.Hold = d.hold(e) }},
		func(v, from *fleet.Vault) { v.Hold = from.Hold }, func(v *fleet.Vault) string {
			if v.Hold == nil {
				return ""
			}
			return v.Hold.Reason
		}},
}

// of is a key of a vault, in other words where they are given.
func of(name string, what ...string) key[fleet.Vault] {
	k := vaultKeys[slices.IndexFunc(vaultKeys, func(k vaultKey) bool { return k.name == name })].key
	if usual := k.told; len(what) > 0 {
		k.told = func(k kinds) object { return about(what[0], usual(k)) }
	}
	return k
}

// labelsKey are labels, which are joined with those of other layers.
func labelsKey(what string) key[fleet.Vault] {
	return key[fleet.Vault]{"labels", says(pairs(what)),
		func(d *decoder, e *entry, v *fleet.Vault) { v.Labels = d.labels(e) }}
}

var defaultsForm = newForm("defaults", "", of("location"), of("resourceType"), of("resourceGroup"),
	of("targetResourceGroup"), of("createResourceGroup"), of("acceptWarnings"))

func (d *decoder) readDefaults(e *entry) {
	d.defaults.fields, _ = defaultsForm.mapping(d, e.value, e.at, &d.defaults.vault)
	d.groupKeys(&d.defaults.fields)
}

var subscriptionForm = newForm("a subscription", "",
	reads("id", says(matching("the subscription's GUID", `^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`)),
		func(s *plan.SubscriptionSpec) *string { return &s.ID }, (*decoder).subscriptionID),
	reads("name", says(line("what people call it; no slash")),
		func(s *plan.SubscriptionSpec) *string { return &s.Name }, (*decoder).subscriptionName),
	reads("tenant", says(line("a GUID or a domain, where it is not the credential's own")),
		func(s *plan.SubscriptionSpec) *string { return &s.Tenant }, (*decoder).tenant),
	key[plan.SubscriptionSpec]{"labels", says(pairs("labels of all its vaults")),
		func(d *decoder, e *entry, s *plan.SubscriptionSpec) { s.Labels = d.labels(e) }},
	byHand[plan.SubscriptionSpec]("vaults",
		func(k kinds) object { return list("its vaults", vaultForm.told(k, "name")) }),
)

func toldOfSubscriptions(k kinds) object {
	return list("the subscriptions with their vaults", subscriptionForm.told(k, "id", "vaults"))
}

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
	d.vaults = slices.Grow(d.vaults, vaultsIn(list))
	for i, n := range list {
		if d.readOnce {
			list[i] = nil
		}
		if n.Kind == yaml.AliasNode {
			d.sound = false
			d.problem(at(n), "write it out; its vaults may be an alias",
				"a subscription cannot be an alias: its id is its own")
			continue
		}
		var s plan.SubscriptionSpec
		f, ok := subscriptionForm.mapping(d, n, at(n), &s)
		if !ok {
			d.sound = false
			continue
		}
		d.subscription(&f, &s)
	}
}

// vaultsIn counts the vaults of subscriptions, as far as they are lists.
func vaultsIn(subscriptions []*yaml.Node) (n int) {
	for _, s := range subscriptions {
		if _, list := child(s, "vaults"); list != nil {
			n += len(list.Content)
		}
	}
	return n
}

// subscription reads the vaults of a subscription, of which all else is read.
func (d *decoder) subscription(f *fields, s *plan.SubscriptionSpec) {
	d.all(f, subscriptionForm.what, []string{"id"}, "add the subscription's GUID")
	s.Name = cmp.Or(s.Name, s.ID)
	id := d.here(f.of("id"))
	places := subscriptionPlaces{start: d.here(f.at), id: id, name: id, labels: d.here(f.of("labels"))}
	if f.get("name") != nil {
		places.name = d.here(f.of("name"))
	}
	d.subscriptions = append(d.subscriptions, places)
	if f.lacks("vaults") {
		d.sound = false
		d.problem(f.at, "list its vaults, or write vaults: []", "subscription %s has no vaults", quote(s.Name))
	}
	d.sound = d.sound && !f.doubtful("vaults") && !f.doubtful("labels")
	if e := f.get("vaults"); e != nil {
		d.readVaults(e, s)
	}
	d.in.Subscriptions = append(d.in.Subscriptions, *s)
}

func (d *decoder) subscriptionID(e *entry) (string, bool) {
	text, ok := d.text(e.value, e.at, e.what)
	if !ok {
		return "", false
	}
	id, err := fleet.NormalizeGUID(text)
	if err != nil {
		d.problem(e.at, "", "id: %s is not a GUID such as 53a3c692-5283-4f0a-baf6-49412f5ebefe", quote(text))
	}
	return id, err == nil
}

func (d *decoder) subscriptionName(e *entry) (string, bool) {
	name, ok := d.line(e, e.what)
	if ok && strings.Contains(name, "/") {
		d.problem(e.at, "vaults are addressed as subscription/name",
			"a subscription's name must not hold a slash: %s", quote(name))
	}
	return name, ok
}

var domainName = lazyregexp.New(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)

func (d *decoder) tenant(e *entry) (string, bool) {
	s, ok := d.text(e.value, e.at, "tenant")
	if !ok {
		return "", false
	}
	if id, err := fleet.NormalizeGUID(s); err == nil {
		return id, true
	}
	if len(s) > 253 || !domainName().MatchString(s) {
		d.problem(e.at, "", "tenant must be a GUID or a domain such as contoso.example, not %s", quote(s))
		return "", false
	}
	return strings.ToLower(s), true
}

var vaultForm = newForm("a vault", "", append(slices.Concat([]key[fleet.Vault]{of("name")}, defaultsForm.keys),
	of("protectedItems"), labelsKey("labels that waves and rules match by"), of("hold"),
	byHand[fleet.Vault]("windows", windowsOf("windows of its own, in place of the wave's")),
	byHand[fleet.Vault]("blackouts", blackoutsOf("blackouts of its own")))...)

func (d *decoder) readVaults(e *entry, s *plan.SubscriptionSpec) {
	list, ok := d.items(e, "vaults")
	d.sound = d.sound && ok
	s.Vaults = make([]fleet.Vault, 0, len(list))
	own := &layer{}
	for i, n := range list {
		n, where := d.resolve(n)
		if own.noted { // it is looked at again when the waves are known
			own = &layer{}
		}
		*own = layer{from: "vault", file: d.file, fields: fields{entries: own.fields.entries[:0]}}
		if ok = vaultForm.into(d, &own.fields, n, where, &own.vault); !ok {
			d.sound = false
			continue
		}
		d.addVault(own, where, len(d.subscriptions)-1, s)
		if d.readOnce {
			list[i] = nil
		}
	}
}

// addVault adds a vault to the subscription of an index: its own values are laid
// over those of the rules that match it, and these over the defaults.
func (d *decoder) addVault(own *layer, where place, subscription int, s *plan.SubscriptionSpec) {
	d.vaults = append(d.vaults, vaultNote{spot: d.spot(where), subscription: int32(subscription)})
	d.sound = d.sound && !own.fields.doubtful("labels")
	d.groupKeys(&own.fields)
	own.calendar = d.calendar(&own.fields)
	s.Vaults = append(s.Vaults, d.defaults.vault)
	last := len(s.Vaults) - 1
	if calendar := d.lay(&s.Vaults[last], own, s); calendar != nil {
		if s.Calendars == nil {
			s.Calendars = make(map[int]*plan.Calendar)
		}
		s.Calendars[last] = calendar
	}
}

// maxItems is the most protected items that are believed.
const maxItems = 1_000_000

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

func (d *decoder) vaultName(e *entry) (string, bool) {
	s, ok := d.line(e, "a vault's name")
	switch {
	case !ok:
		return "", false
	case strings.Contains(s, "/"):
		d.problem(e.at, "give the name alone, not a path", "a vault's name must not hold a slash: %s", quote(s))
		return "", false
	case s == "." || s == "..":
		d.problem(e.at, "", "%s cannot be a vault's name: in a URL it means a folder", quote(s))
		return "", false
	case utf8.RuneCountInString(s) > maxVaultName:
		d.problem(e.at, "", "a vault's name has %d characters; more than %d is surely a mistake",
			utf8.RuneCountInString(s), maxVaultName)
		return "", false
	}
	return s, true
}

var holdForm = newForm("hold", "hold.",
	lineKey("reason", "why", func(h *fleet.Hold) *string { return &h.Reason }),
	reads("until", says(line("a date or a time with its zone")), func(h *fleet.Hold) *time.Time { return &h.Until },
		func(d *decoder, e *entry) (time.Time, bool) { return d.instant(e, e.what) }),
	lineKey("by", "who wants it", func(h *fleet.Hold) *string { return &h.By }),
)

func toldOfHold(k kinds) object {
	return either2("excluded from the rollout, with this reason", line("the reason"), holdForm.told(k, "reason"))
}

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
	var h fleet.Hold
	f, ok := holdForm.mapping(d, e.value, e.at, &h)
	if !ok {
		return nil
	}
	d.all(&f, "hold", []string{"reason"}, "add a reason")
	return &h
}
