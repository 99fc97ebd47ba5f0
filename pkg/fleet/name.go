package fleet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxGroupName is the most characters that a resource group's name may have.
const maxGroupName = 90

// CheckResourceGroupName says what makes a name impossible for a resource group,
// nil when nothing does. It may have 1 to 90 characters, letters and decimal
// digits of any script besides . _ - ( ), and must not end in a full stop: "Naming
// rules and restrictions for Azure resources", Microsoft.Resources, in the azure-docs
// repository, articles/azure-resource-manager/management/resource-name-rules.md. The
// published specification has the pattern ^[-\w\._\(\)]+$ besides, which takes marks
// that belong to letters as well, as Thai and Hindi write them; so they are taken.
//
// Accents on their own are not: what macOS takes apart in the names of files (NFD)
// looks like the name that was meant, and is another one to Azure.
func CheckResourceGroupName(s string) error {
	n := utf8.RuneCountInString(s)
	switch {
	case s == "":
		return fmt.Errorf("a resource group name must not be empty")
	case n > maxGroupName:
		return fmt.Errorf("resource group name %q has %d characters; %d are allowed", s, n, maxGroupName)
	case !utf8.ValidString(s):
		return fmt.Errorf("resource group name %q is not valid UTF-8", s)
	}
	if i := strings.IndexFunc(s, takenApart); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		return fmt.Errorf("resource group name %+q holds an accent on its own (U+%04X), as macOS writes them: type "+
			"the accented letter as one character", s, c)
	}
	if i := strings.IndexFunc(s, func(c rune) bool { return !inGroupName(c) }); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		return fmt.Errorf("resource group name %q may hold only letters, digits and . _ - ( ), not %q", s, c)
	}
	if strings.HasSuffix(s, ".") {
		return fmt.Errorf("resource group name %q must not end in a full stop", s)
	}
	return nil
}

func inGroupName(c rune) bool {
	return unicode.IsLetter(c) || unicode.Is(unicode.Nd, c) || unicode.IsMark(c) || strings.ContainsRune("._-()", c)
}

// takenApart reports marks that NFD leaves of a letter which has a character of
// its own: the accents of Latin, Greek and Cyrillic, and the sound marks of kana.
func takenApart(c rune) bool { return c >= 0x300 && c <= 0x36f || c == 0x3099 || c == 0x309a }

// FoldName is a name as Azure compares it: without regard to case, character by
// character and in no language's own way. "Resource and resource group names are
// case-insensitive" (resource-name-rules.md, as above). Characters that only look
// alike, as the Kelvin sign, or that a language has in one case, as the dotless i,
// stay what they are.
func FoldName(s string) string {
	if folded(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf {
			return unicode.ToLower(c)
		}
		upper := unicode.ToUpper(c)
		lower := unicode.ToLower(upper)
		if upper < utf8.RuneSelf || lower < utf8.RuneSelf || unicode.ToUpper(lower) != upper {
			return c
		}
		return lower
	}, s)
}

// folded reports whether a name is all lower case of ASCII, as most are or soon become.
func folded(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] >= 'A' && s[i] <= 'Z' {
			return false
		}
	}
	return true
}

// SameName reports whether Azure takes two names for one.
func SameName(a, b string) bool { return FoldName(a) == FoldName(b) }

// The lengths that vaults' names may have, from resource-name-rules.md as above:
// Microsoft.RecoveryServices/vaults 2-50, alphanumerics and hyphens, start with
// letter; Microsoft.KeyVault/vaults 3-24, alphanumerics and hyphens, start with
// letter, end with letter or digit, no consecutive hyphens. Classic vaults had the
// rule of those that they become.
const (
	leastVaultName, mostVaultName       = 2, 50
	leastKeyVaultName, mostKeyVaultName = 3, 24
)

// CheckVaultName says what is wrong with the name of a vault of a type. impossible
// is what no resource was ever called, such as a name with a space; unusual is what
// today's rules do not allow, and a vault from the time of older ones may be called. Both are empty where
// nothing is wrong; both are parts of a sentence that begins with the name.
func CheckVaultName(t ResourceType, name string) (impossible, unusual string) {
	letter := func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	plain := func(c rune) bool { return letter(c) || c >= '0' && c <= '9' || c == '-' }
	other := strings.IndexFunc(name, func(c rune) bool { return !plain(c) })
	first, n := firstRune(name), utf8.RuneCountInString(name)
	if i := strings.IndexFunc(name, func(c rune) bool { return !inGroupName(c) }); i >= 0 {
		return fmt.Sprintf("holds %q; a vault's name has letters, digits and hyphens", firstRune(name[i:])), ""
	}
	least, most := leastVaultName, mostVaultName
	if t == KeyVault {
		least, most = leastKeyVaultName, mostKeyVaultName
	}
	switch {
	case other >= 0:
		return "", fmt.Sprintf("holds %q, and not only letters from a to z, digits and hyphens",
			firstRune(name[other:]))
	case n < least || n > most:
		return "", fmt.Sprintf("has %s, and not %d to %d", characters(n), least, most)
	case !letter(first):
		return "", "does not begin with a letter"
	case t == KeyVault && strings.HasSuffix(name, "-"):
		return "", "ends with a hyphen"
	case t == KeyVault && strings.Contains(name, "--"):
		return "", "has two hyphens in a row"
	}
	return "", ""
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

func firstRune(s string) rune {
	c, _ := utf8.DecodeRuneInString(s)
	return c
}

// NormalizeLocation makes "Australia East" and "australiaeast" the same.
func NormalizeLocation(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), ""))
}

// locations are those that the clouds had in November 2026 for resources, and the
// older ones that classic vaults are in. Microsoft adds some every year: one that
// is missing here need not be wrong. Source: "List of Azure regions",
// learn.microsoft.com/azure/reliability/regions-list, and of the sovereign clouds
// the pages of their own.
var locations = strings.Fields(`
	asia asiapacific australia australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral
	brazilsouth brazilsoutheast canadacentral canadaeast centralindia centralus centraluseuap chilecentral denmarkeast eastasia eastus
	eastus2 eastus2euap europe francecentral francesouth germanynorth germanywestcentral global indonesiacentral israelcentral italynorth
	japaneast japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth northcentralus
	northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest southcentralus southeastasia southindia
	spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest uaecentral uaenorth uksouth ukwest westcentralus westeurope
	westindia westus westus2 westus3
	chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2 chinanorth3 usdodcentral usdodeast usgovarizona usgoviowa usgovtexas usgovvirginia
	germanycentral germanynortheast`)

// KnownLocation reports whether a location, in any spelling, is one that a cloud
// is known to have.
func KnownLocation(s string) bool { return slices.Contains(locations, NormalizeLocation(s)) }

// Locations lists the known locations, normalised.
func Locations() []string { return slices.Clone(locations) }
