package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// parts is where included files are looked for.
type parts struct {
	dir  string // patterns are relative to it
	left int64  // how many bytes may still be read
	seen []string
}

// include reads the files that match the patterns: subscriptions with their
// vaults in YAML, or vaults in CSV. A file that matches twice is read once.
func (d *decoder) include(e *entry) {
	list, ok := d.items(e, "include")
	d.sound = d.sound && ok
	if ok && len(list) == 0 {
		d.problem(e.at, "name the files to include, or remove it", "include is an empty list")
	}
	for _, n := range list {
		n, where := d.resolve(n)
		pattern, ok := d.line(&entry{value: n, at: where}, "a file to include")
		if !ok {
			d.sound = false
			continue
		}
		d.includeAll(pattern, where)
	}
}

func (d *decoder) includeAll(pattern string, where place) {
	fail := func(hint, format string, args ...any) {
		d.sound = false
		d.problem(where, hint, format, args...)
	}
	if d.parts == nil {
		fail("give the inventory as a file", "include has no meaning in a text that is no file")
		return
	}
	path := filepath.FromSlash(pattern)
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.parts.dir, path)
	}
	files, err := filepath.Glob(path)
	switch {
	case err != nil:
		fail("close its brackets", "%s is not a pattern of files", quote(pattern))
	case len(files) == 0:
		fail("the path is relative to the inventory", "no file matches %s", quote(pattern))
	}
	slices.Sort(files)
	for _, file := range files {
		if slices.Contains(d.parts.seen, file) {
			continue
		}
		d.parts.seen = append(d.parts.seen, file)
		data, err := readFile(file, max(d.parts.left, 0))
		d.parts.left -= int64(len(data))
		switch {
		case err != nil:
			fail("", "cannot include %s: %v", quote(file), err)
		case d.parts.left < 0:
			fail("split the fleet into several inventories", "%s and the files before it are too big: more than %d MiB", quote(file), maxSize>>20)
			return
		default:
			d.part(file, data, fail)
		}
	}
}

var partSchema = &schema{what: "an included file", keys: []string{"apiVersion", "subscriptions"}}

// part reads one included file.
func (d *decoder) part(file string, data []byte, fail func(hint, format string, args ...any)) {
	read := d.yamlPart
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		read = d.tablePart
	case ".yaml", ".yml":
	default:
		fail("name it .yaml or .csv", "cannot include %s: it is neither YAML nor CSV by its name", quote(file))
		return
	}
	before := d.file
	d.file = file
	read(data)
	d.file = before
}

func (d *decoder) yamlPart(data []byte) {
	root := d.document(data)
	if root == nil {
		d.sound = false
		return
	}
	f, _ := d.mapping(root, at(root), partSchema)
	if f.get("apiVersion") != nil {
		d.version(&f)
	}
	d.readSubscriptions(&f, false)
}

// columns are those of a table besides labels.NAME.
func (d *decoder) columns() []string {
	group := "targetResourceGroup"
	if d.today != nil {
		group = "resourceGroup"
	}
	return []string{"subscription", "name", "location", "resourceType", group, "protectedItems"}
}

// tablePart reads a table of vaults: a row of column names, then a vault in
// each row. An empty cell says nothing.
func (d *decoder) tablePart(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !d.cleanText(data) {
		d.sound = false
		return
	}
	data, comma := separator(data)
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = comma
	r.ReuseRecord = true
	var header []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.sound = false
			var bad *csv.ParseError
			if !errors.As(err, &bad) {
				d.problem(place{line: 1, column: 1}, "", "this table cannot be read: %v", err)
				return
			}
			where := place{line: bad.Line, column: max(bad.Column, 1)}
			if errors.Is(err, csv.ErrFieldCount) {
				where.column = 1
				d.problem(where, "check its separators and quotes", "this row has %d fields, and the first has %d", len(row), len(header))
				continue
			}
			d.problem(where, "check the quotes", "this is not valid CSV: %v", bad.Err)
			return
		}
		if header == nil {
			if header = slices.Clone(row); !d.header(r, header) {
				d.sound = false
				return
			}
			continue
		}
		d.row(r, header, row)
	}
	if header == nil {
		d.problem(place{line: 1, column: 1}, "begin with "+strings.Join(d.columns(), ","), "the table is empty")
		d.sound = false
	}
}

