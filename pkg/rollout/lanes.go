package rollout

import "container/heap"

// queue holds the vaults that may start and finds the best one whose
// subscription and location have a free slot, in O(log n).
//
// Vaults of one subscription and location share a lane. A lane is eligible, or
// parked at the subscription or the location that is full, or empty. Whenever
// a location has a free slot and lanes parked, at least one of its lanes is
// eligible: so freeing a slot moves one lane, not all of a large location's.
type queue struct {
	less     func(a, b int) bool // order of vaults
	subFree  func(sub int) bool
	locFree  func(loc int) bool
	lanes    map[[2]int]*lane
	eligible laneHeap
	atSub    map[int][]*lane
	atLoc    map[int]*laneHeap
	size     int
}

type lane struct {
	sub, loc int
	vaults   []int // a heap by less
	less     func(a, b int) bool
	home     *laneHeap // the heap it is in, nil when parked at a subscription or empty
	pos      int
}

func newQueue(less func(a, b int) bool, subFree, locFree func(int) bool) *queue {
	return &queue{less: less, subFree: subFree, locFree: locFree,
		lanes: map[[2]int]*lane{}, atSub: map[int][]*lane{}, atLoc: map[int]*laneHeap{}}
}

// push adds a vault.
func (q *queue) push(vault, sub, loc int) {
	q.size++
	id := [2]int{sub, loc}
	l := q.lanes[id]
	if l == nil {
		l = &lane{sub: sub, loc: loc, less: q.less}
		q.lanes[id] = l
	}
	fresh := len(l.vaults) == 0
	heap.Push(l, vault)
	switch {
	case fresh:
		q.eligible.add(l)
	case l.home != nil:
		heap.Fix(l.home, l.pos)
		if l.home != &q.eligible {
			q.locFreed(loc) // a better vault may have come while its location has a slot
		}
	}
}

// pop takes the best vault that has a free slot in its subscription and its
// location. The caller takes the slots before it pops again.
func (q *queue) pop() (vault int, ok bool) {
	for len(q.eligible.lanes) > 0 {
		l := q.eligible.lanes[0]
		switch {
		case !q.subFree(l.sub):
			q.eligible.remove(l)
			q.atSub[l.sub] = append(q.atSub[l.sub], l)
			q.locFreed(l.loc)
		case !q.locFree(l.loc):
			q.eligible.remove(l)
			h := q.atLoc[l.loc]
			if h == nil {
				h = &laneHeap{}
				q.atLoc[l.loc] = h
			}
			h.add(l)
		default:
			v := heap.Pop(l).(int)
			q.size--
			if len(l.vaults) > 0 {
				heap.Fix(&q.eligible, l.pos)
			} else {
				q.eligible.remove(l)
			}
			q.locFreed(l.loc) // the caller may leave the slot free, and pop again
			return v, true
		}
	}
	return 0, false
}

// subFreed says the subscription may have a free slot again.
func (q *queue) subFreed(sub int) {
	for _, l := range q.atSub[sub] {
		q.eligible.add(l)
	}
	delete(q.atSub, sub)
}

// locFreed says the location may have a free slot again: its best parked lane
// becomes eligible.
func (q *queue) locFreed(loc int) {
	if h := q.atLoc[loc]; h != nil && len(h.lanes) > 0 && q.locFree(loc) {
		l := h.lanes[0]
		h.remove(l)
		q.eligible.add(l)
	}
}

// Len, Less, Swap, Push and Pop make a lane a heap of vaults.
func (l *lane) Len() int           { return len(l.vaults) }
func (l *lane) Less(i, j int) bool { return l.less(l.vaults[i], l.vaults[j]) }
func (l *lane) Swap(i, j int)      { l.vaults[i], l.vaults[j] = l.vaults[j], l.vaults[i] }
func (l *lane) Push(x any)         { l.vaults = append(l.vaults, x.(int)) }
func (l *lane) Pop() any {
	n := len(l.vaults) - 1
	v := l.vaults[n]
	l.vaults = l.vaults[:n]
	return v
}

// laneHeap orders lanes by their best vault.
type laneHeap struct{ lanes []*lane }

func (h *laneHeap) add(l *lane) {
	l.home = h
	heap.Push(h, l)
}

func (h *laneHeap) remove(l *lane) {
	heap.Remove(h, l.pos)
	l.home = nil
}

func (h *laneHeap) Len() int { return len(h.lanes) }
func (h *laneHeap) Less(i, j int) bool {
	a, b := h.lanes[i], h.lanes[j]
	if len(a.vaults) == 0 || len(b.vaults) == 0 {
		return len(a.vaults) == 0 // only while an emptied lane is being removed
	}
	return a.less(a.vaults[0], b.vaults[0])
}
func (h *laneHeap) Swap(i, j int) {
	h.lanes[i], h.lanes[j] = h.lanes[j], h.lanes[i]
	h.lanes[i].pos, h.lanes[j].pos = i, j
}
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.pos = len(h.lanes)
	h.lanes = append(h.lanes, l)
}
func (h *laneHeap) Pop() any {
	n := len(h.lanes) - 1
	l := h.lanes[n]
	h.lanes[n] = nil
	h.lanes = h.lanes[:n]
	return l
}
