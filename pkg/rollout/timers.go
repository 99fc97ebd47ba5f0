package rollout

import (
	"container/heap"
	"time"
)

// timers holds at most one deadline per owner and finds the earliest in
// O(log n). Owners are small integers.
type timers struct {
	at   map[int]int // owner → position in heap
	heap []timer
}

type timer struct {
	due   time.Time
	owner int
}

func newTimers() *timers { return &timers{at: map[int]int{}} }

// set replaces the owner's deadline; the zero time removes it.
func (t *timers) set(owner int, due time.Time) {
	pos, have := t.at[owner]
	switch {
	case due.IsZero() && have:
		heap.Remove(t, pos)
	case due.IsZero():
	case have:
		if !t.heap[pos].due.Equal(due) {
			t.heap[pos].due = due
			heap.Fix(t, pos)
		}
	default:
		heap.Push(t, timer{due, owner})
	}
}

// next returns the earliest deadline, zero when there is none.
func (t *timers) next() time.Time {
	if len(t.heap) == 0 {
		return time.Time{}
	}
	return t.heap[0].due
}

// expired takes one owner whose deadline is not after now.
func (t *timers) expired(now time.Time) (owner int, ok bool) {
	if len(t.heap) == 0 || t.heap[0].due.After(now) {
		return 0, false
	}
	return heap.Pop(t).(timer).owner, true
}

func (t *timers) Len() int { return len(t.heap) }
func (t *timers) Less(i, j int) bool {
	if !t.heap[i].due.Equal(t.heap[j].due) {
		return t.heap[i].due.Before(t.heap[j].due)
	}
	return t.heap[i].owner < t.heap[j].owner
}
func (t *timers) Swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.at[t.heap[i].owner], t.at[t.heap[j].owner] = i, j
}
func (t *timers) Push(x any) {
	t.at[x.(timer).owner] = len(t.heap)
	t.heap = append(t.heap, x.(timer))
}
func (t *timers) Pop() any {
	n := len(t.heap) - 1
	x := t.heap[n]
	t.heap = t.heap[:n]
	delete(t.at, x.owner)
	return x
}