// separator finds out what parts the fields of a table: what a first line
// sep=; says, as spreadsheets write it, else the one of comma, semicolon and
// tab that the first line has most of. The line sep=; comes back empty.
func separator(data []byte) ([]byte, rune) {
	end := bytes.IndexAny(data, "\r\n")
	if end < 0 {
		end = len(data)
	}
	first := data[:end]
	if sep, ok := bytes.CutPrefix(bytes.ToLower(first), []byte("sep=")); ok && len(sep) == 1 && bytes.ContainsAny(sep, ",;\t") {
		return data[end:], rune(sep[0])
	}
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(first, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return data, best
}

// cell returns where a field of the row that was read last stands.
func cell(r *csv.Reader, i int) place {
	line, column := r.FieldPos(i)
	return place{line: line, column: column}
}

func (d *decoder) header(r *csv.Reader, header []string) bool {
	before, columns := len(d.problems), d.columns()
	for i, name := range header {
		label := strings.TrimPrefix(name, labelPlaceholder)
		switch {
		case slices.Contains(header[:i], name):
			d.problem(cell(r, i), "remove one of the two", "column %s is there twice", quote(name))
		case slices.Contains(columns, name):
		case label == name || label == "":
			hint := "known here: " + strings.Join(columns, ", ") + ", labels.NAME"
			if near := Nearest(name, columns); near != "" {
				hint = "did you mean " + quote(near) + "?"
			}
			d.problem(cell(r, i), hint, "unknown column %s", quote(name))
		case slices.Contains(plan.BuiltInKeys(), label):
			d.problem(cell(r, i), "give the label another name", "a label cannot be named %s: selectors mean the vault's own %s by it", label, label)
		}
	}
	for _, name := range columns[:2] {
		if !slices.Contains(header, name) {
			d.problem(place{line: 1, column: 1}, "add it", "the table has no column %s", name)
		}
	}
	return len(d.problems) == before
}

// row reads a vault. Its cells become the same nodes as in YAML, so that they
// are read and judged alike.
func (d *decoder) row(r *csv.Reader, header, row []string) {
	f := fields{what: "a row", at: cell(r, 0)}
	labels := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: f.at.line, Column: f.at.column}
	subscription, where := "", f.at
	for i, value := range row {
		at := cell(r, i)
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		node := func(s string) *yaml.Node {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: d.intern(s), Line: at.line, Column: at.column}
		}
		name := header[i]
		n := node(value)
		switch label, isLabel := strings.CutPrefix(name, labelPlaceholder); {
		case name == "subscription":
			subscription, where = value, at
			continue
		case isLabel:
			labels.Content = append(labels.Content, node(label), n)
			continue
		case name == "protectedItems" && wholeNumber().MatchString(value):
			n.Tag, n.Style = "!!int", 0
		}
		f.entries = append(f.entries, entry{name: name, key: at, value: n, at: at})
	}
	if len(labels.Content) > 0 {
		f.entries = append(f.entries, entry{name: "labels", key: f.at, value: labels, at: f.at})
	}
	index, ok := d.subscriptionOf(subscription, where)
	if !ok {
		d.sound = false
		return
	}
	s := &d.in.Subscriptions[index]
	d.vaults = append(d.vaults, vaultNote{place: d.here(f.at), subscription: index})
	d.addVault(f, s)
}

// subscriptionOf finds the subscription of a row by its name or ID. One that
// is known by its ID alone needs no other entry.
func (d *decoder) subscriptionOf(name string, where place) (index int, ok bool) {
	if name == "" {
		d.problem(where, "give its name or ID", "this row has no subscription")
		return 0, false
	}
	id, err := fleet.NormalizeGUID(name)
	if d.byName == nil {
		d.byName = make(map[string]int)
	}
	for ; d.named < len(d.in.Subscriptions); d.named++ {
		s := &d.in.Subscriptions[d.named]
		for _, key := range []string{s.ID, strings.ToLower(s.Name)} {
			if _, taken := d.byName[key]; !taken && key != "" {
				d.byName[key] = d.named
			}
		}
	}
	key := strings.ToLower(name)
	if err == nil {
		key = id
	}
	if i, known := d.byName[key]; known {
		return i, true
	}
	if err != nil {
		d.problem(where, "list it under subscriptions with its id, or give its ID here", "no subscription is named %s", quote(name))
		return 0, false
	}
	at := d.here(where)
	d.in.Subscriptions = append(d.in.Subscriptions, plan.SubscriptionSpec{Subscription: fleet.Subscription{ID: id, Name: id}})
	d.subscriptions = append(d.subscriptions, subscriptionPlaces{start: at, id: at, name: at, labels: at})
	return len(d.in.Subscriptions) - 1, true
}
