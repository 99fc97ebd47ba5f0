package kvrbac

import (
	"math/bits"
	"strings"
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
	{areaCertificates, "manageissuers", []string{"certificatecas/read", "certificatecas/write", "certificatecas/delete"}},
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
		return p.area == area && (strings.EqualFold(p.word, word) || strings.EqualFold(word, wordAll) && p.word != wordPurge)
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
