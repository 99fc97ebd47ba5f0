package inventory

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// columns are those of a table besides labels.NAME.
func (d *decoder) columns() []string {
	group := "targetResourceGroup"
	if d.today != nil {
		group = "resourceGroup"
	}
	return []string{"subscription", "name", "location", "resourceType", group, "protectedItems"}
}

// table is a table that is being read.
type table struct {
	*csv.Reader
	lines  [][]byte
	header []string // the names of the columns; "" for one without a name
	named  int      // so many columns up to the last that has a name
}

// cell returns where a field of the row that was read last stands, in
// characters.
func (t *table) cell(i int) place {
	line, column := t.FieldPos(i)
	return t.at(line, column)
}

// at turns a column in bytes into one in characters.
func (t *table) at(line, column int) place {
	if text := t.lines[min(line, len(t.lines))-1]; column <= len(text)+1 {
		column = utf8.RuneCount(text[:column-1]) + 1
	}
	return place{line: line, column: column}
}

// tablePart reads a table of vaults: a row of column names, then a vault in
// each row. An empty cell says nothing, and so do empty rows and columns without
// a name, which spreadsheets leave where something once stood.
func (d *decoder) tablePart(data []byte) {
	data, err := textfile.Decode(data)
	if err != nil {
		d.sound = false
		d.problem(place{line: 1, column: 1}, "", "this table cannot be read: %v", err)
		return
	}
	if !d.cleanText(data) {
		d.sound = false
		return
	}
	data, comma := separator(data)
	t := &table{Reader: csv.NewReader(bytes.NewReader(data)), lines: bytes.Split(data, []byte("\n"))}
	t.Comma, t.ReuseRecord, t.FieldsPerRecord = comma, true, -1
	for {
		row, err := t.Read()
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
			d.problem(t.at(bad.Line, max(bad.Column, 1)), "check the quotes", "this is not valid CSV: %v", bad.Err)
			return
		}
		if !slices.ContainsFunc(row, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		switch {
		case t.header == nil:
			if !d.header(t, row) {
				d.sound = false
				return
			}
		case len(row) < t.named:
			d.sound = false
			where := t.cell(0)
			where.column = 1
			d.problem(where, "check its separators and quotes", "this row has %d fields, and the first has %d",
				len(row), t.named)
		default:
			d.row(t, row)
		}
	}
	if t.header == nil {
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
	if sep, ok := bytes.CutPrefix(bytes.ToLower(first), []byte("sep=")); ok && len(sep) == 1 &&
		bytes.ContainsAny(sep, ",;\t") {
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

// header reads the names of the columns. Capitals do not count in them, but in
// the names of labels.
func (d *decoder) header(t *table, row []string) bool {
	before, columns := len(d.problems), d.columns()
	t.header = make([]string, len(row))
	known := 0
	for i, name := range row {
		name = strings.TrimSpace(name)
		if c := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, name) }); c >= 0 {
			name = columns[c]
		} else if n := len(labelPlaceholder); len(name) > n && strings.EqualFold(name[:n], labelPlaceholder) {
			name = labelPlaceholder + name[n:]
		}
		if t.header[i] = name; name != "" {
			t.named = i + 1
		}
		if slices.Contains(columns, name) || words.Nearest(name, columns) != "" {
			known++
		}
	}
	if known == 0 && d.included {
		// A pattern may match what is nobody's business: nothing of it is quoted.
		d.problem(place{line: 1, column: 1}, "narrow the pattern, or begin with "+strings.Join(columns, ","),
			"this is not a table of vaults: its first row names no column of one")
		return false
	}
	for i, name := range t.header {
		label := strings.TrimPrefix(name, labelPlaceholder)
		switch {
		case name == "":
		case slices.Contains(t.header[:i], name):
			d.problem(t.cell(i), "remove one of the two", "column %s is there twice", quote(name))
		case slices.Contains(columns, name):
		case label == name || label == "":
			hint := didYouMean(name, columns, "known here: "+strings.Join(columns, ", ")+", labels.NAME")
			d.problem(t.cell(i), hint, "unknown column %s", quote(name))
		case slices.Contains(plan.BuiltInKeys(), label):
			d.problem(t.cell(i), "give the label another name",
				"a label cannot be named %s: selectors mean the vault's own %s by it", label, label)
		}
	}
	for _, name := range columns[:2] {
		if !slices.Contains(t.header, name) {
			d.problem(place{line: 1, column: 1}, "add it", "the table has no column %s", name)
		}
	}
	return len(d.problems) == before
}

