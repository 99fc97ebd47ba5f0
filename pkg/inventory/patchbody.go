package inventory

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// patchLeaves are what the body of a patch sets, by path below the properties; of tags
// with what stands before them in the body.
type patchLeaves struct {
	values map[string]string // as JSON
	at     map[string]place
	anew   bool // something else than what each vault has
}

func (l *patchLeaves) add(path, value string, where place) {
	if l.values == nil {
		l.values, l.at = map[string]string{}, map[string]place{}
	}
	l.values[path], l.at[path] = value, where
	l.anew = l.anew || value != placeholderOwn
}

const placeholderOwn = `"` + fleet.PlaceholderOwn + `"`

// The bounds of a body: more is no setting of a vault.
const (
	maxPatchBody  = 64 << 10
	maxPatchDepth = 16
	maxTags       = 50  // that a resource may have (Microsoft, "Use tags to organize your Azure resources")
	maxTagName    = 512 // characters
	maxTagValue   = 256
)

// body reads a JSON merge patch; nil where it is none. It is written as it stands: the
// order of its keys is that of the request.
func (r *patchReader) body(e *entry, into *patchLeaves) json.RawMessage {
	before := len(r.problems)
	f, ok := r.mapping(e.value, e.at, &schema{what: e.what, prefix: e.what + "."}, nil)
	if !ok {
		return nil
	}
	w := bodyWriter{patchReader: r, into: into}
	w.out.WriteByte('{')
	for i := range f.entries {
		part := &f.entries[i]
		switch part.name {
		case "properties":
			w.key(part.name, i == 0)
			w.value(part, "", 1)
		case "tags":
			w.key(part.name, i == 0)
			w.tags(part)
		default:
			r.problem(part.key, "a patch sets properties and tags", "%s: %s", part.what, otherPart(part.name))
		}
	}
	w.out.WriteByte('}')
	switch {
	case len(r.problems) > before:
		return nil
	case into.values == nil:
		r.problem(e.at, "write what each vault gets", "%s sets nothing", e.what)
		return nil
	case !into.anew:
		r.problem(e.at, "write what each vault gets", "%s sets nothing but what each vault has", e.what)
		return nil
	case w.out.Len() > maxPatchBody:
		r.problem(e.at, "", "%s is longer than %d KiB", e.what, maxPatchBody>>10)
		return nil
	}
	return w.out.Bytes()
}

// otherPart says why a body has no other part than properties and tags.
func otherPart(name string) string {
	switch name {
	case "id", "name", "type", "systemData", "etag", "eTag":
		return "it is read-only"
	case "location":
		return "a vault stays where it is"
	case "identity", "sku", "kind", "plan", "zones", "managedBy", "extendedLocation":
		return "it is not offered: what becomes of the vault by it cannot be read back leaf by leaf"
	}
	return "a vault has no such part"
}

// bodyWriter writes a body as JSON while it is read.
type bodyWriter struct {
	*patchReader
	out  bytes.Buffer
	into *patchLeaves
}

func (w *bodyWriter) key(name string, first bool) {
	if !first {
		w.out.WriteByte(',')
	}
	w.json(name)
	w.out.WriteByte(':')
}

// json writes a text as JSON does, and as the built-in kinds do.
func (w *bodyWriter) json(text string) {
	data, _ := json.Marshal(text) // a string can be encoded
	w.out.Write(data)
}

// value writes what stands at a path below the properties.
func (w *bodyWriter) value(e *entry, path string, depth int) {
	if depth > maxPatchDepth {
		w.problem(e.at, "", "%s is nested deeper than %d levels", e.what, maxPatchDepth)
		return
	}
	if path != "" && e.value.Kind != yaml.MappingNode {
		from := w.out.Len()
		w.leaf(e, depth)
		w.into.add(path, w.out.String()[from:], e.at)
		return
	}
	f, ok := w.mapping(e.value, e.at, &schema{what: e.what, prefix: e.what + "."}, nil)
	if !ok {
		return
	}
	if len(f.entries) == 0 && !f.unclear && len(f.meant) == 0 {
		w.problem(e.at, "write what is to be in it, or remove it", "%s is empty, which sets nothing", e.what)
	}
	w.out.WriteByte('{')
	for i := range f.entries {
		inner := &f.entries[i]
		at := strings.TrimPrefix(path+"."+inner.name, ".")
		w.key(inner.name, i == 0)
		if w.mayBe(inner, at) {
			w.value(inner, at, depth+1)
		}
	}
	w.out.WriteByte('}')
}

