package kvrbac

import (
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
)

// set is a set of the permissions that an access policy can give: bit i is
// permissions[i].
type set uint64

func (s set) has(i int) bool { return s&(1<<i) != 0 }

func (s set) size() int { return bits.OnesCount64(uint64(s)) }

// The areas of an access policy.
const (
	areaKeys         = "keys"
	areaSecrets      = "secrets"
	areaCertificates = "certificates"
	areaStorage      = "storage"
)

// permission is one permission of an access policy, with the data actions that
// allow the same operations where roles decide.
type permission struct {
	area, word string
	needs      []string // less their prefix
}

// permissions are those of the definitions KeyPermissions, SecretPermissions,
// CertificatePermissions and StoragePermissions of Microsoft.KeyVault 2026-02-01,
// but for "all". The reference of the Key Vault REST API names the permission
// that each operation needs ("this operation requires the secrets/set
// permission": setting a secret as well as updating its attributes); "Azure
// permissions for Security" names the data action.
var permissions = []permission{
	{areaKeys, "get", []string{"keys/read"}},
	{areaKeys, "list", []string{"keys/read"}},
	{areaKeys, "update", []string{"keys/update/action"}},
	{areaKeys, "create", []string{"keys/create/action"}},
	{areaKeys, "import", []string{"keys/import/action"}},
	{areaKeys, "delete", []string{"keys/delete"}},
	{areaKeys, "recover", []string{"keys/recover/action"}},
	{areaKeys, "backup", []string{"keys/backup/action"}},
	{areaKeys, "restore", []string{"keys/restore/action"}},
	{areaKeys, "decrypt", []string{"keys/decrypt/action"}},
	{areaKeys, "encrypt", []string{"keys/encrypt/action"}},
	{areaKeys, "unwrapKey", []string{"keys/unwrap/action"}},
	{areaKeys, "wrapKey", []string{"keys/wrap/action"}},
	{areaKeys, "verify", []string{"keys/verify/action"}},
	{areaKeys, "sign", []string{"keys/sign/action"}},
	{areaKeys, wordPurge, []string{"keys/purge/action"}},
	{areaKeys, "release", []string{"keys/release/action"}},
	{areaKeys, "rotate", []string{"keys/rotate/action"}},
	{areaKeys, "getrotationpolicy", []string{"keyrotationpolicies/read"}},
	{areaKeys, "setrotationpolicy", []string{"keyrotationpolicies/write"}},
	{areaSecrets, "get", []string{"secrets/getSecret/action"}},
	{areaSecrets, "list", []string{"secrets/readMetadata/action"}},
	{areaSecrets, "set", []string{"secrets/setSecret/action", "secrets/update/action"}},
	{areaSecrets, "delete", []string{"secrets/delete"}},
	{areaSecrets, "recover", []string{"secrets/recover/action"}},
	{areaSecrets, "backup", []string{"secrets/backup/action"}},
	{areaSecrets, "restore", []string{"secrets/restore/action"}},
	{areaSecrets, wordPurge, []string{"secrets/purge/action"}},
	{areaCertificates, "get", []string{"certificates/read"}},
	{areaCertificates, "list", []string{"certificates/read"}},
	{areaCertificates, "delete", []string{"certificates/delete"}},
	{areaCertificates, "create", []string{"certificates/create/action"}},
	{areaCertificates, "import", []string{"certificates/import/action"}},
	{areaCertificates, "update", []string{"certificates/update/action"}},
	{areaCertificates, "managecontacts", []string{"certificatecontacts/write"}},
	{areaCertificates, "getissuers", []string{"certificatecas/read"}},
	{areaCertificates, "listissuers", []string{"certificatecas/read"}},
	{areaCertificates, "setissuers", []string{"certificatecas/write"}},
	{areaCertificates, "deleteissuers", []string{"certificatecas/delete"}},
	{areaCertificates, "manageissuers", []string{"certificatecas/read", "certificatecas/write",
		"certificatecas/delete"}},
	{areaCertificates, "recover", []string{"certificates/recover/action"}},
	{areaCertificates, "backup", []string{"certificates/backup/action"}},
	{areaCertificates, "restore", []string{"certificates/restore/action"}},
	{areaCertificates, wordPurge, []string{"certificates/purge/action"}},
	{areaStorage, "get", []string{"storageaccounts/read"}},
	{areaStorage, "list", []string{"storageaccounts/read"}},
	{areaStorage, "delete", []string{"storageaccounts/delete"}},
	{areaStorage, "set", []string{"storageaccounts/set/action"}},
	{areaStorage, "update", []string{"storageaccounts/set/action"}},
	{areaStorage, "regeneratekey", []string{"storageaccounts/regeneratekey/action"}},
	{areaStorage, "recover", []string{"storageaccounts/recover/action"}},
	{areaStorage, wordPurge, []string{"storageaccounts/purge/action"}},
	{areaStorage, "backup", []string{"storageaccounts/backup/action"}},
	{areaStorage, "restore", []string{"storageaccounts/restore/action"}},
	{areaStorage, "setsas", []string{"storageaccounts/sas/set/action"}},
	{areaStorage, "listsas", []string{"storageaccounts/sas/read"}},
	{areaStorage, "getsas", []string{"storageaccounts/sas/read"}},
	{areaStorage, "deletesas", []string{"storageaccounts/sas/delete"}},
}

