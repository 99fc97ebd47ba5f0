package rollout

// queue holds the vaults that may start and finds the best one whose
// subscription and location have a free slot, in O(log n).
//
// Vaults of one subscription and location share a lane, where budgets are also of other
// parts of a run those that are in the same parts. A lane is eligible, or parked at the
// subscription or the location that is full, or empty; where a budget has no room, at
// the subscription. Whenever
// a location has a free slot and lanes parked, at least one of its lanes is
// eligible: so freeing a slot moves one lane, not all of a large location's.
type queue struct {
	less     func(a, b int) bool // order of vaults
	subFree  func(sub int) bool
	locFree  func(loc int) bool
	roomIn   func(cell int) bool // of the budgets of the parts that a cell's vaults are in
	lanes    map[[3]int]*lane
	eligible *laneHeap
	atSub    map[int][]*lane
	atLoc    map[int]*laneHeap
	size     int
}

type lane struct {
	sub, loc, cell int
	vaults         heapOf[int]
	home           *laneHeap // the heap it is in, nil when parked at a subscription or empty
	pos            int
}

func newQueue(less func(a, b int) bool, subFree, locFree, roomIn func(int) bool) *queue {
	return &queue{less: less, subFree: subFree, locFree: locFree, roomIn: roomIn,
		lanes: map[[3]int]*lane{}, eligible: newLaneHeap(), atSub: map[int][]*lane{}, atLoc: map[int]*laneHeap{}}
}

// push adds a vault.
func (q *queue) push(vault, sub, loc, cell int) {
	q.size++
	id := [3]int{sub, loc, cell}
	l := q.lanes[id]
	if l == nil {
		l = &lane{sub: sub, loc: loc, cell: cell, vaults: heapOf[int]{less: q.less}}
		q.lanes[id] = l
	}
	fresh := l.vaults.Len() == 0
	l.vaults.push(vault)
	switch {
	case fresh:
		q.eligible.add(l)
	case l.home != nil:
		l.home.fix(l.pos)
		if l.home != q.eligible {
			q.locFreed(loc) // a better vault may have come while its location has a slot
		}
	}
}

// pop takes the best vault that has a free slot in its subscription and its
// location. The caller takes the slots before it pops again.
func (q *queue) pop() (vault int, ok bool) {
	for q.eligible.Len() > 0 {
		l := q.eligible.items[0]
		switch {
		case !q.subFree(l.sub), !q.roomIn(l.cell):
			q.eligible.take(l)
			q.atSub[l.sub] = append(q.atSub[l.sub], l)
			q.locFreed(l.loc)
		case !q.locFree(l.loc):
			q.eligible.take(l)
			h := q.atLoc[l.loc]
			if h == nil {
				h = newLaneHeap()
				q.atLoc[l.loc] = h
			}
			h.add(l)
		default:
			v := l.vaults.pop()
			q.size--
			if l.vaults.Len() > 0 {
				q.eligible.fix(l.pos)
			} else {
				q.eligible.take(l)
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
	if h := q.atLoc[loc]; h != nil && h.Len() > 0 && q.locFree(loc) {
		l := h.items[0]
		h.take(l)
		q.eligible.add(l)
	}
}

// laneHeap orders lanes by their best vault.
type laneHeap struct{ heapOf[*lane] }

func newLaneHeap() *laneHeap {
	return &laneHeap{heapOf[*lane]{less: (*lane).before, moved: func(l *lane, at int) { l.pos = at }}}
}

func (l *lane) before(o *lane) bool {
	if len(l.vaults.items) == 0 || len(o.vaults.items) == 0 {
		return len(l.vaults.items) == 0 // only while an emptied lane is being removed
	}
	return l.vaults.less(l.vaults.items[0], o.vaults.items[0])
}

func (h *laneHeap) add(l *lane) {
	l.home = h
	h.push(l)
}

func (h *laneHeap) take(l *lane) {
	h.remove(l.pos)
	l.home = nil
}
