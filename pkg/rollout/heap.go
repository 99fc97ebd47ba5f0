package rollout

// heapOf is a binary heap: it finds its first item by less in O(1), and takes any out in
// O(log n). moved, where set, is told where an item stands from now on, -1 where it has
// left. It is container/heap without the interfaces, each call of which costs more here
// than what it does: a forecast makes millions.
type heapOf[T any] struct {
	items []T
	less  func(a, b T) bool
	moved func(item T, at int)
}

// Len is how many items there are.
func (h *heapOf[T]) Len() int { return len(h.items) }

// append puts an item last, as it stood in a heap that is restored in its own order.
func (h *heapOf[T]) append(x T) {
	h.items = append(h.items, x)
	h.tell(len(h.items) - 1)
}

func (h *heapOf[T]) push(x T) {
	h.append(x)
	h.up(len(h.items) - 1)
}

func (h *heapOf[T]) pop() T { return h.remove(0) }

// remove takes out the item at a place.
func (h *heapOf[T]) remove(at int) T {
	last := len(h.items) - 1
	if at != last {
		h.swap(at, last)
		if !h.down(at, last) {
			h.up(at)
		}
	}
	x := h.items[last]
	clear(h.items[last:])
	h.items = h.items[:last]
	if h.moved != nil {
		h.moved(x, -1)
	}
	return x
}

// fix puts the item at a place where it belongs after it has changed.
func (h *heapOf[T]) fix(at int) {
	if !h.down(at, len(h.items)) {
		h.up(at)
	}
}

func (h *heapOf[T]) up(at int) {
	for at > 0 {
		parent := (at - 1) / 2
		if !h.less(h.items[at], h.items[parent]) {
			return
		}
		h.swap(parent, at)
		at = parent
	}
}

// down moves an item down among the first n, and reports whether it has moved.
func (h *heapOf[T]) down(from, n int) bool {
	at := from
	for {
		child := 2*at + 1
		if child >= n {
			break
		}
		if right := child + 1; right < n && h.less(h.items[right], h.items[child]) {
			child = right
		}
		if !h.less(h.items[child], h.items[at]) {
			break
		}
		h.swap(at, child)
		at = child
	}
	return at > from
}

func (h *heapOf[T]) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.tell(i)
	h.tell(j)
}

func (h *heapOf[T]) tell(at int) {
	if h.moved != nil {
		h.moved(h.items[at], at)
	}
}