// row reads a vault. Its cells become the same nodes as in YAML, so that they
// are read and judged alike.
func (d *decoder) row(t *table, row []string) {
	f := fields{what: "a row", at: t.cell(0)}
	labels := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: f.at.line, Column: f.at.column}
	subscription, where := "", f.at
	for i, value := range row {
		at := t.cell(i)
		// Only plain spaces: others are told, since they look like those.
		if value = strings.Trim(value, " \t\r\n"); strings.TrimSpace(value) == "" {
			continue
		}
		if i >= len(t.header) || t.header[i] == "" {
			d.sound = false
			d.problem(at, "name its column in the first row, or empty it", "this cell is in a column without a name")
			continue
		}
		name := t.header[i]
		n := textNode(d.intern(value), at)
		switch label, isLabel := strings.CutPrefix(name, labelPlaceholder); {
		case name == "subscription":
			subscription, where = value, at
			continue
		case isLabel:
			labels.Content = append(labels.Content, textNode(d.intern(label), at), n)
			continue
		case name == "protectedItems" && wholeNumber().MatchString(value):
			n.Tag, n.Style = "!!int", 0
		}
		f.entries = append(f.entries, entry{name: name, key: at, value: n, at: at, what: name})
	}
	if len(labels.Content) > 0 {
		f.entries = append(f.entries, entry{name: "labels", key: f.at, value: labels, at: f.at, what: "labels"})
	}
	index, ok := d.subscriptionOf(subscription, where)
	if !ok {
		d.sound = false
		return
	}
	own := layer{from: "vault", fields: f, file: d.file}
	vaultForm.read(d, &own.fields, &own.vault)
	d.addVault(&own, f.at, index, &d.in.Subscriptions[index])
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
		d.problem(where, "list it under subscriptions with its id, or give its ID here", "no subscription is named %s",
			quote(name))
		return 0, false
	}
	at := d.here(where)
	d.in.Subscriptions = append(d.in.Subscriptions,
		plan.SubscriptionSpec{Subscription: fleet.Subscription{ID: id, Name: id}})
	d.subscriptions = append(d.subscriptions, subscriptionPlaces{start: at, id: at, name: at, labels: at})
	return len(d.in.Subscriptions) - 1, true
}

// ReadTable reads a table of vaults, of the same columns as an included one,
// into f. The subscriptions that f has already are those that the table may
// call by their names; they are in it afterwards where they have a vault. A
// location and a type must be in the table. All mistakes come together, as
// *Problems.
func ReadTable(name string, data []byte, f *Found) error {
	d := &decoder{reader: newReader(name), sound: true, unfinished: true}
	d.in.Inventory, d.in.Now, d.in.Kind, d.in.Cloud = name, f.At, fleet.KindClassic, f.Cloud
	// A vault without a target group gets it when the inventory is written.
	d.defaults.fields.entries = []entry{{name: "targetResourceGroup"}}
	top := place{line: 1, column: 1, file: name}
	tenants := map[string]string{}
	for _, s := range f.Subscriptions {
		called := cmp.Or(s.Name, s.ID)
		tenants[s.ID] = s.Tenant
		d.in.Subscriptions = append(d.in.Subscriptions,
			plan.SubscriptionSpec{Subscription: fleet.Subscription{ID: s.ID, Name: called}})
		d.subscriptions = append(d.subscriptions, subscriptionPlaces{start: top, id: top, name: top, labels: top})
	}
	d.tablePart(data)
	d.reportMissing()
	slices.SortStableFunc(d.vaults, func(a, b vaultNote) int { return int(a.subscription - b.subscription) })
	_, issues := plan.Build(d.in)
	d.report(slices.DeleteFunc(issues, func(i plan.Issue) bool {
		return i.Code != plan.IssueDuplicate && i.Code != plan.IssueSameTarget
	}))
	if err := d.failed(); err != nil {
		return err
	}
	f.Subscriptions = nil
	for _, s := range d.in.Subscriptions {
		if len(s.Vaults) == 0 {
			continue
		}
		found := FoundSubscription{ID: s.ID, Name: s.Name, Tenant: tenants[s.ID]}
		if found.Name == found.ID {
			found.Name = ""
		}
		for _, v := range s.Vaults {
			found.Vaults = append(found.Vaults, FoundVault{Vault: v})
		}
		f.Subscriptions = append(f.Subscriptions, found)
	}
	return nil
}
