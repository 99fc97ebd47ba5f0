package inventory

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Outline is what an inventory says of the cloud, without its vaults.
type Outline struct {
	Kind          fleet.Kind
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
	o := &Outline{Kind: d.in.Kind, Cloud: d.in.Cloud, Credentials: d.in.Credentials}
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
func draft(name string, data []byte, now time.Time, kinds []fleet.KindSpec, parts *parts) (*decoder, *yaml.Node, error) {
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
		return nil, nil, fmt.Errorf("%s is an inventory of kind %s, and vaults of kind %s were looked for", name, d.in.Kind, f.kind())
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
			u.items = append(u.items, item{sub: i, vault: v, place: note.place,
				key:   u.f.key(s.ID, v),
				fixed: note.place.file != u.name || i >= own || shared[i]})
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
			u.note("%s:%d:%d: vault %s %s; its entry is left as it is, because it has no line of its own in the inventory",
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
		return fmt.Errorf("%s cannot be updated safely, and nothing was: %s. Write its vaults as a plain list, an entry each on lines of its own", u.name, what)
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
