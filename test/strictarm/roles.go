package strictarm

import (
	"slices"
	"strings"
)

// role is a built-in role for the data of key vaults, with its data actions
// less "Microsoft.KeyVault/vaults/" (Microsoft's page "Azure built-in roles for
// Security").
type role struct {
	name    string
	actions []string
}

var builtInRoles = map[string]role{
	"00482a5a-887f-4fb3-b363-3b7fe8e74483": {"Key Vault Administrator", []string{"*"}},
	"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": {"Key Vault Certificate User",
		[]string{"certificates/read", "secrets/getSecret/action", "secrets/readMetadata/action", "keys/read"}},
	"a4417e6f-fecd-4de8-b567-7b0420556985": {"Key Vault Certificates Officer",
		[]string{"certificatecas/*", "certificates/*", "certificatecontacts/write"}},
	"14b46e9e-c2b7-41b4-b07b-48a6ebf60603": {"Key Vault Crypto Officer", []string{"keys/*", "keyrotationpolicies/*"}},
	"e147488a-f6f5-4113-8e2d-b22465e65bf6": {"Key Vault Crypto Service Encryption User",
		[]string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}},
	"08bbd89e-9f13-488c-ac41-acfcb10c90ab": {"Key Vault Crypto Service Release User", []string{"keys/release/action"}},
	"12338af0-0e69-4776-bea7-57ae8d297424": {"Key Vault Crypto User",
		[]string{"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
			"keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action"}},
	"21090545-7ca7-4776-b22c-e363652d74d2": {"Key Vault Reader", []string{"*/read", "secrets/readMetadata/action"}},
	"b86a8fe4-44ce-4948-aee5-eccb2c155cd7": {"Key Vault Secrets Officer", []string{"secrets/*"}},
	"4633458b-17de-408a-b874-0445c86b69e6": {"Key Vault Secrets User",
		[]string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
}

// grants reports whether the role allows a data action.
func (r role) grants(action string) bool {
	return slices.ContainsFunc(r.actions, func(pattern string) bool {
		before, after, wild := strings.Cut(pattern, "*")
		if !wild {
			return pattern == action
		}
		return len(action) >= len(before)+len(after) && strings.HasPrefix(action, before) &&
			strings.HasSuffix(action, after)
	})
}

// dataActions are what the permissions of an access policy allow, in the words
// of roles (the permissions are those of the definition Permissions; the
// actions those of Microsoft's page "Azure permissions for Security").
var dataActions = map[string]map[string][]string{
	"keys": {
		"get": {"keys/read"}, "list": {"keys/read"}, "update": {"keys/update/action"}, "create": {"keys/create/action"},
		"import": {"keys/import/action"}, "delete": {"keys/delete"}, "recover": {"keys/recover/action"},
		"backup": {"keys/backup/action"}, "restore": {"keys/restore/action"}, "purge": {"keys/purge/action"},
		"encrypt": {"keys/encrypt/action"}, "decrypt": {"keys/decrypt/action"}, "wrapkey": {"keys/wrap/action"},
		"unwrapkey": {"keys/unwrap/action"}, "sign": {"keys/sign/action"}, "verify": {"keys/verify/action"},
		"release": {"keys/release/action"}, "rotate": {"keys/rotate/action"},
		"getrotationpolicy": {"keyrotationpolicies/read"}, "setrotationpolicy": {"keyrotationpolicies/write"},
		"all": {"keys/*", "keyrotationpolicies/*"},
	},
	"secrets": {
		"get": {"secrets/getSecret/action"}, "list": {"secrets/readMetadata/action"},
		"set":    {"secrets/setSecret/action"},
		"delete": {"secrets/delete"}, "recover": {"secrets/recover/action"}, "backup": {"secrets/backup/action"},
		"restore": {"secrets/restore/action"}, "purge": {"secrets/purge/action"}, "all": {"secrets/*"},
	},
	"certificates": {
		"get": {"certificates/read"}, "list": {"certificates/read"}, "delete": {"certificates/delete"},
		"create": {"certificates/create/action"}, "import": {"certificates/import/action"},
		"update":  {"certificates/update/action"},
		"recover": {"certificates/recover/action"}, "backup": {"certificates/backup/action"},
		"restore": {"certificates/restore/action"}, "purge": {"certificates/purge/action"},
		"managecontacts": {"certificatecontacts/write"}, "getissuers": {"certificatecas/read"},
		"listissuers": {"certificatecas/read"},
		"setissuers":  {"certificatecas/write"}, "deleteissuers": {"certificatecas/delete"},
		"manageissuers": {"certificatecas/read", "certificatecas/write", "certificatecas/delete"},
		"all":           {"certificates/*", "certificatecas/*", "certificatecontacts/write"},
	},
}

// AccessPolicy is an access policy of a key vault.
type AccessPolicy struct {
	Principal     string // object ID, a GUID
	PrincipalType string // what the directory knows it as; ServicePrincipal where empty
	Application   string // a compound identity, which no role can have

	Keys, Secrets, Certificates, Storage []string
}

func (p AccessPolicy) areas() map[string][]string {
	return map[string][]string{"keys": p.Keys, "secrets": p.Secrets, "certificates": p.Certificates}
}

func (p AccessPolicy) doc() object {
	list := func(words []string) []any {
		out := make([]any, len(words))
		for i, w := range words {
			out[i] = w
		}
		return out
	}
	doc := object{"tenantId": tenant, "objectId": p.Principal, "permissions": object{
		"keys": list(p.Keys), "secrets": list(p.Secrets), "certificates": list(p.Certificates),
		"storage": list(p.Storage),
	}}
	if p.Application != "" {
		doc["applicationId"] = p.Application
	}
	return doc
}

// needs are the data actions that the policy allows; what compound identities may
// has no role at all, which is what "impossible" says. Neither have the permissions on
// managed storage accounts: somebody must consent to their loss.
func (p AccessPolicy) needs() (actions []string, impossible string) {
	for area, words := range p.areas() {
		for _, w := range words {
			as, ok := dataActions[area][strings.ToLower(w)]
			if !ok {
				impossible = area + " " + w
			}
			actions = append(actions, as...)
		}
	}
	if p.Application != "" {
		impossible = "application " + p.Application
	}
	slices.Sort(actions)
	return slices.Compact(actions), impossible
}

// excess returns a data action that a role would give besides, in an area in
// which the policy allows nothing; reading names and properties is none.
func (p AccessPolicy) excess(r role) string {
	for area, words := range p.areas() {
		if len(words) > 0 {
			continue
		}
		for word, actions := range dataActions[area] {
			for _, action := range actions {
				harmless := strings.HasSuffix(action, "/read") || strings.HasSuffix(action, "/readMetadata/action")
				if word != "all" && !harmless && r.grants(action) {
					return action
				}
			}
		}
	}
	return ""
}
