package fleet

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ResourceType is the type of a vault: a classic one, or the Resource Manager's
// with its namespace.
type ResourceType string

// The two vault types that the classic upgrade takes.
const (
	BackupVault       ResourceType = "BackupVault"
	SiteRecoveryVault ResourceType = "HyperVRecoveryManagerVault"
)

// The types of today's vaults.
const (
	RecoveryServicesVault ResourceType = "Microsoft.RecoveryServices/vaults"
	KeyVault              ResourceType = "Microsoft.KeyVault/vaults"
	// DataProtectionVault is what today's portal calls a Backup vault; the classic
	// [BackupVault] is another.
	DataProtectionVault ResourceType = "Microsoft.DataProtection/backupVaults"
)

// ResourceTypes lists the types a vault of the classic kind may have.
func ResourceTypes() []ResourceType { return []ResourceType{BackupVault, SiteRecoveryVault} }

// Key identifies a vault for ever: across runs, inventories and spellings. It
// is kind/GUID/type/location/name in lower case, the location without spaces,
// each part escaped so that a slash inside a name cannot forge another key. The
// name of a vault that has a resource group is its [Vault.QualifiedName].
type Key string

// Subscription is an Azure subscription as the inventory gives it.
type Subscription struct {
	ID     string            `json:"id"`               // GUID in lower case, no braces
	Name   string            `json:"name"`             // the inventory's name for it; the ID where it gives none
	Tenant string            `json:"tenant,omitempty"` // where it is not the credential's own
	Labels map[string]string `json:"labels,omitempty"`
}

// Hold keeps a vault out of a rollout, with a reason a person gave.
type Hold struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"` // zero: until released
	By     string    `json:"by,omitempty"`
}

// Words are a hold for people: its reason, until when it holds, and who asked for
// it.
func (h *Hold) Words() string {
	s := h.Reason
	if !h.Until.IsZero() {
		s += ", until " + h.Until.UTC().Format("2006-01-02 15:04 UTC")
	}
	if h.By != "" {
		s += ", by " + h.By
	}
	return s
}

// Vault is one vault to upgrade, as the inventory describes it after defaults.
type Vault struct {
	Key                 Key          `json:"key"`
	Kind                Kind         `json:"kind"`
	SubscriptionID      string       `json:"subscriptionId"`
	SubscriptionName    string       `json:"subscriptionName"`
	Name                string       `json:"name"`
	Location            string       `json:"location"` // as written; compare with NormalizeLocation
	ResourceType        ResourceType `json:"resourceType"`
	ResourceGroup       string       `json:"resourceGroup,omitempty"` // its own; a classic vault has none
	TargetResourceGroup string       `json:"targetResourceGroup"`     // of a classic vault: where it is to go
	CreateResourceGroup bool         `json:"createResourceGroup,omitempty"`
	AcceptWarnings      bool         `json:"acceptWarnings,omitempty"` // all of them
	Consents            []Consent    `json:"consents,omitempty"`       // or those that one of these covers
	// the plan was made with its warnings in view
	Checked        bool              `json:"checked,omitempty"`
	ShownWarnings  []string          `json:"shownWarnings,omitempty"` // those; see Finding.Warning
	ProtectedItems int               `json:"protectedItems,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"` // its own over its subscription's
	Hold           *Hold             `json:"hold,omitempty"`
	// LapsedHold is a hold of the inventory that was over when the plan was made: it
	// keeps nothing out any more, and somebody must know that before the vault starts.
	LapsedHold *Hold           `json:"lapsedHold,omitempty"`
	Restore    json.RawMessage `json:"restore,omitempty"` // of a rollback: the body that puts back what was recorded
	// Unrestorable says why a rollback has nothing to put back; such a vault is
	// held, for that reason where no person holds it.
	Unrestorable string `json:"unrestorable,omitempty"`
}

// Unheld reports whether nobody holds the vault, and a rollback keeps it out all the
// same: there is nothing to put back.
func (v *Vault) Unheld() bool { return v.Hold != nil && v.WrittenHold() == nil }

// WrittenHold is the hold that the inventory gives the vault, over or not; nil
// where it gives none.
func (v *Vault) WrittenHold() *Hold {
	switch {
	case v.LapsedHold != nil:
		return v.LapsedHold
	case v.Hold != nil && v.Unrestorable != "" && *v.Hold == (Hold{Reason: v.Unrestorable}):
		return nil
	}
	return v.Hold
}

// Ref is the vault's short name for people: subscription/name.
//
// A name that begins with a dash would be read as a flag where the reference stands on a
// command line: then the subscription's ID stands in its place.
func (v *Vault) Ref() string {
	if strings.HasPrefix(v.SubscriptionName, "-") {
		return v.SubscriptionID + "/" + v.Name
	}
	return v.SubscriptionName + "/" + v.Name
}

// QualifiedName is the vault's name with what tells it from others of that name
// in its subscription, type and location: its resource group, where it has one.
func (v *Vault) QualifiedName() string {
	if v.ResourceGroup == "" {
		return v.Name
	}
	return v.ResourceGroup + "/" + v.Name
}

// ResourceID is the vault's Resource Manager ID: its own, or of a classic vault
// the one that it will have.
func (v *Vault) ResourceID() string {
	if v.ResourceGroup == "" {
		return v.TargetPath()
	}
	return "/subscriptions/" + v.SubscriptionID + "/resourceGroups/" + v.ResourceGroup +
		"/providers/" + string(v.ResourceType) + "/" + v.Name
}

// TargetPath is the Resource Manager path the upgraded classic vault will have
// (classic-service.md#the-three-calls, NewResourcePath).
func (v *Vault) TargetPath() string {
	return "/subscriptions/" + v.SubscriptionID + "/resourceGroups/" + v.TargetResourceGroup +
		"/providers/Microsoft.RecoveryServices/Vaults/" + v.Name
}

// KeyOf builds the key of a vault from its parts, in any spelling.
func KeyOf(kind Kind, subscriptionID string, t ResourceType, location, name string) Key {
	part := func(s string) string { return url.PathEscape(strings.ToLower(s)) }
	// Keys are for ever, so a vault's name is folded as it always was.
	group, vault, qualified := strings.Cut(name, "/")
	if name = strings.ToLower(name); qualified {
		name = FoldName(group) + "/" + strings.ToLower(vault)
	}
	id := subscriptionID
	if norm, err := NormalizeGUID(id); err == nil {
		id = norm
	}
	return Key(part(string(kind)) + "/" + part(id) + "/" + part(string(t)) + "/" +
		url.PathEscape(NormalizeLocation(location)) + "/" + url.PathEscape(name))
}

// NormalizeGUID returns a GUID in lower case without braces. Braces around it
// are tolerated (classic-service.md#the-operation).
func NormalizeGUID(s string) (string, error) {
	t := s
	if strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") {
		t = t[1 : len(t)-1]
	}
	if !isGUID(t) {
		return "", fmt.Errorf("%q is not a GUID such as 53a3c692-5283-4f0a-baf6-49412f5ebefe", s)
	}
	return strings.ToLower(t), nil
}

// isGUID reports whether a text is 8-4-4-4-12 hexadecimal digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	return true
}