const (
	wordAll   = "all"
	wordPurge = "purge"
)

// where is the set of the permissions that fit.
func where(fits func(permission) bool) (s set) {
	for i, p := range permissions {
		if fits(p) {
			s |= 1 << i
		}
	}
	return s
}

// reading are the permissions that show names and properties, and no secret.
var reading = where(func(p permission) bool {
	for _, action := range p.needs {
		if !strings.HasSuffix(action, "/read") && !strings.HasSuffix(action, "/readMetadata/action") {
			return false
		}
	}
	return true
})

// allowed returns what a word of an access policy gives; false where the word is
// not known. The service's "all" leaves out purge, which must be given by name
// (azure-rest-api-specs, issue 1394).
func allowed(area, word string) (set, bool) {
	s := where(func(p permission) bool {
		return p.area == area && (strings.EqualFold(p.word, word) || strings.EqualFold(word, wordAll) &&
			p.word != wordPurge)
	})
	return s, s != 0
}

// String lists the permissions as an access policy would, area by area: "keys
// get, list; secrets all, purge".
func (s set) String() string {
	var areas []string
	for _, area := range []string{areaKeys, areaSecrets, areaCertificates, areaStorage} {
		var words []string
		if all, _ := allowed(area, wordAll); s&all == all {
			words, s = []string{wordAll}, s&^all
		}
		for i, p := range permissions {
			if p.area == area && s.has(i) {
				words = append(words, p.word)
			}
		}
		if words != nil {
			areas = append(areas, area+" "+strings.Join(words, ", "))
		}
	}
	return strings.Join(areas, "; ")
}

// role is a role that allows something of the data of key vaults: a built-in one,
// or a custom one that somebody has.
type role struct {
	id, name string
	actions  []string // of a built-in one, its data actions less their prefix; * stands for anything
	manages  string   // what it allows besides, of the vault as a resource; empty: nothing

	grants set
}

// prefix is what the data actions of key vaults begin with.
const prefix = "Microsoft.KeyVault/vaults/"

// What the roles allow besides data, in words: their Actions on the page.
const (
	managesUsual = "reads the vault and who has roles on it, and keeps alert rules, deployments and support " +
		"requests there"
	managesEvents = "keeps Event Grid subscriptions on the vault"
)

// roles are those of "Azure built-in roles for Security" that have data actions
// of key vaults. Their order decides where nothing else does; new ones go to the
// end. What they grant is worked out when it is first asked for: most commands have
// nothing to do with key vaults.
var roles = sync.OnceValue(func() []role { return granting(builtIn) })

