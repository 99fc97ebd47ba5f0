package fleet

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
)

// Kind names an upgrade kind: what is done to a vault.
type Kind string

// KindClassic turns a classic Backup or Site Recovery vault into a Recovery
// Services vault. The upgrade is permanent.
const KindClassic Kind = "classic"

// KindRollback is how an inventory calls the undoing of another kind. In plans
// and keys the kind is the one that [RollbackOf] makes of it: what failed while
// one kind was undone says nothing of the others.
const KindRollback Kind = "rollback"

const rollbackPrefix = string(KindRollback) + "-"

// RollbackOf is the kind that puts back what a kind has changed.
func RollbackOf(k Kind) Kind { return Kind(rollbackPrefix + string(k)) }

// Undoes returns the kind that k puts back; ok is false where it puts back none.
func (k Kind) Undoes() (of Kind, ok bool) {
	of = Kind(strings.TrimPrefix(string(k), rollbackPrefix))
	return of, of != k
}

// Parts are what is done to the vault of a key, and the vault alone: one that was
// upgraded and put back has two keys, and is one vault.
func (k Key) Parts() (of Kind, vault string) {
	kind, vault, _ := strings.Cut(string(k), "/")
	return Kind(kind), vault
}

// KindSpec describes an upgrade kind as data: what inventories, plans and
// reports must know of it. The code that carries it out stands beside it, in one
// package under pkg/azure, and both are registered in one place.
type KindSpec struct {
	Kind  Kind
	Title string // what it does, as a noun: "Azure Monitor alerts in place of classic ones"

	// Type is the one resource type of the vaults that it takes, as the Resource
	// Manager writes it. Empty for the classic kind, whose types are
	// [ResourceTypes] and whose vaults have a target instead of a resource group.
	Type ResourceType

	Known Provenance // of what it sends and is answered

	Permanent bool // nothing can undo it
	// Confirm wants the kind's name said besides the usual consent: it is
	// permanent, and on resources that are in use.
	Confirm bool
	After   []string // what is left to do by hand afterwards, in whole sentences

	Options []Option // besides those that all kinds but classic have, [CommonOptions]
	// Properties are what the kind relies on of the service's API, where not every
	// version that may be chosen has it: [KindSpec.Complete] refuses one that has not.
	Properties []Property
	Role       func() Role // the least that it needs of the Resource Manager
	// Following are the actions of the addresses at which a change is followed that goes
	// on after its answer; none for one that is made at once.
	Following []Action

	// Describe says what is sent to each vault. The options are complete and
	// valid; the classic kind has none.
	Describe func(options Options) Upgrade
	// Restore is what a rollback sends to a vault of which a state was recorded, or
	// why nothing can be sent. nil for other kinds.
	Restore func(recorded json.RawMessage) (body json.RawMessage, err error)
	// Written makes the kinds that inventories write themselves: then this is none, but
	// what they have in common. nil for kinds that are built in.
	Written *Written
}

// Provenance is what is known in public of a kind's request and of its answers. It says
// nothing of vaults of the reader's: the first of those are for the reader to look at.
type Provenance struct {
	Basis ProvenanceBasis
	Says  string // what is published, and where, as a phrase
}

// ProvenanceBasis says how much is known of a request.
type ProvenanceBasis string

// What may be known of a request.
const (
	// ProvenanceRecorded: answers of the real service to it are published.
	ProvenanceRecorded ProvenanceBasis = "recorded"
	// ProvenanceSpecified: it is that of the published specification or documentation alone.
	ProvenanceSpecified ProvenanceBasis = "specified"
)

// Upgrade is what a plan does to each of its vaults, frozen in the plan: what is
// planned is what runs.
type Upgrade struct {
	Title     string   `json:"title"`
	Options   Options  `json:"options,omitempty"`
	Type      string   `json:"resourceType"`     // of the vaults, as the Resource Manager writes it
	Request   Request  `json:"request"`          // the change
	Before    []string `json:"before,omitempty"` // what is done before it where need be, in whole sentences
	After     []string `json:"after,omitempty"`  // what is left to do by hand afterwards, in whole sentences
	Permanent bool     `json:"permanent,omitempty"`
	Confirm   bool     `json:"confirm,omitempty"`
	Actions   []string `json:"actions"`         // of the Resource Manager that it needs
	Patch     *Patch   `json:"patch,omitempty"` // the kind itself, where the inventory has written it
}

// Request is an HTTP request as a plan shows it: with placeholders for what
// differs from vault to vault, which [Request.Of] fills in.
type Request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"` // percent-encoded
	Body   json.RawMessage `json:"body"` // an XML document is a string
}

// What stands in a [Request] for what differs from vault to vault.
const (
	PlaceholderVault        = "{vault}" // in the path: the vault's Resource Manager ID
	PlaceholderSubscription = "{subscription}"
	PlaceholderType         = "{type}"
	PlaceholderName         = "{name}"
	PlaceholderTarget       = "{target}"    // in an XML body: the ID that a classic vault will have
	PlaceholderRestore      = `"{restore}"` // as the body: what was recorded of the vault
	PlaceholderOwn          = "{its own}"   // in a JSON body: what the vault has there when it is changed
)

