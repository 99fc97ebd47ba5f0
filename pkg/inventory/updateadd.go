package inventory

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// writer writes new entries so that they mean what was found under the
// defaults of this inventory.
func (u *updater) writer() *writer {
	defaults := &u.d.defaults
	w := &writer{eol: u.e.eol, today: u.f.Kind != nil, location: defaults.vault.Location, kind: defaults.vault.ResourceType, group: defaults.vault.TargetResourceGroup}
	given := defaults.fields.get("targetResourceGroup") != nil
	for i := range u.d.rules {
		given = given || u.d.rules[i].fields.get("targetResourceGroup") != nil
	}
	if defaults.fields.get("targetResourceGroup") != nil && w.group == "" {
		w.group = Placeholder
	}
	if w.own = u.f.TargetResourceGroup; w.own == "" && !given {
		w.own = Placeholder
	}
	for i := range u.items {
		s := &u.d.in.Subscriptions[u.items[i].sub]
		w.crowds.take(s.ID, s.Name, u.items[i].vault, u.items[i].vault.TargetResourceGroup)
	}
	return w
}

// add appends the vaults and the subscriptions that the inventory lacks.
func (u *updater) add() {
	known := make(map[fleet.Key]bool, len(u.items))
	for i := range u.items {
		known[u.items[i].key] = true
	}
	w := u.writer()
	var fresh []FoundSubscription
	for _, s := range u.f.Subscriptions {
		if s.Unread != "" {
			continue
		}
		index := slices.IndexFunc(u.d.in.Subscriptions, func(known plan.SubscriptionSpec) bool { return known.ID == s.ID })
		if index < 0 {
			fresh = append(fresh, s)
			continue
		}
		s.Name = u.d.in.Subscriptions[index].Name
		var vaults []FoundVault
		for i := range s.Vaults {
			v := &s.Vaults[i]
			switch {
			case known[u.f.key(s.ID, &v.Vault)]:
			case v.LeftOut != "":
				u.changes.LeftOut++
			default:
				v.Labels = u.f.fit(v.Labels)
				vaults = append(vaults, *v)
			}
		}
		if len(vaults) == 0 {
			continue
		}
		l, here := u.lists[index]
		from := u.d.subscriptions[index].start.file
		switch {
		case !here && strings.EqualFold(filepath.Ext(from), ".csv"):
			// Tables may name subscriptions that nothing lists; now one does.
			s.Vaults, s.Name = vaults, ""
			fresh = append(fresh, s)
			continue
		case here && u.e.append(l.key, l.seq, l.parent, func(indent string) string {
			w.Reset()
			w.vaults(&s, vaults, indent)
			return w.String()
		}, func() []string { return w.flow(&s, vaults) }):
			u.counted(&s, vaults)
		default:
			p := u.d.subscriptions[index].start
			u.note("%s:%d:%d: new in Azure and not added to subscription %[5]s, whose list is no list of its own in the inventory: %[4]s: %[6]s",
				p.file, p.line, p.column, words.Count(len(vaults), "vault"), quote(s.Name), names(vaults))
		}
	}
	u.addSubscriptions(w, fresh)
}

// addSubscriptions appends whole subscriptions.
func (u *updater) addSubscriptions(w *writer, fresh []FoundSubscription) {
	if len(fresh) == 0 {
		return
	}
	taken := map[string]bool{}
	for i := range u.d.in.Subscriptions {
		taken[strings.ToLower(u.d.in.Subscriptions[i].Name)] = true
	}
	added := &Found{Kind: u.f.Kind, Subscriptions: fresh, lost: u.f.lost}
	added.name(taken)
	added.fitAll()
	u.f.lost = added.lost
	block := func(indent string) string {
		w.Reset()
		for i := range fresh {
			w.subscription(&fresh[i], indent)
		}
		return w.String()
	}
	done := false
	switch {
	case u.whole.seq != nil:
		done = u.e.append(u.whole.key, u.whole.seq, u.whole.parent, block, func() []string {
			var out []string
			for i := range fresh {
				s := &fresh[i]
				out = append(out, "{"+inline(s.pairs())+", vaults: ["+strings.Join(w.flow(s, s.Vaults), ", ")+"]}")
			}
			return out
		})
	case u.root.Style&yaml.FlowStyle == 0 && u.root.Column == 1:
		if _, there := child(u.root, "subscriptions"); there == nil {
			u.e.below(u.e.lines(), "subscriptions:"+u.e.eol+block("  "))
			done = true
		}
	}
	for i := range fresh {
		s := &fresh[i]
		if !done {
			u.note("%s: subscription %s with %s is not added: the list of subscriptions is none that can be added to", u.name, quote(cmp.Or(s.Name, s.ID)), words.Count(len(s.Vaults), "vault"))
			continue
		}
		for j := range s.Vaults {
			if s.Vaults[j].LeftOut != "" {
				u.changes.LeftOut++
			}
		}
		u.counted(s, s.Vaults)
	}
}

func (u *updater) counted(s *FoundSubscription, vaults []FoundVault) {
	for i := range vaults {
		if v := &vaults[i]; v.LeftOut == "" {
			v.SubscriptionID = s.ID
			u.added = append(u.added, v.Vault)
			u.changes.Added = append(u.changes.Added, cmp.Or(s.Name, s.ID)+"/"+v.Name)
		}
	}
}

func names(vaults []FoundVault) string {
	var out []string
	for i := range vaults {
		if i == 10 {
			out = append(out, fmt.Sprintf("and %d more", len(vaults)-i))
			break
		}
		out = append(out, quote(vaults[i].Name))
	}
	return strings.Join(out, ", ")
}

// flow is what vaults writes, as entries for one line.
func (w *writer) flow(s *FoundSubscription, vaults []FoundVault) []string {
	var out []string
	for i := range vaults {
		if vaults[i].LeftOut != "" {
			continue
		}
		out = append(out, "{"+inline(w.pairs(s, &vaults[i]))+"}")
	}
	return out
}
