package plan

import (
	"slices"
	"time"
)

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
