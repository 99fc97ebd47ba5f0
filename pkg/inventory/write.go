package inventory

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Write makes a new inventory of what was found: one that Parse takes, with
// the same vaults in the same order, unless it lacks a target group. What is
// left out stands in comments, with the reason.
func Write(f *Found) []byte {
	f.leaveOut()
	f.name(map[string]bool{})
	f.fitAll()
	w := &writer{eol: "\n", today: f.Kind != nil,
		location: commonest(f, func(v *fleet.Vault) string { return v.Location }),
		kind:     fleet.ResourceType(commonest(f, func(v *fleet.Vault) string { return string(v.ResourceType) })),
		group:    f.TargetResourceGroup}
	if w.group == "" && lackGroup(f) {
		w.group = Placeholder
	}
	in, out := f.Vaults()
	w.comment(0, "Written by fleetup on %s UTC from %s:", f.At.UTC().Format("2006-01-02 15:04"), f.Source)
	w.comment(0, "%s in %s; %d left out, in comments with the reason.", words.Count(in, "vault"),
		words.Count(len(f.Subscriptions), "subscription"), out)
	for _, lost := range f.Lost() {
		w.comment(0, "%s", lost)
	}
	w.comment(0, "Check it: fleetup inventory lint FILE. What else it may say: docs/inventory.md.")
	w.line(0, "apiVersion: %s", apiVersion)
	switch {
	case f.Cloud.Name != fleet.CustomCloud:
		w.line(0, "cloud: %s", f.Cloud.Name)
	case f.Cloud.ServiceManagement == "":
		w.line(0, "cloud: {resourceManager: %s}", scalar(f.Cloud.ResourceManager))
	default:
		w.line(0, "cloud: {serviceManagement: %s, resourceManager: %s}", scalar(f.Cloud.ServiceManagement),
			scalar(f.Cloud.ResourceManager))
	}
	if w.today {
		w.line(0, "upgrade: {kind: %s}", f.Kind.Kind)
	}
	if c := f.Credentials; c != (fleet.Credentials{}) {
		w.line(0, "credential: {serviceManagement: %s, resourceManager: %s}",
			cmp.Or(c.ServiceManagement, fleet.CredentialDefault),
			cmp.Or(c.ResourceManager, fleet.CredentialDefault))
	}
	if w.location != "" || !w.today && w.group != "" {
		w.line(0, "defaults:")
	}
	if w.location != "" {
		w.line(1, "location: %s  # of most vaults; the others say their own", scalar(w.location))
	}
	if w.location != "" && !w.today {
		w.line(1, "resourceType: %s", w.kind)
	}
	if w.today || w.group == "" {
		// Its vaults stay in the groups that they are in, or each says its own.
	} else if w.group == Placeholder {
		w.line(1, "targetResourceGroup: %s  # write its name here: it must exist, or say createResourceGroup: true",
			scalar(Placeholder))
	} else {
		w.line(1, "targetResourceGroup: %s", scalar(w.group))
	}
	if f.Rollout != nil {
		f.Rollout.write(w, in)
	}
	if len(f.Subscriptions) == 0 {
		w.line(0, "subscriptions: []")
		return w.Bytes()
	}
	w.line(0, "subscriptions:")
	for i := range f.Subscriptions {
		w.subscription(&f.Subscriptions[i], "  ")
	}
	return w.Bytes()
}

// lackGroup reports whether a vault that is to be upgraded has no target group of
// its own.
func lackGroup(f *Found) bool {
	for _, v := range f.all() {
		if v.LeftOut == "" && v.TargetResourceGroup == "" {
			return true
		}
	}
	return false
}

// writer writes the lines of an inventory. A vault's location and type are left
// out where they are those of the defaults, and its target group where group
// gives it one.
type writer struct {
	bytes.Buffer
	today    bool // vaults have a group that they are in, and no target
	eol      string
	location string
	kind     fleet.ResourceType
	group    string // in force for all vaults; "": none is
	own      string // for vaults without one, in place of group; "": group's
	crowds   crowds
}

func (w *writer) line(depth int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(w, format, args...)
	w.WriteString(w.eol)
}

func (w *writer) comment(depth int, format string, args ...any) {
	w.line(depth, "# %s", oneLine(fmt.Sprintf(format, args...)))
}

