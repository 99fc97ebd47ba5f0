package fleet

import (
	"encoding/json"
	"strings"
)

// KindPatch is how an inventory calls a kind that it writes itself. In plans and
// keys the kind is the one that [PatchOf] makes of the patch's name: what became of a
// vault by one patch says nothing of another.
const KindPatch Kind = "patch"

const patchPrefix = string(KindPatch) + "-"

// PatchOf is the kind of the patch with a name.
func PatchOf(name string) Kind { return Kind(patchPrefix + name) }

// Patched is the name of the patch that a kind is, or of the one that it puts back; ok is
// false for kinds that are built in.
func (k Kind) Patched() (name string, ok bool) {
	of, _ := k.Undoes()
	if name, ok = strings.CutPrefix(string(of), patchPrefix); !ok {
		return "", false
	}
	return name, true
}

// Patch is a kind as an inventory writes it: all that is known of it. It stands in the
// plan, so that whoever resumes a run or rolls it back needs nothing else.
type Patch struct {
	Name  string       `json:"name"`
	Title string       `json:"title"`
	Type  ResourceType `json:"resourceType"`
	// Body is a JSON merge patch of properties and tags, with PlaceholderOwn for what each
	// vault has and keeps.
	Body json.RawMessage `json:"body"`
	// Require are conditions in JMESPath about the vault as it was read, each of which must
	// be true.
	Require    []string  `json:"require,omitempty"`
	Undo       PatchUndo `json:"undo"`
	Actions    []string  `json:"actions,omitempty"`    // that it needs besides those of every kind
	Afterwards string    `json:"afterwards,omitempty"` // what is left to do by hand, a sentence
}

// PatchUndo is how a patch is undone; one of its fields is set.
type PatchUndo struct {
	Before    bool            `json:"before,omitempty"` // by what was there before
	Body      json.RawMessage `json:"body,omitempty"`   // by this, whatever was there before
	Permanent bool            `json:"permanent,omitempty"`
}

// Written makes kinds of what an inventory says of them.
type Written struct {
	Types []WrittenType
	// Condition says what is wrong with a condition of Patch.Require.
	Condition func(string) error
	// Make is the kind of a patch; its own options are those of its type.
	Make func(Patch) (KindSpec, error)
	// Recorded is the kind that undoes the patch with a name, as the newest run of a
	// ledger has it. The ledger's path is relative to the inventory.
	Recorded func(inventory, ledger, name string) (KindSpec, error)
}

// Type is what is known of a type of vault; nil where it is none of them.
func (w *Written) Type(name ResourceType) *WrittenType {
	for i := range w.Types {
		if w.Types[i].Name == name {
			return &w.Types[i]
		}
	}
	return nil
}

// WrittenType is what is known of a type of vault whose properties an inventory may set.
// Properties are named by their paths below "properties", with dots.
type WrittenType struct {
	Name     ResourceType
	ReadOnly []string // what the published specification says is read-only, with all below it
	Unread   []string // what may be sent, and is shown by no vault: nothing could be verified
	// Forever are the values that can never be taken back, by property.
	Forever map[string][]string
	Options []Option // of kinds of the type
}
