package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Placeholder stands where an inventory that was written by the program lacks
// a target resource group. It passes for none: a misspelt name would create a
// group (classic-service.md#the-operation), so nobody guesses one.
const Placeholder = "<target resource group>"

// Found is a fleet as a cloud or a table knows it.
type Found struct {
	At          time.Time
	Source      string // where it is from, in words
	Cloud       fleet.Cloud
	Credentials fleet.Credentials
	Kind        *fleet.KindSpec // what is to be done to today's vaults; nil: the classic upgrade
	// of all classic vaults that have none of their own: a name or a template; "": not known
	TargetResourceGroup string
	Subscriptions       []FoundSubscription
	Rollout             *Rollout // waves, budget and limits to begin with; nil: none are written

	lost map[lostLabel]int // labels that no inventory can hold, by how many have them
}

// kind is the kind of the inventory.
func (f *Found) kind() fleet.Kind {
	if f.Kind == nil {
		return fleet.KindClassic
	}
	return f.Kind.Kind
}

// key identifies a vault that was found, or that an inventory of this kind has.
func (f *Found) key(subscription string, v *fleet.Vault) fleet.Key {
	return fleet.KeyOf(f.kind(), subscription, v.ResourceType, v.Location, v.QualifiedName())
}

// FoundSubscription is a subscription with its vaults.
type FoundSubscription struct {
	ID     string // a GUID in lower case, no braces
	Name   string // "": nobody gave it one
	Called string // what the cloud calls it; its name, where nobody gave one and an inventory can hold it
	Tenant string
	Labels map[string]string
	Unread string // why its vaults are not known; "": they are
	Vaults []FoundVault
	// Others are vaults that are there and were not asked for: they are neither
	// to be added nor gone.
	Others []fleet.Vault
}

// FoundVault is a vault as it was found: name, location and type, and of the
// groups, the protected items and the labels what is known.
type FoundVault struct {
	fleet.Vault
	Note    string // for people, beside it
	LeftOut string // why it is not to be upgraded; "": it is
	refused bool   // it is left out because no inventory can hold it
}

// Sort brings the vaults of each subscription into the order of their
// locations and names.
func (f *Found) Sort() {
	for i := range f.Subscriptions {
		slices.SortFunc(f.Subscriptions[i].Vaults, func(a, b FoundVault) int {
			return cmp.Or(strings.Compare(fleet.NormalizeLocation(a.Location), fleet.NormalizeLocation(b.Location)),
				strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
				cmp.Compare(a.ResourceType, b.ResourceType),
				strings.Compare(strings.ToLower(a.ResourceGroup), strings.ToLower(b.ResourceGroup)))
		})
	}
}

// all are the vaults, each with its subscription.
func (f *Found) all() iter.Seq2[*FoundSubscription, *FoundVault] {
	return func(yield func(*FoundSubscription, *FoundVault) bool) {
		for i := range f.Subscriptions {
			s := &f.Subscriptions[i]
			for j := range s.Vaults {
				if !yield(s, &s.Vaults[j]) {
					return
				}
			}
		}
	}
}

// Vaults counts the vaults that are to be upgraded, and those left out.
func (f *Found) Vaults() (in, out int) {
	for _, v := range f.all() {
		if v.LeftOut == "" {
			in++
		} else {
			out++
		}
	}
	return in, out
}

// Refused says which vaults are left out although nobody decided that, because no
// inventory can hold their names, after Write or Update.
func (f *Found) Refused() (out []string) {
	for s, v := range f.all() {
		if v.refused {
			out = append(out, fmt.Sprintf("%s/%s is left out: %s", cmp.Or(s.Name, s.ID), v.Name, v.LeftOut))
		}
	}
	return out
}

// leaveOut sets aside the vaults whose names no inventory can hold. A name in
// a cloud is whatever somebody once typed.
func (f *Found) leaveOut() {
	for _, v := range f.all() {
		if v.LeftOut != "" {
			continue
		}
		err := wrong(v.Name, func(d *decoder, e *entry) { d.vaultName(e) })
		if impossible, _ := fleet.CheckVaultName(v.ResourceType, v.Name); err == nil && impossible != "" {
			err = fmt.Errorf("the name %s", impossible)
		}
		if err == nil {
			err = wrong(v.Location, func(d *decoder, e *entry) { d.line(e, "its location") })
		}
		if err == nil && !utf8.ValidString(v.Name+v.Location) {
			err = errors.New("it is not valid UTF-8")
		}
		if err == nil && f.Kind != nil {
			err = fleet.CheckResourceGroupName(v.ResourceGroup)
		}
		if err != nil {
			v.LeftOut, v.refused = "no inventory can hold it: "+err.Error(), true
		}
	}
}

// CheckTarget says what is wrong with a target resource group for vaults that
// have no labels, nil when nothing is: a name, or a template of one.
func CheckTarget(s string) error {
	if !isTemplate(s) {
		return fleet.CheckResourceGroupName(s)
	}
	return splitTemplate(s, func(string) {}, func(name string) error {
		if strings.HasPrefix(name, labelPlaceholder) {
			return fmt.Errorf("these vaults have no labels, so {%s} cannot be filled in", name)
		}
		return nil
	})
}

// crowds tells which vaults would get the Resource Manager path of another.
type crowds struct{ taken map[string]bool }