// mayBe reports whether a property may be set, and says why where it may not.
func (w *bodyWriter) mayBe(e *entry, path string) bool {
	is := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return strings.EqualFold(p, path) })
	}
	switch {
	case strings.Contains(e.name, "."):
		w.problem(e.key, "write a mapping for each part of it", "%s: the name %s has a dot, which no property has",
			e.what, quote(e.name))
	case secretName(e.name):
		w.problem(e.key, "give the vault its secrets by other means",
			"%s: by its name it is a secret, and plans, ledgers and reports show what is in a body", e.what)
	case w.of == nil:
		return true
	case is(w.of.ReadOnly):
		w.problem(e.key, "remove it", "%s is read-only: the service would refuse or ignore it", e.what)
	case is(w.of.Unread):
		w.problem(e.key, "remove it", "%s is shown by no vault, so that nobody could see what became of it", e.what)
	default:
		return true
	}
	return false
}

// leaf writes a value that is no mapping, or what is in a list.
func (w *bodyWriter) leaf(e *entry, depth int) {
	switch n := e.value; {
	case depth > maxPatchDepth:
		w.problem(e.at, "", "%s is nested deeper than %d levels", e.what, maxPatchDepth)
	case isNull(n):
		w.problem(e.at, "write the value that it is to have, or remove the key",
			"%s is null, which would take it away: services refuse that, or ignore it, and it is not offered", e.what)
	case n.Kind == yaml.SequenceNode:
		w.list(e, depth)
	case n.Kind == yaml.MappingNode: // in a list: all of it is one value
		w.inList(e, depth)
	case n.ShortTag() == "!!bool":
		if v, ok := w.boolean(e, e.what); ok && v {
			w.out.WriteString("true")
		} else {
			w.out.WriteString("false")
		}
	case n.ShortTag() == "!!int" || n.ShortTag() == "!!float":
		if !patchNumber().MatchString(n.Value) {
			w.problem(e.at, "write it in decimal digits, or quote it", "%s must be a decimal number, not %s", e.what,
				clip(n.Value))
		}
		w.out.WriteString(n.Value)
	default:
		s, ok := w.text(n, e.at, e.what)
		if ok && secretValue(s) {
			w.problem(e.at, "give the vault its secrets by other means",
				"%s looks like a secret, and plans, ledgers and reports show what is in a body", e.what)
		}
		w.json(s)
	}
}

var patchNumber = lazyregexp.New(`^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$`)

func (w *bodyWriter) list(e *entry, depth int) {
	list, ok := w.items(e, e.what)
	if !ok {
		return
	}
	w.out.WriteByte('[')
	for i, n := range list {
		if i > 0 {
			w.out.WriteByte(',')
		}
		value, where := w.resolve(n)
		if value.Value == fleet.PlaceholderOwn {
			w.problem(where, "write the list out, or "+placeholderOwn+" for all of it",
				"%s: what a vault has in a list has no name by which it could be found", e.what)
		}
		w.leaf(&entry{value: value, at: where, what: e.what}, depth+1)
	}
	w.out.WriteByte(']')
}

func (w *bodyWriter) inList(e *entry, depth int) {
	f, ok := w.mapping(e.value, e.at, &schema{what: e.what, prefix: e.what + "."}, nil)
	if !ok {
		return
	}
	w.out.WriteByte('{')
	for i := range f.entries {
		inner := &f.entries[i]
		w.key(inner.name, i == 0)
		switch {
		case secretName(inner.name):
			w.problem(inner.key, "give the vault its secrets by other means",
				"%s: by its name it is a secret, and plans, ledgers and reports show what is in a body", inner.what)
		case inner.value.Value == fleet.PlaceholderOwn:
			w.problem(inner.at, "write the list out, or "+placeholderOwn+" for all of it",
				"%s: what a vault has in a list has no name by which it could be found", inner.what)
		default:
			w.leaf(inner, depth+1)
		}
	}
	w.out.WriteByte('}')
}

