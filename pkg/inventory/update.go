package inventory

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Outline is what an inventory says of the cloud, without its vaults.
type Outline struct {
	Kind          fleet.Kind
	Spec          *fleet.KindSpec // of that; nil: the classic one
	Cloud         fleet.Cloud
	Credentials   fleet.Credentials
	Subscriptions []fleet.Subscription
}

// ReadOutline reads the outline of the inventory at path, with the files that
// it includes. Mistakes come as *Problems, as from Load; only a target group
// that is still to be written is none here. kinds are as for Load.
func ReadOutline(path string, now time.Time, kinds ...fleet.KindSpec) (*Outline, error) {
	data, err := readFile(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	d, _, err := draft(path, data, now, kinds, partsOf(path, data))
	if err != nil {
		return nil, err
	}
	if err := d.failed(); err != nil {
		return nil, err
	}
	o := &Outline{Kind: d.in.Kind, Spec: d.today, Cloud: d.in.Cloud, Credentials: d.in.Credentials}
	for _, s := range d.in.Subscriptions {
		o.Subscriptions = append(o.Subscriptions, s.Subscription)
	}
	return o, nil
}

func partsOf(path string, data []byte) *parts {
	return &parts{dir: filepath.Dir(path), left: maxSize - int64(len(data))}
}

// draft reads an inventory that may still hold placeholders, as decode does, and
// makes no plan of it.
func draft(name string, data []byte, now time.Time, kinds []fleet.KindSpec, parts *parts) (*decoder, *yaml.Node,
	error) {
	d := &decoder{reader: newReader(name), sound: true, parts: parts, unfinished: true, kinds: kinds}
	root, err := d.decode(data, now)
	return d, root, err
}

// Changes is what Update did to an inventory, vaults as subscription/name.
type Changes struct {
	Added     []string
	Vanished  []string // not in Azure, and marked so now
	Back      []string // in Azure again: the mark is gone
	Unchanged int      // vaults that were compared and left as they are
	Gone      int      // of those, not in Azure and marked so before
	LeftOut   int      // found, and neither in the inventory nor to be upgraded
	Notes     []string // what could not be done, and where to do it by hand
}

// Update brings the inventory at path, whose text is data, up to what was
// found, and returns its new text: new vaults stand at the end of their
// subscription's list and new subscriptions at the end of theirs; vaults that
// are gone stay and are marked. All else stays byte for byte. Included files
// are read and never changed. Subscriptions that f lacks or could not read are
// left alone. kinds are as for Load.
func Update(path string, data []byte, f *Found, kinds ...fleet.KindSpec) ([]byte, *Changes, error) {
	return update(path, data, f, kinds, func() *parts { return partsOf(path, data) })
}

// item is a vault of the inventory and where it stands in the file itself.
type item struct {
	key   fleet.Key
	vault *fleet.Vault
	sub   int
	place place
	fixed bool // its place stands for several vaults, or for none in this file
}

// vaultList is the list of vaults of a subscription in the file itself.
type vaultList struct{ key, seq, parent *yaml.Node }

func update(name string, data []byte, f *Found, kinds []fleet.KindSpec, parts func() *parts) ([]byte, *Changes, error) {
	d, root, err := draft(name, data, f.At, kinds, parts())
	if err != nil {
		return nil, nil, err
	}
	if err := d.failed(); err != nil {
		return nil, nil, err
	}
	if d.in.Kind != f.kind() {
		return nil, nil, fmt.Errorf("%s is an inventory of kind %s, and vaults of kind %s were looked for", name,
			d.in.Kind, f.kind())
	}
	f.leaveOut()
	u := &updater{name: name, d: d, f: f, e: newEditor(data, root), lists: map[int]vaultList{}, changes: &Changes{}}
	u.read(root)
	u.mark()
	u.add()
	if len(u.e.edits) == 0 {
		return data, u.changes, nil
	}
	out := u.e.apply()
	if err := u.verify(out, kinds, parts()); err != nil {
		return nil, nil, err
	}
	return out, u.changes, nil
}

type updater struct {
	name    string
	d       *decoder
	f       *Found
	e       *editor
	items   []item
	lists   map[int]vaultList // by subscription
	whole   vaultList         // of the subscriptions
	root    *yaml.Node
	changes *Changes
	added   []fleet.Vault
}

// read finds out where the vaults and their lists stand.
func (u *updater) read(root *yaml.Node) {
	u.root = root
	shared := map[int]bool{} // subscriptions whose list is an alias
	own := 0
	if k, seq := child(root, "subscriptions"); seq != nil && seq.Kind == yaml.SequenceNode {
		u.whole = vaultList{k, seq, root}
		for i, s := range seq.Content {
			own = i + 1
			k, vaults := child(s, "vaults")
			if vaults == nil || vaults.Kind != yaml.SequenceNode {
				shared[i] = true
				continue
			}
			u.lists[i] = vaultList{k, vaults, s}
		}
	}
	k := 0
	for i := range u.d.in.Subscriptions {
		s := &u.d.in.Subscriptions[i]
		for j := range s.Vaults {
			v := &s.Vaults[j]
			note := u.d.vaults[k]
			k++
			where := u.d.placeAt(note.spot)
			u.items = append(u.items, item{sub: i, vault: v, place: where,
				key:   u.f.key(s.ID, v),
				fixed: where.file != u.name || i >= own || shared[i]})
		}
	}
}

// child finds a key of a mapping with its value.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name && n.Content[i].Kind == yaml.ScalarNode {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

const goneMark = "# not found in Azure on "

var marked = lazyregexp.New(`[ \t]*` + goneMark + `\d{4}-\d{2}-\d{2}[ \t]*$`)

// mark marks the vaults that are gone, and unmarks those that are back.
func (u *updater) mark() {
	present := map[fleet.Key]bool{}
	read := map[string]bool{}
	for _, s := range u.f.Subscriptions {
		if s.Unread != "" {
			continue
		}
		read[s.ID] = true
		for i := range s.Vaults {
			present[u.f.key(s.ID, &s.Vaults[i].Vault)] = true
		}
		for i := range s.Others {
			present[u.f.key(s.ID, &s.Others[i])] = true
		}
	}
	onLine := map[int]int{}
	for i := range u.items {
		if !u.items[i].fixed {
			onLine[u.items[i].place.line]++
		}
	}
	for i := range u.items {
		it := &u.items[i]
		s := &u.d.in.Subscriptions[it.sub]
		if !read[s.ID] {
			continue
		}
		line := it.place.line
		was := ""
		if !it.fixed {
			was = marked().FindString(u.e.text(line))
		}
		ref := s.Name + "/" + it.vault.Name
		may := !it.fixed && onLine[line] == 1 && u.e.closed(line)
		switch here := present[it.key]; {
		case here && was == "", !here && was != "":
			u.changes.Unchanged++
			if !here {
				u.changes.Gone++
			}
		case here && may:
			u.e.cut(line, len(was))
			u.changes.Back = append(u.changes.Back, ref)
		case !here && may:
			u.e.atEnd(line, "  "+goneMark+u.f.At.UTC().Format(time.DateOnly))
			u.changes.Vanished = append(u.changes.Vanished, ref)
		default:
			u.changes.Unchanged++
			what := "is not in Azure"
			if here {
				what = "is in Azure again"
			} else {
				u.changes.Gone++
			}
			u.note("%s:%d:%d: vault %s %s; its entry is left as it is, because it has no line of its own in the "+
				"inventory",
				cmp.Or(it.place.file, u.name), line, it.place.column, quote(ref), what)
		}
	}
}

func (u *updater) note(format string, args ...any) {
	u.changes.Notes = append(u.changes.Notes, fmt.Sprintf(format, args...))
}

// verify reads the new text: every vault that was there must be there as it
// was, every new one as it was found, and nothing else. YAML has more ways to
// be written than an editor of text may trust itself to know.
func (u *updater) verify(out []byte, kinds []fleet.KindSpec, parts *parts) error {
	unusual := func(what string) error {
		return fmt.Errorf("%s cannot be updated safely, and nothing was: %s. Write its vaults as a plain list, an "+
			"entry each on lines of its own", u.name, what)
	}
	d, _, err := draft(u.name, out, u.f.At, kinds, parts)
	if err != nil {
		return unusual(err.Error())
	}
	type id struct{ key, name string }
	want := map[id]*fleet.Vault{}
	count := len(u.items) + len(u.added)
	for i := range u.items {
		want[id{string(u.items[i].key), u.items[i].vault.Name}] = u.items[i].vault
	}
	for i := range u.added {
		v := &u.added[i]
		want[id{string(u.f.key(v.SubscriptionID, v)), v.Name}] = nil
	}
	for i := range d.in.Subscriptions {
		s := &d.in.Subscriptions[i]
		for j := range s.Vaults {
			v := &s.Vaults[j]
			count--
			old, ok := want[id{string(u.f.key(s.ID, v)), v.Name}]
			if !ok || old != nil && !reflect.DeepEqual(old, v) {
				return unusual("vault " + quote(s.Name+"/"+v.Name) + " would be another")
			}
		}
	}
	if count != 0 {
		return unusual("it would have other vaults")
	}
	return nil
}

// writer writes new entries so that they mean what was found under the
// defaults of this inventory.
func (u *updater) writer() *writer {
	defaults := &u.d.defaults
	w := &writer{eol: u.e.eol, today: u.f.Kind != nil, location: defaults.vault.Location,
		kind: defaults.vault.ResourceType, group: defaults.vault.TargetResourceGroup}
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
		index := slices.IndexFunc(u.d.in.Subscriptions,
			func(known plan.SubscriptionSpec) bool { return known.ID == s.ID })
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
			u.note("%s:%d:%d: new in Azure and not added to subscription %[5]s, whose list is no list of its own in "+
				"the inventory: %[4]s: %[6]s",
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
			u.note("%s: subscription %s with %s is not added: the list of subscriptions is none that can be added to",
				u.name, quote(cmp.Or(s.Name, s.ID)), words.Count(len(s.Vaults), "vault"))
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
