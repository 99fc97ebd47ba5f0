package kvrbac

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
)

// gives is the set of some words of areas: "keys get, list; secrets all".
func gives(t testing.TB, words string) (s set) {
	t.Helper()
	for part := range strings.SplitSeq(words, "; ") {
		area, list, _ := strings.Cut(part, " ")
		for w := range strings.SplitSeq(list, ", ") {
			p, known := allowed(area, w)
			if !known && words != "" {
				t.Fatalf("%s %s is no permission", area, w)
			}
			s |= p
		}
	}
	return s
}

func names(rs []*role) string {
	var out []string
	for _, r := range rs {
		out = append(out, strings.TrimPrefix(r.name, "Key Vault "))
	}
	return strings.Join(out, " + ")
}

func sumOf(rs []*role) (s set) {
	for _, r := range rs {
		s |= r.grants
	}
	return s
}

const everything = "keys all, purge; secrets all, purge; certificates all, purge"

// The roles of a policy, and what they allow besides.
func TestCover(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct{ policy, roles, more string }{
		"nothing": {"", "", ""},
		// The guide's templates ("Migrate from vault access policy…", Access policy
		// templates to Azure roles mapping).
		"key, secret and certificate management": {everything,
			"Secrets Officer + Crypto Officer + Certificates Officer", ""},
		"key and secret management": {"keys all, purge; secrets all, purge", "Secrets Officer + Crypto Officer",
			""},
		"secret and certificate management": {"secrets all, purge; certificates all, purge",
			"Secrets Officer + Certificates Officer", ""},
		"key management":         {"keys all, purge", "Crypto Officer", ""},
		"secret management":      {"secrets all, purge", "Secrets Officer", ""},
		"certificate management": {"certificates all, purge", "Certificates Officer", ""},
		"SQL Server connector":   {"keys get, list, wrapKey, unwrapKey", "Crypto Service Encryption User", ""},
		"data lake":              {"keys get, list, unwrapKey", "Crypto Service Encryption User", "keys wrapKey"},
		"Azure Backup": {"keys get, list, backup; secrets get, list, backup", "Secrets Officer + Crypto User",
			"keys update, decrypt, encrypt, unwrapKey, wrapKey, verify, sign; secrets set, delete, recover, restore, " +
				"purge"},

		"all leaves purge out": {"keys all", "Crypto Officer", "keys purge"},
		"an application":       {"secrets get, list", "Secrets User", ""},
		"get alone":            {"secrets get", "Secrets User", "secrets list"},
		"names alone": {"secrets list", "Reader",
			"keys get, list, getrotationpolicy; certificates get, list, getissuers, listissuers; " +
				"storage get, list, listsas, getsas"},
		"a disk's key": {"keys get, wrapKey, unwrapKey", "Crypto Service Encryption User", "keys list"},
		"a web certificate": {"secrets get; certificates get", "Certificate User",
			"keys get, list; secrets list; certificates list"},
		"crypto": {"keys get, list, encrypt, decrypt, sign, verify, wrapKey, unwrapKey", "Crypto User",
			"keys update, backup"},
		"release": {"keys release", "Crypto Service Release User", ""},
		"release and read": {"keys get, list, release", "Crypto Service Release User + Reader",
			"keys getrotationpolicy; secrets list; certificates get, list, getissuers, listissuers; storage get, " +
				"list, listsas, getsas"},
		"rotation": {"keys getrotationpolicy, setrotationpolicy", "Crypto Officer",
			"keys get, list, update, create, import, delete, recover, backup, restore, decrypt, encrypt, unwrapKey, " +
				"wrapKey, verify, sign, purge, release, rotate"},
		"issuers": {"certificates getissuers, listissuers", "Reader",
			"keys get, list, getrotationpolicy; secrets list; certificates get, list; storage get, list, listsas, " +
				"getsas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := gives(t, d.policy)
			got := cover(want)
			if names(got) != d.roles {
				t.Errorf("roles %s, want %s", names(got), d.roles)
			}
			if more := sumOf(got) &^ want; more.String() != d.more {
				t.Errorf("more: %s\nwant: %s", more, d.more)
			}
		})
	}
}