// take reports whether the path of a vault is still free, and takes it. The
// group is the one that is in force for it; a vault without one takes nothing.
func (c *crowds) take(subscription, subscriptionName string, v *fleet.Vault, group string) bool {
	if group == "" || group == Placeholder {
		return true
	}
	if isTemplate(group) {
		filled, err := fill(group, v, subscriptionName,
			func(label string) (string, error) { return v.Labels[label], nil })
		if err != nil {
			return true // reported where it is read
		}
		group = filled
	}
	at := *v
	at.SubscriptionID, at.TargetResourceGroup = subscription, group
	path := fleet.FoldName(at.TargetPath())
	if c.taken[path] {
		return false
	}
	if c.taken == nil {
		c.taken = make(map[string]bool)
	}
	c.taken[path] = true
	return true
}

// crowded is the note of a vault that needs a group of its own.
const crowded = "another vault of this name goes into the same group: name one for this"

// CheckName says what is wrong with the name of a subscription, nil when nothing
// is.
func CheckName(s string) error {
	return wrong(s, func(d *decoder, e *entry) {
		if name, ok := d.line(e, "a subscription's name"); ok && strings.Contains(name, "/") {
			d.problem(e.at, "",
				"a subscription's name must not hold a slash: vaults are addressed as subscription/name")
		}
	})
}

// CheckTenant is CheckName for a tenant.
func CheckTenant(s string) error {
	return wrong(s, func(d *decoder, e *entry) { d.tenant(e) })
}

func wrong(s string, read func(*decoder, *entry)) error {
	d := &decoder{reader: newReader("")}
	read(d, &entry{value: textNode(s, place{})})
	if len(d.problems) == 0 {
		return nil
	}
	return errors.New(d.problems[0].Message)
}

// Looks reports whether a text is meant to be an inventory, sound or not.
func Looks(data []byte) bool {
	if len(data) > maxSize {
		return false
	}
	root := newReader("").document(data)
	if root == nil {
		return false
	}
	_, version := child(root, "apiVersion")
	return version != nil && version.Value == apiVersion
}

// lostLabel is a label that no inventory can hold.
type lostLabel struct{ name, why string }

// maxKey is the longest name that a label may have as it is written: YAML takes
// no longer key.
const maxKey = 1000

// fit returns the labels that an inventory can hold, and counts the others. In
// a cloud a tag is whatever somebody once typed.
func (f *Found) fit(labels map[string]string) map[string]string {
	var out map[string]string
	for name, value := range labels {
		err := wrong("", func(d *decoder, _ *entry) {
			d.labels(&entry{value: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map",
				Content: []*yaml.Node{textNode(name, place{}), textNode(value, place{})}}})
		})
		why := ""
		switch {
		case err != nil:
			why = err.Error()
		case !utf8.ValidString(name + value):
			why = "it is not valid UTF-8"
		case len(scalar(name)) > maxKey:
			why = "its name is too long"
		}
		if why != "" {
			if f.lost == nil {
				f.lost = map[lostLabel]int{}
			}
			f.lost[lostLabel{name, why}]++
			continue
		}
		if out == nil {
			out = make(map[string]string, len(labels))
		}
		out[name] = value
	}
	return out
}

// fitAll fits the labels of everything that is to be written.
func (f *Found) fitAll() {
	for i := range f.Subscriptions {
		f.Subscriptions[i].Labels = f.fit(f.Subscriptions[i].Labels)
	}
	for _, v := range f.all() {
		if v.LeftOut == "" {
			v.Labels = f.fit(v.Labels)
		}
	}
}

// maxLost is how many labels Lost tells of one by one.
const maxLost = 20

// Lost says which labels were not written, and why, after Write or Update.
func (f *Found) Lost() []string {
	var all []lostLabel
	for l := range f.lost {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b lostLabel) int {
		return cmp.Or(cmp.Compare(f.lost[b], f.lost[a]), strings.Compare(a.name, b.name), strings.Compare(a.why, b.why))
	})
	var out []string
	for i, l := range all {
		if i == maxLost {
			out = append(out, fmt.Sprintf("and %d more labels", len(all)-i))
			break
		}
		out = append(out, fmt.Sprintf("label %s of %d is left out: %s", quote(clip(l.name)), f.lost[l], l.why))
	}
	return out
}

// name gives the subscriptions that nobody named what the cloud calls them,
// where an inventory can hold that: some have the name of another, or a slash.
// taken are the names in use, in lower case.
func (f *Found) name(taken map[string]bool) {
	calls := map[string]int{}
	for i := range f.Subscriptions {
		s := &f.Subscriptions[i]
		taken[s.ID] = true
		if s.Name != "" {
			taken[strings.ToLower(s.Name)] = true
		} else {
			calls[strings.ToLower(s.Called)]++
		}
	}
	for i := range f.Subscriptions {
		s := &f.Subscriptions[i]
		if s.Name != "" || !utf8.ValidString(s.Called) {
			continue
		}
		name := s.Called
		if lower := strings.ToLower(name); taken[lower] || calls[lower] > 1 {
			name += " (" + s.ID[:8] + ")"
		}
		if CheckName(name) == nil && !taken[strings.ToLower(name)] {
			s.Name = name
			taken[strings.ToLower(name)] = true
		}
	}
}
