package kvrbac

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
)

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
	managesUsual  = "reads the vault and who has roles on it, and keeps alert rules, deployments and support requests there"
	managesEvents = "keeps Event Grid subscriptions on the vault"
)

// roles are those of "Azure built-in roles for Security" that have data actions
// of key vaults. Their order decides where nothing else does; new ones go to the
// end.
var roles = granting([]role{
	{id: "4633458b-17de-408a-b874-0445c86b69e6", name: "Key Vault Secrets User",
		actions: []string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
	{id: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", name: "Key Vault Secrets Officer",
		actions: []string{"secrets/*"}, manages: managesUsual},
	{id: "e147488a-f6f5-4113-8e2d-b22465e65bf6", name: "Key Vault Crypto Service Encryption User",
		actions: []string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}, manages: managesEvents},
	{id: "08bbd89e-9f13-488c-ac41-acfcb10c90ab", name: "Key Vault Crypto Service Release User",
		actions: []string{"keys/release/action"}},
	{id: "12338af0-0e69-4776-bea7-57ae8d297424", name: "Key Vault Crypto User",
		actions: []string{"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
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
})

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
	for i := range roles {
		if strings.EqualFold(roles[i].id, id) {
			return &roles[i]
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
	sums := make([]set, 1<<len(roles)) // by each choice
	best, at := cost{does: len(permissions) + 1}, 0
	for choice := 1; choice < len(sums); choice++ {
		sums[choice] = sums[choice&(choice-1)] | roles[bits.TrailingZeros(uint(choice))].grants
		if want&^sums[choice] != 0 {
			continue
		}
		more := sums[choice] &^ want
		if c := (cost{(more &^ reading).size(), (more & reading).size(), bits.OnesCount(uint(choice))}); c.less(best) {
			best, at = c, choice
		}
	}
	for i := range roles {
		if at&(1<<i) != 0 {
			chosen = append(chosen, &roles[i])
		}
	}
	return chosen
}