// Whatever a policy allows, its roles allow too; none of them could be spared, no
// other choice gives less, and nobody is made an administrator.
func TestCoverIsLeast(t *testing.T) {
	t.Parallel()
	usable := ^where(func(p permission) bool { return p.area == areaStorage }) & (1<<len(permissions) - 1)
	rapid.Check(t, func(t *rapid.T) {
		want := set(rapid.Uint64().Draw(t, "policy")) & usable
		if rapid.Bool().Draw(t, "few") {
			want &= set(rapid.Uint64().Draw(t, "mask"))
			want &= set(rapid.Uint64().Draw(t, "mask again"))
		}
		got := cover(want)
		if granted := sumOf(got); want&^granted != 0 {
			t.Fatalf("%s: %s do not allow %s", want, names(got), want&^granted)
		}
		if names(got) != names(cover(want)) {
			t.Fatalf("%s: another choice the second time", want)
		}
		does := func(rs []*role) int { return (sumOf(rs) &^ want &^ reading).size() }
		for i, r := range got {
			rest := append(append([]*role{}, got[:i]...), got[i+1:]...)
			if want&^sumOf(rest) == 0 {
				t.Fatalf("%s: %s could be spared of %s", want, r.name, names(got))
			}
			if r.name == "Key Vault Administrator" {
				t.Fatalf("%s: an administrator", want)
			}
		}
		other := make([]*role, 0, len(roles()))
		for i := range roles() {
			if rapid.Bool().Draw(t, roles()[i].name) {
				other = append(other, &roles()[i])
			}
		}
		if want&^sumOf(other) == 0 && does(other) < does(got) {
			t.Fatalf("%s: %s do less than %s", want, names(other), names(got))
		}
	})
}

// What roles allow together is what each allows: no permission needs one action
// of one role and another action of another.
func TestGrantsAdd(t *testing.T) {
	t.Parallel()
	for choice := range 1 << len(roles()) {
		both := role{}
		var sum set
		for i := range roles() {
			if choice&(1<<i) != 0 {
				both.actions = append(both.actions, roles()[i].actions...)
				sum |= roles()[i].grants
			}
		}
		if got := granting([]role{both})[0].grants; got != sum {
			t.Fatalf("choice %b: %s, added %s", choice, got, sum)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for i := range roles() {
		if ids[roles()[i].id] || roles()[i].grants == 0 {
			t.Errorf("%s: its ID is there twice, or it grants nothing", roles()[i].name)
		}
		ids[roles()[i].id] = true
	}
	if len(permissions) > 64 {
		t.Fatalf("%d permissions do not fit into a set", len(permissions))
	}
	if admin :=
		roleOf(
			"/providers/Microsoft.Authorization/roleDefinitions/00482A5A-887F-4FB3-B363-3B7FE8E74483"); admin == nil ||
		admin.grants.size() != len(permissions) {
		t.Errorf("an administrator has not everything: %+v", admin)
	}
	if r :=
		roleOf(
			"/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"); r != nil {
		t.Errorf("an owner of resources is %s", r.name)
	}
	if _, known := allowed(areaKeys, "teleport"); known {
		t.Error("an unknown word is known")
	}
	if s, _ := allowed(areaSecrets, "GET"); s.String() != "secrets get" {
		t.Errorf("case matters: %s", s)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "a/b", true}, {"a/b", "a/b", true}, {"a/b", "a/bc", false}, {"a/b", "x/a/b", false}, {"", "a", false},
		{"a/*", "a/b/c", true}, {"a/*", "b/a/c", false}, {"*/read", "a/b/read", true}, {"*/read", "a/reading", false},
		{"a/*/read", "a/b/c/read", true}, {"a/*/read", "a/read", false}, {"a/*/b/*", "a/x/b/y", true},
		{"a/*/b/*", "a/x/y", false},
		{"a*a", "a", false}, {"a**b", "ab", true},
	} {
		if got := arm.Matches(d.pattern, d.action); got != d.want {
			t.Errorf("%s matches %s: %v", d.pattern, d.action, got)
		}
	}
}