// subscription writes a block entry at an indentation.
func (w *writer) subscription(s *FoundSubscription, indent string) {
	put := func(format string, args ...any) { w.line(0, indent+format, args...) }
	lead := "- "
	for _, p := range s.pairs() {
		put("%s%s: %s", lead, p[0], p[1])
		if lead = "  "; p[0] == "id" && s.Name == "" && s.Called != "" {
			put("  # called %s", oneLine(strconv.Quote(clip(s.Called))))
		}
	}
	if s.Unread != "" {
		put("  # its vaults could not be read: %s", oneLine(s.Unread))
	}
	if slices.ContainsFunc(s.Vaults, func(v FoundVault) bool { return v.LeftOut == "" }) {
		put("  vaults:")
	} else {
		put("  vaults: []")
	}
	w.vaults(s, s.Vaults, indent+"    ")
	for i := range s.Vaults {
		if v := &s.Vaults[i]; v.LeftOut != "" {
			where := string(v.ResourceType)
			if w.today {
				where = v.ResourceGroup
			}
			put("    # left out: %s (%s, %s): %s", strconv.Quote(clip(v.Name)), oneLine(clip(v.Location)),
				oneLine(clip(where)), oneLine(v.LeftOut))
		}
	}
}

// pairs are what a subscription's entry says besides its vaults: key and value.
func (s *FoundSubscription) pairs() [][3]string {
	all := [][3]string{{"id", s.ID}, {"name", scalar(s.Name)}, {"tenant", scalar(s.Tenant)},
		{"labels", labels(s.Labels)}}
	return slices.DeleteFunc(all, func(p [3]string) bool { return p[1] == `""` || p[1] == "{}" })
}

// inline writes pairs for one line.
func inline(pairs [][3]string) string {
	var out []string
	for _, p := range pairs {
		out = append(out, p[0]+": "+p[1])
	}
	return strings.Join(out, ", ")
}

// vaults writes the entries of those that are not left out.
func (w *writer) vaults(s *FoundSubscription, vaults []FoundVault, indent string) {
	for i := range vaults {
		v := &vaults[i]
		if v.LeftOut != "" {
			continue
		}
		pairs := w.pairs(s, v)
		for j, p := range pairs {
			lead := "  "
			if j == 0 {
				lead = "- "
			}
			w.WriteString(indent + lead + p[0] + ": " + p[1])
			if note := p[2]; note != "" {
				w.WriteString("  # " + oneLine(note))
			}
			w.WriteString(w.eol)
		}
	}
}

// pairs are what a vault's entry says: key, value and a note.
func (w *writer) pairs(s *FoundSubscription, v *FoundVault) [][3]string {
	out := [][3]string{{"name", scalar(v.Name), v.Note}}
	add := func(key, value, note string) { out = append(out, [3]string{key, value, note}) }
	if fleet.NormalizeLocation(v.Location) != fleet.NormalizeLocation(w.location) {
		add("location", scalar(v.Location), "")
	}
	if v.ResourceType != w.kind {
		add("resourceType", string(v.ResourceType), "")
	}
	if w.today {
		add("resourceGroup", scalar(v.ResourceGroup), "")
	} else {
		group := cmp.Or(v.TargetResourceGroup, w.own, w.group)
		switch {
		case !w.crowds.take(s.ID, cmp.Or(s.Name, s.ID), &v.Vault, group):
			add("targetResourceGroup", scalar(Placeholder), crowded)
		case group != w.group:
			add("targetResourceGroup", scalar(group), "")
		}
	}
	if v.ProtectedItems > 0 {
		add("protectedItems", strconv.Itoa(v.ProtectedItems), "")
	}
	if len(v.Labels) > 0 {
		add("labels", labels(v.Labels), "")
	}
	return out
}

// labels writes a mapping for one line.
func labels(m map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, scalar(name)+": "+scalar(m[name]))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// commonest is the value that most vaults have, as it is spelt first.
func commonest(f *Found, of func(*fleet.Vault) string) string {
	count, spelt := map[string]int{}, map[string]string{}
	var order []string
	for _, v := range f.all() {
		if v.LeftOut != "" {
			continue
		}
		value := of(&v.Vault)
		key := fleet.NormalizeLocation(value)
		if count[key]++; count[key] == 1 {
			spelt[key], order = value, append(order, key)
		}
	}
	best := ""
	for _, key := range order {
		if count[key] > count[best] {
			best = key
		}
	}
	return spelt[best]
}

// safeWord is text that no YAML reader takes for anything else, in a flow
// mapping neither.
var safeWord = lazyregexp.New(`^[A-Za-z][A-Za-z0-9]*(?:[ _.-][A-Za-z0-9]+)*$`)

// guidWord is plain too: its dashes keep it from being a number.
var guidWord = lazyregexp.New(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

var reservedWords = lazyregexp.New(`^(?i:true|false|yes|no|on|off|y|n|null|inf|nan)$`)

// scalar writes a text so that YAML reads the same text: plain where that is
// certain, else in double quotes.
func scalar(s string) string {
	if guidWord().MatchString(s) || safeWord().MatchString(s) && !reservedWords().MatchString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == ' ' || unicode.IsPrint(c):
			b.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, c)
		default:
			fmt.Fprintf(&b, `\u%04X`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// oneLine keeps a text from leaving its comment.
func oneLine(s string) string {
	s = strconv.Quote(clipTo(s, 300))
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
}
