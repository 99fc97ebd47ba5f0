package rollout

import "time"

// timers holds at most one deadline per owner and finds the earliest in
// O(log n). Owners are small integers.
type timers struct {
	at   map[int]int // owner → position in heap
	heap heapOf[timer]
}

type timer struct {
	due   time.Time
	owner int
}

func newTimers() *timers {
	t := &timers{at: map[int]int{}}
	t.heap.less = timer.before
	t.heap.moved = func(x timer, at int) {
		if t.at[x.owner] = at; at < 0 {
			delete(t.at, x.owner)
		}
	}
	return t
}

func (t timer) before(u timer) bool {
	if !t.due.Equal(u.due) {
		return t.due.Before(u.due)
	}
	return t.owner < u.owner
}

// set replaces the owner's deadline; the zero time removes it.
func (t *timers) set(owner int, due time.Time) {
	pos, have := t.at[owner]
	switch {
	case due.IsZero() && have:
		t.heap.remove(pos)
	case due.IsZero():
	case have:
		if !t.heap.items[pos].due.Equal(due) {
			t.heap.items[pos].due = due
			t.heap.fix(pos)
		}
	default:
		t.heap.push(timer{due, owner})
	}
}

// next returns the earliest deadline, zero when there is none.
func (t *timers) next() time.Time {
	if t.heap.Len() == 0 {
		return time.Time{}
	}
	return t.heap.items[0].due
}

// expired takes one owner whose deadline is not after now.
func (t *timers) expired(now time.Time) (owner int, ok bool) {
	if t.heap.Len() == 0 || t.heap.items[0].due.After(now) {
		return 0, false
	}
	return t.heap.pop().owner, true
}