// tags writes the tags that are set.
func (w *bodyWriter) tags(e *entry) {
	f, ok := w.mapping(e.value, e.at, &schema{what: e.what, prefix: e.what + "."}, nil)
	if !ok {
		return
	}
	if len(f.entries) == 0 && !f.unclear && len(f.meant) == 0 {
		w.problem(e.at, "write the tags that each vault gets, or remove it", "%s is empty, which sets nothing", e.what)
	}
	if len(f.entries) > maxTags {
		w.problem(e.at, "", "%s are %d tags; a vault has at most %d", e.what, len(f.entries), maxTags)
	}
	w.out.WriteByte('{')
	seen := map[string]string{}
	for i := range f.entries {
		tag := &f.entries[i]
		w.key(tag.name, i == 0)
		fold := strings.ToLower(tag.name)
		switch other, twice := seen[fold]; {
		case twice:
			w.problem(tag.key, "remove one of the two", "%s: %s and %s are one tag", e.what, quote(other),
				quote(tag.name))
		case tag.name == "" || len(tag.name) > maxTagName || strings.ContainsAny(tag.name, `<>%&\?/`):
			w.problem(tag.key, `write up to 512 characters without < > % & \ ? /`, "%s: %s is no name of a tag", e.what,
				quote(tag.name))
		case secretName(tag.name):
			w.problem(tag.key, "give the vault its secrets by other means",
				"%s: by its name it is a secret, and everybody who may read the vault reads its tags", tag.what)
		}
		seen[fold] = tag.name
		w.tag(tag)
	}
	w.out.WriteByte('}')
}

func (w *bodyWriter) tag(tag *entry) {
	if isNull(tag.value) {
		w.problem(tag.at, "write the value that it is to have, or remove the key",
			"%s is null, which would take it away: that is not offered", tag.what)
		return
	}
	value, ok := w.text(tag.value, tag.at, tag.what)
	switch {
	case !ok:
		return
	case len(value) > maxTagValue:
		w.problem(tag.at, "", "%s has more than %d characters", tag.what, maxTagValue)
	case value == fleet.PlaceholderOwn:
		w.problem(tag.at, "remove it: a vault's other tags stay", "%s: each vault keeps its own tags", tag.what)
	case secretValue(value):
		w.problem(tag.at, "give the vault its secrets by other means",
			"%s looks like a secret, and everybody who may read the vault reads its tags", tag.what)
	}
	from := w.out.Len()
	w.json(value)
	w.into.add("tags."+tag.name, w.out.String()[from:], tag.at)
}

// secretNames end the names of properties that are secrets. What is called secrets is none:
// an access policy of a key vault says so what may be done with them.
var secretNames = lazyregexp.New(`(?i)(password|passwd|pwd|passphrase|secret|token|credential|credentials|` +
	`apikey|accesskey|accountkey|sharedkey|privatekey|primarykey|secondarykey|encryptionkey|integritykey|` +
	`connectionstring|sas)$`)

// secretValues are texts that open something by themselves: keys and certificates in PEM,
// tokens, connection strings and signed addresses.
var secretValues = lazyregexp.New(`(?i)-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----|` +
	`^eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.|` +
	`(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)=[^;]+|[?&]sig=[A-Za-z0-9%+/=]{8,}|` +
	`^[a-z][a-z0-9+.-]*://[^/@:]+:[^/@]+@`)

// secretKey is a storage account's or a service bus' key: 32 bytes or more in base64.
var secretKey = lazyregexp.New(`^[A-Za-z0-9+/]{43,}={1,2}$`)

func secretName(name string) bool {
	plain := strings.NewReplacer("_", "", "-", "").Replace(name)
	return secretNames().MatchString(plain)
}

func secretValue(s string) bool {
	return secretValues().MatchString(s) || secretKey().MatchString(s)
}
