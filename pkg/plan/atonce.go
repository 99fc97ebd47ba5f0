package plan

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// MostAtOnce is how many of some vaults limits let be under way together: all of them, or
// the limit of all, or what those of the subscriptions or of the locations come to, each
// with no more than the vaults it has; of these the lowest.
func (p *Plan) MostAtOnce(l WaveLimits, vaults func(yield func(int) bool)) int {
	all, bySub, byLoc := 0, filling{limit: l.PerSubscription}, filling{limit: l.PerLocation}
	most := func() int { return min(all, bySub.sum, byLoc.sum) }
	var place, name string // locations as they are written, mostly alike in a row
	for i := range vaults {
		v := &p.Vaults[i]
		if v.Location != place || name == "" {
			place, name = v.Location, fleet.NormalizeLocation(v.Location)
		}
		all++
		bySub.add(v.SubscriptionID)
		byLoc.add(name)
		if l.Upgrades > 0 && most() >= l.Upgrades { // however many come still
			return l.Upgrades
		}
	}
	return most()
}

// filling is what groups come to of which each counts up to a limit; 0 is none.
type filling struct {
	limit, sum int
	sizes      map[string]int
}

func (f *filling) add(group string) {
	if f.sizes == nil {
		f.sizes = map[string]int{}
	}
	if f.sizes[group]++; f.limit == 0 || f.sizes[group] <= f.limit {
		f.sum++
	}
}
