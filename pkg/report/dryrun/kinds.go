package dryrun

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// kindsDocument are upgrade kinds as JSON.
type kindsDocument struct {
	SchemaVersion int                  `json:"schemaVersion"`
	Kinds         []kindDocument       `json:"kinds"`
	Next          []report.NextCommand `json:"next"` // what to type next
}

type kindDocument struct {
	Kind         fleet.Kind             `json:"kind"`
	Title        string                 `json:"title"`
	ResourceType *string                `json:"resourceType"` // of its vaults; null: the inventory says it
	Request      *report.PlannedRequest `json:"request"`      // with placeholders; null: the inventory says it
	Permanent    bool                   `json:"permanent"`
	Confirm      bool                   `json:"confirm"` // wants --confirm-irreversible besides --yes
	// the upgrade of the inventory that undoes it; null: nothing can
	Rollback    *string      `json:"rollback"`
	Permissions []string     `json:"permissions"` // actions of the Resource Manager
	Options     []kindOption `json:"options"`
	Before      []string     `json:"before"` // what is done before it where need be
	After       []string     `json:"after"`  // what is left to do by hand
	Known       kindKnown    `json:"known"`
	Inventory   *string      `json:"inventory"` // to start from; null: of a list of kinds
	spec        *fleet.KindSpec
}

type kindOption struct {
	Key     string  `json:"key"`
	Default *string `json:"default"`
	Meaning string  `json:"meaning"`
}

type kindKnown struct {
	Basis fleet.ProvenanceBasis `json:"basis"`
	Says  string                `json:"says"`
}

// KindsOptions says how to write kinds.
type KindsOptions struct {
	Format layout.Format // FormatTable or FormatJSON
	Width  int           // columns of the terminal that a table is for; 0: no terminal
}

// Kinds writes a list of kinds, at least one; one of which may be that of what an inventory writes itself.
func Kinds(w io.Writer, kinds []fleet.KindSpec, o KindsOptions) error {
	d := kindsDocument{SchemaVersion: report.SchemaVersion}
	for i := range kinds {
		d.Kinds = append(d.Kinds, kindOf(&kinds[i]))
	}
	example := slices.IndexFunc(d.Kinds, func(k kindDocument) bool { return k.Request != nil && k.Rollback != nil })
	next := []report.Step{{Args: []string{"kinds", string(d.Kinds[max(example, 0)].Kind)}}}
	d.Next = report.NextCommands(next, "", nil)
	return layout.Printer{
		Page: func() *layout.Page {
			p := &layout.Page{}
			p.Title("KINDS of upgrades: what each vault gets")
			g := layout.Grid{Head: []string{"KIND", "UNDONE BY", "KNOWN", "NEEDS", "EACH VAULT GETS"}, Spare: []int{3},
				Wrap: true}
			for i := range d.Kinds {
				k := &d.Kinds[i]
				g.Rows = append(g.Rows, []string{string(k.Kind), k.undoneBy(), string(k.Known.Basis),
					cmp.Or(strings.Join(k.writes(), ", "), "-"), k.Title})
			}
			p.Table(g)
			p.Pair("Undone by", "rollback: a run that puts back what the ledger recorded; nothing: for ever")
			p.Pair("Known", "recorded: answers of the real service to it are published; specified: its published "+
				"specification or documentation is all there is. Either way, begin with one vault, in a wave of its "+
				"own.")
			report.NextLines(p, next, "")
			return p
		},
		JSON: func(w io.Writer) error { return layout.WriteJSON(w, d) },
	}.Write(w, o.Format, o.Width)
}

