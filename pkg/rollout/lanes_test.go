package rollout

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naiveQueue is what queue promises, by looking at every vault every time.
type naiveQueue struct {
	vaults                     []int
	sub, loc, cell             []int
	subUsed, locUsed, cellUsed []int
	subMax, locMax, cellMax    int
	weight                     []int
}

func (q *naiveQueue) less(a, b int) bool {
	return cmp.Or(cmp.Compare(q.weight[b], q.weight[a]), cmp.Compare(a, b)) < 0
}
func (q *naiveQueue) subFree(s int) bool { return q.subUsed[s] < q.subMax }
func (q *naiveQueue) locFree(l int) bool { return q.locUsed[l] < q.locMax }
func (q *naiveQueue) roomIn(c int) bool  { return q.cellUsed[c] < q.cellMax }

func (q *naiveQueue) pop() (int, bool) {
	best := -1
	for n, v := range q.vaults {
		if q.subFree(q.sub[v]) && q.locFree(q.loc[v]) && q.roomIn(q.cell[v]) &&
			(best < 0 || q.less(v, q.vaults[best])) {
			best = n
		}
	}
	if best < 0 {
		return 0, false
	}
	v := q.vaults[best]
	q.vaults = slices.Delete(q.vaults, best, best+1)
	return v, true
}

// TestQueue compares the queue of starts with the naive one under random
// pushes, pops, and slots taken and given back.
func TestQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subs, locs := rapid.IntRange(1, 4).Draw(t, "subs"), rapid.IntRange(1, 3).Draw(t, "locs")
		cells := rapid.IntRange(1, 3).Draw(t, "cells")
		naive := &naiveQueue{subUsed: make([]int, subs), locUsed: make([]int, locs), cellUsed: make([]int, cells),
			subMax:  rapid.IntRange(1, 3).Draw(t, "per subscription"),
			locMax:  rapid.IntRange(1, 4).Draw(t, "per location"),
			cellMax: rapid.IntRange(1, 5).Draw(t, "per cell")}
		q := newQueue(naive.less, naive.subFree, naive.locFree, naive.roomIn)
		var running []int
		push := func(v int) {
			naive.vaults = append(naive.vaults, v)
			q.push(v, naive.sub[v], naive.loc[v], naive.cell[v])
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				naive.sub = append(naive.sub, rapid.IntRange(0, subs-1).Draw(t, "sub"))
				naive.loc = append(naive.loc, rapid.IntRange(0, locs-1).Draw(t, "loc"))
				naive.cell = append(naive.cell, rapid.IntRange(0, cells-1).Draw(t, "cell"))
				naive.weight = append(naive.weight, rapid.IntRange(0, 9).Draw(t, "weight"))
				push(len(naive.sub) - 1)
			},
			"pop": func(t *rapid.T) {
				want, wantOK := naive.pop()
				got, ok := q.pop()
				if ok != wantOK || got != want {
					t.Fatalf("pop gave %d, %t; want %d, %t", got, ok, want, wantOK)
				}
				if !ok {
					return
				}
				if rapid.IntRange(0, 4).Draw(t, "not started after all") == 0 {
					return
				}
				naive.subUsed[naive.sub[got]]++
				naive.locUsed[naive.loc[got]]++
				naive.cellUsed[naive.cell[got]]++
				running = append(running, got)
			},
			"finish": func(t *rapid.T) {
				if len(running) == 0 {
					return
				}
				n := rapid.IntRange(0, len(running)-1).Draw(t, "which")
				v := running[n]
				running = slices.Delete(running, n, n+1)
				naive.subUsed[naive.sub[v]]--
				naive.locUsed[naive.loc[v]]--
				naive.cellUsed[naive.cell[v]]--
				for s := range subs { // a cell may be of many
					q.subFreed(s)
				}
				q.locFreed(naive.loc[v])
				if rapid.Bool().Draw(t, "again") {
					push(v)
				}
			},
			"": func(t *rapid.T) {
				if q.size != len(naive.vaults) {
					t.Fatalf("size %d, want %d", q.size, len(naive.vaults))
				}
			},
		})
		for want, ok := naive.pop(); ok; want, ok = naive.pop() {
			if got, _ := q.pop(); got != want {
				t.Fatalf("in the end pop gave %d, want %d", got, want)
			}
		}
	})
}
