package plan

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The model behind Predict. Only the range is documented (classic-service.md#the-operation: 15–20
// minutes typically, under 20 for a few tens of protected items, up to 90 for
// a large vault); the straight line between is fleetup's own.
const (
	predictBase    = 17*time.Minute + 30*time.Second
	predictPerItem = 6 * time.Second
	predictMaxP50  = 72 * time.Minute
)

// Expect is the prediction of a kind whose durations nobody has published: what
// the inventory says, and twice as much in the bad case.
func Expect(d time.Duration) Prediction { return Prediction{P50: d, P90: 2 * d} }

// Predict estimates how long the upgrade of a vault takes, from the number of
// items it protects (0: not known). P50 grows by six seconds an item from 17½
// minutes up to 72; P90 is a quarter longer, so at most the 90 minutes that
// govern. The same number gives the same prediction.
func Predict(protectedItems int) Prediction {
	p50 := predictMaxP50
	// Compared before it is multiplied: a huge number must not overflow.
	if int64(protectedItems) < int64((predictMaxP50-predictBase)/predictPerItem) {
		p50 = predictBase + time.Duration(max(protectedItems, 0))*predictPerItem
	}
	return Prediction{P50: p50, P90: p50 + p50/4}
}

// Usual is what is predicted of a vault that the plan does not list, and of which so
// nothing is known but what its kind does.
func (p *Plan) Usual() Prediction {
	if p.Upgrade == nil {
		return Predict(0)
	}
	return Expect(p.Upgrade.Options.Duration(fleet.OptionExpected))
}

// Measured is how long an upgrade really took, and how long it was predicted
// to take.
type Measured struct{ Took, Predicted time.Duration }

// EnoughMeasured is how many finished upgrades a forecast wants before it
// believes them more than the model.
const EnoughMeasured = 20

// longestUpgrade is the most an upgrade takes (classic-service.md#the-operation).
const longestUpgrade = 90 * time.Minute

// longestPredicted is the most that a prediction may say, whatever was measured:
// the forecast's arithmetic must hold.
const longestPredicted = 30 * 24 * time.Hour

// Calibrated returns the plan with its predictions scaled by what was measured:
// the median by the median of took over predicted, the 90th percentile by its
// 90th percentile. With fewer than EnoughMeasured it returns the plan as it is.
// What is predicted is no more than 90 minutes, which govern, unless an upgrade
// was measured that took longer.
func (p *Plan) Calibrated(ms []Measured) *Plan {
	if len(ms) < EnoughMeasured {
		return p
	}
	ratios, most := make([]float64, 0, len(ms)), longestUpgrade
	for _, m := range ms {
		ratios = append(ratios, float64(m.Took)/float64(max(m.Predicted, time.Second)))
		most = max(most, min(m.Took, longestPredicted))
	}
	slices.Sort(ratios)
	at := func(q float64) float64 { return ratios[min(int(q*float64(len(ratios))), len(ratios)-1)] }
	scale := func(d time.Duration, by float64) time.Duration {
		return min(time.Duration(float64(d)*by).Round(time.Second), most)
	}
	q := *p
	q.Vaults = slices.Clone(p.Vaults)
	for i := range q.Vaults {
		pr := &q.Vaults[i].Predicted
		median := pr.P50
		pr.P50 = max(scale(median, at(0.5)), time.Second)
		pr.P90 = max(scale(median, at(0.9)), pr.P50)
	}
	q.Fingerprint = q.computeFingerprint()
	return &q
}
