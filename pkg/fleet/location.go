package fleet

import (
	"slices"
	"strings"
)

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