var builtIn = []role{
	{id: "4633458b-17de-408a-b874-0445c86b69e6", name: "Key Vault Secrets User",
		actions: []string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
	{id: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", name: "Key Vault Secrets Officer",
		actions: []string{"secrets/*"}, manages: managesUsual},
	{id: "e147488a-f6f5-4113-8e2d-b22465e65bf6", name: "Key Vault Crypto Service Encryption User",
		actions: []string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}, manages: managesEvents},
	{id: "08bbd89e-9f13-488c-ac41-acfcb10c90ab", name: "Key Vault Crypto Service Release User",
		actions: []string{"keys/release/action"}},
	{id: "12338af0-0e69-4776-bea7-57ae8d297424", name: "Key Vault Crypto User",
		actions: []string{"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action",
			"keys/decrypt/action",
			"keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action"}},
	{id: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", name: "Key Vault Crypto Officer",
		actions: []string{"keys/*", "keyrotationpolicies/*"}, manages: managesUsual},
	{id: "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", name: "Key Vault Certificate User",
		actions: []string{"certificates/read", "secrets/getSecret/action", "secrets/readMetadata/action", "keys/read"}},
	{id: "a4417e6f-fecd-4de8-b567-7b0420556985", name: "Key Vault Certificates Officer",
		actions: []string{"certificatecas/*", "certificates/*", "certificatecontacts/write"}, manages: managesUsual},
	{id: "21090545-7ca7-4776-b22c-e363652d74d2", name: "Key Vault Reader",
		actions: []string{"*/read", "secrets/readMetadata/action"}, manages: managesUsual},
	{id: "00482a5a-887f-4fb3-b363-3b7fe8e74483", name: "Key Vault Administrator",
		actions: []string{"*"}, manages: managesUsual},
}

// granting works out what each role grants.
func granting(rs []role) []role {
	for i := range rs {
		var patterns []string
		for _, a := range rs[i].actions {
			patterns = append(patterns, prefix+a)
		}
		rs[i].grants = granted(patterns, nil)
	}
	return rs
}

// granted are the permissions whose data actions are all among some patterns, and
// none among others.
func granted(patterns, except []string) set {
	return where(func(p permission) bool {
		for _, action := range p.needs {
			if !anyMatches(patterns, prefix+action) || anyMatches(except, prefix+action) {
				return false
			}
		}
		return true
	})
}

func anyMatches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return arm.Matches(p, action) })
}

// roleOf finds a built-in role by its definition's ID; nil where it is none that
// gives access to data.
func roleOf(definition string) *role {
	id := lastPart(definition)
	all := roles()
	for i := range all {
		if strings.EqualFold(all[i].id, id) {
			return &all[i]
		}
	}
	return nil
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// cost is what speaks against a choice of roles: first what it allows to do that
// was not allowed, then what it allows to see, then its number.
type cost struct{ does, shows, roles int }

func (c cost) less(o cost) bool {
	switch {
	case c.does != o.does:
		return c.does < o.does
	case c.shows != o.shows:
		return c.shows < o.shows
	}
	return c.roles < o.roles
}

// cover chooses the roles that together allow all of a set, and as little besides
// as can be had: the least privilege before the fewest roles. Of choices that are
// equally good it takes those that stand first in roles, so that it is always the
// same one. There is one for every set: Key Vault Administrator allows everything.
func cover(want set) (chosen []*role) {
	if want == 0 {
		return nil
	}
	all := roles()
	sums := make([]set, 1<<len(all)) // by each choice
	best, at := cost{does: len(permissions) + 1}, 0
	for choice := 1; choice < len(sums); choice++ {
		sums[choice] = sums[choice&(choice-1)] | all[bits.TrailingZeros(uint(choice))].grants
		if want&^sums[choice] != 0 {
			continue
		}
		more := sums[choice] &^ want
		if c := (cost{(more &^ reading).size(), (more & reading).size(), bits.OnesCount(uint(choice))}); c.less(best) {
			best, at = c, choice
		}
	}
	for i := range all {
		if at&(1<<i) != 0 {
			chosen = append(chosen, &all[i])
		}
	}
	return chosen
}