// Of is the request for one vault. The body is null where nothing was recorded
// that could be put back.
func (r Request) Of(v *Vault) Request { return r.Each()(v) }

// Each is Of for many vaults: what is the same for all of them is looked at once.
func (r Request) Each() func(*Vault) Request {
	path, body := r.Path, r.Body
	restores := string(body) == PlaceholderRestore
	// What is put in for a placeholder is escaped, and so holds none itself.
	type part struct {
		placeholder string
		of          func(*Vault) string
	}
	var parts []part
	for _, p := range []part{
		{PlaceholderVault, func(v *Vault) string { return EscapePath(v.ResourceID()) }},
		{PlaceholderSubscription, func(v *Vault) string { return url.PathEscape(v.SubscriptionID) }},
		{PlaceholderType, func(v *Vault) string { return url.PathEscape(string(v.ResourceType)) }},
		{PlaceholderName, func(v *Vault) string { return url.PathEscape(v.Name) }},
	} {
		if strings.Contains(path, p.placeholder) {
			parts = append(parts, p)
		}
	}
	// Text is written as JSON character by character, so that its pieces may be, too.
	var around [][]byte
	if document, ok := r.XML(); ok && !restores {
		around = bytes.Split(XMLBody(document), []byte(PlaceholderTarget))
	}
	return func(v *Vault) Request {
		one := Request{Method: r.Method, Path: path, Body: body}
		for _, p := range parts {
			one.Path = strings.ReplaceAll(one.Path, p.placeholder, p.of(v))
		}
		switch {
		case restores:
			one.Body = v.Restore
		case len(around) > 0:
			var id bytes.Buffer
			_ = xml.EscapeText(&id, []byte(v.TargetPath())) // a Buffer does not fail
			text := XMLBody(id.String())
			one.Body = bytes.Join(around, text[1:len(text)-1])
		}
		return one
	}
}

// XML returns the body where it is an XML document.
func (r Request) XML() (document string, ok bool) {
	return document, json.Unmarshal(r.Body, &document) == nil && strings.HasPrefix(document, "<")
}

// XMLBody is an XML document as the body of a [Request].
func XMLBody(document string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(document) // a string can be encoded, and a Buffer does not fail
	return bytes.TrimSpace(b.Bytes())
}

// EscapePath is the percent-encoded path of a resource ID.
func EscapePath(id string) string {
	parts := strings.Split(strings.TrimPrefix(id, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/" + strings.Join(parts, "/")
}

// Role is the least that the Resource Manager must allow for an upgrade kind:
// what a custom role is made of.
type Role struct {
	Name        string
	Description string
	Actions     []Action // in the order of their names
	// Besides is what no custom role can grant, in whole sentences.
	Besides string
}

// Action is a Resource Manager action, with what needs it.
type Action struct {
	Name string
	Why  string
	// Apart says that no run needs it, but another command: its absence is no
	// reason not to begin.
	Apart bool
}

// Property is a property of the service's resources that a kind sends or relies
// on, and that not every version of the service's API knows: asked for in an
// older one, the service refuses the request, or answers it and leaves the
// property out.
type Property struct {
	Name  string // its path below "properties", with dots
	Since string // the first API version whose published specification has it
	// Until is the first version that has more there than the kind sends, or otherwise:
	// from it on the kind is not to be asked. Empty: none is known.
	Until string
	// With is the option that needs the property; empty: the kind does, whatever its
	// options are.
	With string
}

// APIVersionBefore reports whether an API version is older than another. Versions
// are dates; of two of one date the preview is the older one (Azure's versioning
// guidelines: a stable version follows its previews).
func APIVersionBefore(a, b string) bool {
	dayA, previewA := strings.CutSuffix(a, "-preview")
	dayB, previewB := strings.CutSuffix(b, "-preview")
	if dayA != dayB {
		return dayA < dayB // written so that the order of the letters is that of the days
	}
	return previewA && !previewB
}

// checkVersion says that the API version of complete options does not know what
// the kind relies on.
func (s *KindSpec) checkVersion(o Options) error {
	version, ok := o[OptionAPIVersion]
	if !ok {
		return nil
	}
	for _, p := range s.Properties {
		if p.With != "" && o[p.With] == "" {
			continue
		}
		// A preview of that day may have it already.
		if p.Until != "" && !APIVersionBefore(strings.TrimSuffix(version, "-preview"), p.Until) {
			return &OptionError{OptionAPIVersion,
				fmt.Errorf("%s has more in %s than %s knows of; versions before %s do not", version, p.Name, s.Kind,
					p.Until)}
		}
		if !APIVersionBefore(version, p.Since) {
			continue
		}
		if p.With != "" {
			return &OptionError{p.With, fmt.Errorf("API version %s does not know %s, which it needs; %s and later do",
				version, p.Name, p.Since)}
		}
		return &OptionError{OptionAPIVersion,
			fmt.Errorf("%s does not know %s, which %s needs; %s and later do", version, p.Name, s.Kind, p.Since)}
	}
	return nil
}
