package runner

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var ready = fleet.Validation{Verdict: fleet.VerdictReady}

// Every vault but the held ones is checked once, so many at a time, and handed
// over one at a time; each subscription is read once.
func TestValidateAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := planOf(50)
		p.Limits.Validations = 4
		p.Vaults[7].Hold = &fleet.Hold{Reason: "legal"}
		var now, most, in atomic.Int32
		f := &fake{validate: func(_ context.Context, v *fleet.Vault) fleet.Validation {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Duration(len(v.Name)) * time.Second) // not all alike
			return ready
		}}
		got := map[int]int{}
		err := ValidateAll(t.Context(), p, f, nil, nil, func(i int, v fleet.Validation) {
			if in.Add(1) > 1 || v.Verdict != fleet.VerdictReady {
				t.Errorf("vault %d: %+v, with another at the same time", i, v)
			}
			time.Sleep(time.Millisecond)
			in.Add(-1)
			got[i]++
		})
		if err != nil || len(got) != 49 || got[7] != 0 {
			t.Errorf("%d vaults were handed over, the held one %d times, %v", len(got), got[7], err)
		}
		for i, n := range got {
			if n != 1 {
				t.Errorf("vault %d was handed over %d times", i, n)
			}
		}
		if most.Load() != 4 {
			t.Errorf("%d checks at once, 4 allowed", most.Load())
		}
		if f.count() != 2*(1+int(49.0*3/4/p.Timings.Poll.Seconds())) && f.count() > 6 {
			t.Errorf("%d readings", f.count())
		}
	})
}

// A subscription that cannot be read, or asks to be left alone, troubles its
// own vaults alone; the second kind is waited for.
func TestValidateAllWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := planOf(4)
		l := NewLimiter(100)
		tries := map[fleet.Key]int{}
		var mu atomic.Int32
		f := &fake{}
		p.Limits.Validations = 1 // tries needs no lock
		f.validate = func(_ context.Context, v *fleet.Vault) fleet.Validation {
			if mu.Add(1) > 1 {
				t.Error("two at once")
			}
			defer mu.Add(-1)
			if tries[v.Key]++; v.SubscriptionID == subA && tries[v.Key] == 1 {
				return fleet.Validation{Verdict: fleet.VerdictThrottled, RetryAfter: 2 * time.Hour}
			}
			return ready
		}
		began := time.Now()
		n := 0
		err := ValidateAll(t.Context(), p, f, l, nil, func(_ int, v fleet.Validation) {
			if n++; v.Verdict != fleet.VerdictReady {
				t.Errorf("handed over: %+v", v)
			}
		})
		if err != nil || n != 4 || time.Since(began) < 2*time.Hour {
			t.Errorf("%d vaults, %v, after %v", n, err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fake{read: func(context.Context, int) error { return errRead }}
		verdicts := map[fleet.Verdict]int{}
		err := ValidateAll(t.Context(), planOf(6), f, nil, nil, func(_ int, v fleet.Validation) {
			if verdicts[v.Verdict]++; len(v.Findings) != 1 || v.Findings[0].Code != fleet.CodeUnreachable {
				t.Errorf("the findings say %+v", v.Findings)
			}
		})
		if err != nil || verdicts[fleet.VerdictBusy] != 6 {
			t.Errorf("%v, %v", verdicts, err)
		}
	})
}

// A cancelled validation ends with the context's error at once, hands nothing
// over any more and leaves no goroutine behind.
func TestValidateAllCancelled(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]fleet.Verdict{"checking": fleet.VerdictReady,
		"waiting": fleet.VerdictThrottled} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				f := &fake{validate: func(ctx context.Context, _ *fleet.Vault) fleet.Validation {
					select {
					case <-time.After(3 * time.Second):
					case <-ctx.Done():
					}
					return fleet.Validation{Verdict: pause, RetryAfter: time.Hour}
				}}
				began := time.Now()
				err := ValidateAll(ctx, planOf(200), f, nil, nil, func(int, fleet.Validation) {
					if time.Since(began) > 5*time.Second || ctx.Err() != nil {
						t.Error("handed over after the end")
					}
				})
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}
