package plan

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// MostAtOnce is how many of some vaults limits let be under way together: all of them, or
// the limit of all, or what those of the subscriptions or of the locations come to, each
// with no more than the vaults it has; of these the lowest.
func (p *Plan) MostAtOnce(l WaveLimits, vaults func(yield func(int) bool)) int {
	all, subs, locs := 0, map[string]int{}, map[string]int{}
	for i := range vaults {
		v := &p.Vaults[i]
		all++
		subs[v.SubscriptionID]++
		locs[fleet.NormalizeLocation(v.Location)]++
	}
	most := all
	if l.Upgrades > 0 {
		most = min(most, l.Upgrades)
	}
	return min(most, sumOf(subs, l.PerSubscription), sumOf(locs, l.PerLocation))
}

// sumOf is what groups of these sizes come to under a limit each; 0 is none.
func sumOf(groups map[string]int, limit int) (sum int) {
	for _, size := range groups {
		if limit > 0 {
			size = min(size, limit)
		}
		sum += size
	}
	return sum
}
