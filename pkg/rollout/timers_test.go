package rollout

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimers compares the timers with a map that is searched every time:
// earliest first, then the smallest owner.
func TestTimers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		timers, naive := newTimers(), map[int]time.Time{}
		sorted := func() []int {
			return slices.SortedFunc(maps.Keys(naive), func(a, b int) int {
				return cmp.Or(naive[a].Compare(naive[b]), cmp.Compare(a, b))
			})
		}
		now := time.Unix(0, 0)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				owner, due := rapid.IntRange(0, 9).Draw(t, "owner"),
					now.Add(time.Duration(rapid.IntRange(-2, 20).Draw(t, "due"))*time.Second)
				timers.set(owner, due)
				naive[owner] = due
			},
			"remove": func(t *rapid.T) {
				owner := rapid.IntRange(0, 9).Draw(t, "owner")
				timers.set(owner, time.Time{})
				delete(naive, owner)
			},
			"expire": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "later")) * time.Second)
				for _, want := range sorted() {
					if naive[want].After(now) {
						break
					}
					if got, ok := timers.expired(now); !ok || got != want {
						t.Fatalf("expired gave %d, %t; want %d", got, ok, want)
					}
					delete(naive, want)
				}
				if got, ok := timers.expired(now); ok {
					t.Fatalf("expired gave %d, whose time has not come", got)
				}
			},
			"": func(t *rapid.T) {
				var want time.Time
				if s := sorted(); len(s) > 0 {
					want = naive[s[0]]
				}
				if got := timers.next(); !got.Equal(want) {
					t.Fatalf("next is %v, want %v", got, want)
				}
			},
		})
	})
}
