package plan

import "time"

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
