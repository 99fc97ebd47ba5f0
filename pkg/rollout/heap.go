package rollout

import "container/heap"

// heapOf finds its first item by less in O(1), and takes any out in O(log n).
// moved, where set, is told where an item stands from now on, -1 where it has left.
type heapOf[T any] struct {
	items []T
	less  func(a, b T) bool
	moved func(item T, at int)
}

func (h *heapOf[T]) push(x T)      { heap.Push(h, x) }
func (h *heapOf[T]) pop() T        { return heap.Pop(h).(T) }
func (h *heapOf[T]) remove(at int) { heap.Remove(h, at) }
func (h *heapOf[T]) fix(at int)    { heap.Fix(h, at) }

// append puts an item last, as it stood in a heap that is restored in its own order.
func (h *heapOf[T]) append(x T) { h.Push(x) }

// Len, Less, Swap, Push and Pop are what container/heap asks for.
func (h *heapOf[T]) Len() int           { return len(h.items) }
func (h *heapOf[T]) Less(i, j int) bool { return h.less(h.items[i], h.items[j]) }
func (h *heapOf[T]) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.tell(i)
	h.tell(j)
}
func (h *heapOf[T]) Push(x any) {
	h.items = append(h.items, x.(T))
	h.tell(len(h.items) - 1)
}
func (h *heapOf[T]) Pop() any {
	n := len(h.items) - 1
	x := h.items[n]
	clear(h.items[n:])
	h.items = h.items[:n]
	if h.moved != nil {
		h.moved(x, -1)
	}
	return x
}

func (h *heapOf[T]) tell(at int) {
	if h.moved != nil {
		h.moved(h.items[at], at)
	}
}