// Kind writes one kind in full, with an inventory to start from.
func Kind(w io.Writer, kind *fleet.KindSpec, inventory string, o KindsOptions) error {
	k := kindOf(kind)
	k.Inventory = &inventory
	next := []report.Step{{Args: []string{"kinds", string(k.Kind), "--out", "fleet.yaml"}}}
	d := kindsDocument{SchemaVersion: report.SchemaVersion, Kinds: []kindDocument{k},
		Next: report.NextCommands(next, "", nil)}
	return layout.Printer{
		Page: func() *layout.Page {
			p := &layout.Page{}
			k.page(p)
			report.NextLines(p, next, "")
			return p
		},
		JSON: func(w io.Writer) error { return layout.WriteJSON(w, d) },
	}.Write(w, o.Format, o.Width)
}

func kindOf(s *fleet.KindSpec) kindDocument {
	k := kindDocument{Kind: s.Kind, Title: s.Title, Permanent: s.Permanent, Confirm: s.Confirm,
		Permissions: []string{}, Options: []kindOption{}, Before: []string{}, After: []string{},
		Known: kindKnown{s.Known.Basis, s.Known.Says}, spec: s}
	if s.Written != nil {
		back := lexicon.RollbackOf(fleet.PatchOf("NAME"), false, "")
		k.Rollback = &back
		return k
	}
	options, _ := s.Complete(nil) // a kind whose options are required has those that are left
	up := s.Describe(options)
	k.ResourceType = report.StringOrNull(up.Type)
	k.Request = report.RequestOf(up.Request)
	k.Permanent, k.Confirm = up.Permanent, up.Confirm
	k.Rollback = report.StringOrNull(lexicon.RollbackOf(s.Kind, up.Permanent, ""))
	k.Permissions, k.Before, k.After = report.ListOrEmpty(up.Actions), report.ListOrEmpty(up.Before),
		report.ListOrEmpty(up.After)
	for _, o := range s.Options {
		k.Options = append(k.Options, kindOption{o.Key, report.StringOrNull(o.Default), o.Doc})
	}
	return k
}

// undoneBy says in a word what undoes a kind.
func (k *kindDocument) undoneBy() string {
	switch {
	case k.spec.Written != nil:
		return "its undo"
	case k.Rollback == nil:
		return "nothing"
	}
	return "rollback"
}

// writes are the actions that change something.
func (k *kindDocument) writes() (actions []string) {
	for _, a := range k.Permissions {
		if !strings.HasSuffix(a, "/read") {
			actions = append(actions, a)
		}
	}
	return actions
}

// page is one kind in full.
func (k *kindDocument) page(p *layout.Page) {
	p.Title("KIND %s: %s", k.Kind, k.Title)
	if k.ResourceType != nil {
		p.Pair("Vaults", "%s", *k.ResourceType)
	}
	if k.Request != nil {
		p.Pair("Request", "%s", k.Request.Shown())
	}
	for _, s := range k.Before {
		p.Pair("Before it", "%s", s)
	}
	switch {
	case k.spec.Written != nil:
		p.Pair("Undone by", "what its undo says; %s", *k.Rollback)
	case k.Rollback != nil:
		p.Pair("Undone by", "upgrade: %s", *k.Rollback)
	case k.Confirm:
		p.Pair("Undone by", "nothing: it is for ever, and a run wants --confirm-irreversible %s", k.Kind)
	default:
		p.Pair("Undone by", "nothing: it is for ever")
	}
	if len(k.Permissions) > 0 {
		p.Pair("Permissions", "%s", permissionWords(k.Permissions))
	}
	p.Pair("Known", "%s: %s", k.Known.Basis, k.Known.Says)
	for _, s := range k.After {
		p.Pair("Afterwards", "%s", s)
	}
	if len(k.Options) > 0 {
		p.Section("OPTIONS: keys of upgrade beside kind")
		g := layout.Grid{Head: []string{"KEY", "DEFAULT", "MEANING"}, Wrap: true}
		for _, o := range k.Options {
			g.Rows = append(g.Rows, []string{o.Key, cmp.Or(report.ValueOf(o.Default), "-"), o.Meaning})
		}
		p.Table(g)
	}
	p.Section("AN INVENTORY TO START FROM")
	p.Verbatim(report.ValueOf(k.Inventory))
}
