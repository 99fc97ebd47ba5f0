package fleet

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckResourceGroupName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, wrong string }{
		{"rg-vaults", ""}, {"A.b_c-(d)", ""}, {"-rg", ""}, {"(rg)", ""}, {".rg", ""}, {"1", ""},
		{"FORMACIÓN", ""}, {"RÜckup-Größe", ""}, {"备份资源组", ""}, {"表ポ-1", ""}, {"مجموعة", ""}, {"рг", ""}, {"กลุ่ม", ""},
		{"समूह", ""}, {"𠮷", ""}, {"٣", ""},
		{strings.Repeat("a", 90), ""}, {strings.Repeat("é", 90), ""}, {strings.Repeat("资", 90), ""},
		{strings.Repeat("𠮷", 90), ""},
		{strings.Repeat("a", 91), "91 characters; 90"}, {strings.Repeat("é", 91), "91 characters; 90"},
		{"", "empty"}, {"ends.", "full stop"}, {"é.", "full stop"}, {"has space", "only"}, {"has/slash", "only"},
		{"line\n", "only"}, {"rg$", "only"}, {"rg#", "only"},
		{"rg①", "only"}, {"rg½", "only"}, {"rgⅣ", "only"}, {"rg🍦", "only"}, {"rg‿x", "only"}, {"rg·", "only"},
		{"a\u200bb", "only"}, {"a\u00a0b", "only"}, {"\xff", "UTF-8"},
		{"FORMACIO\u0301N", `holds an accent on its own (U+0301)`}, {"ホ\u309a", "U+309A"},
	} {
		err := CheckResourceGroupName(c.name)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%q: %v", c.name, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%q: got %v, want an error with %q", c.name, err, c.wrong)
		}
	}
}

func TestCheckVaultName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		t                         ResourceType
		name, impossible, unusual string
	}{
		{BackupVault, "TestVault", "", ""}, {BackupVault, "ab", "", ""}, {SiteRecoveryVault, "a-1-", "", ""},
		{RecoveryServicesVault, "A" + strings.Repeat("b", 49), "", ""},
		{BackupVault, "my vault", `holds ' '`, ""}, {RecoveryServicesVault, "a#b", `holds '#'`, ""},
		{RecoveryServicesVault, "a%20b", `holds '%'`, ""},
		{RecoveryServicesVault, "a\u00a0b", "holds", ""}, {RecoveryServicesVault, "a🍦", "holds", ""},
		{BackupVault, "a", "", "1 character"}, {BackupVault, strings.Repeat("a", 51), "", "51 characters"},
		{BackupVault, "1a", "", "begin with a letter"},
		{RecoveryServicesVault, "-ab", "", "begin with a letter"}, {SiteRecoveryVault, "a_b", "", "holds '_'"},
		{BackupVault, "Größe", "", "holds 'ö'"},
		{KeyVault, "abc", "", ""}, {KeyVault, "a" + strings.Repeat("b", 23), "", ""},
		{KeyVault, "ab", "", "2 characters"}, {KeyVault, strings.Repeat("a", 25), "", "25 characters"},
		{KeyVault, "a_bc", "", `holds '_'`}, {KeyVault, "schlüssel", "", `holds 'ü'`},
		{KeyVault, "a b", `holds ' '`, ""},
		{KeyVault, "1abc", "", "begin with a letter"}, {KeyVault, "abc-", "", "ends with a hyphen"},
		{KeyVault, "a--b", "", "two hyphens"},
	} {
		impossible, unusual := CheckVaultName(c.t, c.name)
		is := func(got, want string) bool { return (got == "") == (want == "") && strings.Contains(got, want) }
		if !is(impossible, c.impossible) || !is(unusual, c.unusual) {
			t.Errorf("%s %q: impossible %q, unusual %q", c.t, c.name, impossible, unusual)
		}
	}
}

// TestFoldName: case does not count, in any script; what only looks alike, or is
// alike in one language, does.
func TestFoldName(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{{"FORMACIÓN", "formación", "Formación"}, {"ΟΔΟΣ", "οδος", "οδοσ"}, {"РГ", "рг"},
		{"Ǆ", "ǅ", "ǆ"}, {"rg", "RG"}, {"备份", "备份"}} {
		for _, s := range same {
			if !SameName(s, same[0]) {
				t.Errorf("%q and %q are one name", s, same[0])
			}
		}
	}
	for _, other := range [][2]string{{"\u212a", "k"}, {"ı", "I"}, {"İ", "i"}, {"ſ", "s"}, {"\u212b", "å"}, {"é", "e"},
		{"e\u0301", "é"}, {"ß", "ss"}} {
		if SameName(other[0], other[1]) {
			t.Errorf("%q and %q are two names", other[0], other[1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if f := FoldName(s); FoldName(f) != f {
			t.Fatalf("%q becomes %q and then %q", s, f, FoldName(f))
		}
	})
}

// TestKeysOfGroups: a group's spelling does not count in a key, and keys from
// before other scripts were taken stay as they were.
func TestKeysOfGroups(t *testing.T) {
	t.Parallel()
	key := func(name string) Key { return KeyOf("k", guid, RecoveryServicesVault, "West Europe", name) }
	if key("ΟΔΟΣ/Vault") != key("οδος/vault") || key("İ/v") == key("i/v") || key("a/b") == key("a%2Fb") {
		t.Error("keys of groups")
	}
	if got, want := key("RG(x)/Größe"), Key("k/"+guid+
		"/microsoft.recoveryservices%2Fvaults/westeurope/rg%28x%29%2Fgr%C3%B6%C3%9Fe"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLocations(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"westeurope", "West Europe", "WESTEUROPE", "Australia East", "US Gov Virginia",
		"China North 3"} {
		if !KnownLocation(s) {
			t.Errorf("%q is not known", s)
		}
	}
	seen := map[string]bool{}
	for _, l := range Locations() {
		if l != NormalizeLocation(l) || seen[l] {
			t.Errorf("%q is there twice, or not normalised", l)
		}
		seen[l] = true
	}
	if KnownLocation("Westeuropa") || len(seen) < 70 {
		t.Error(len(seen))
	}
}
