package control

import (
	"context"
	"net"
	"slices"
	"sync"
)

// room bounds how many connections are open at once. The one that has waited longest
// without a whole request makes place for a new one: whoever opens connections and
// says nothing keeps nobody from stopping a run. Where all are being answered, a new
// one is turned away at once: one that waited would keep an order waiting without a word.
type room struct {
	net.Listener
	most int

	mu      sync.Mutex
	waiting []*seat // those that have sent no whole request, the oldest first
	taken   int     // all, those that are being answered included
}

// seat is an accepted connection.
type seat struct {
	*net.UnixConn
	room *room
	peer Peer
	gone bool // guarded by room.mu
}

func (r *room) Accept() (net.Conn, error) {
	for {
		c, err := r.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s := &seat{UnixConn: c.(*net.UnixConn), room: r}
		oldest, ok := r.admit(s)
		if oldest != nil {
			_ = oldest.Close()
		}
		if ok {
			return s, nil
		}
		_ = c.Close()
	}
}

// admit gives a connection a place, at the cost of the one that it returns, if any.
func (r *room) admit(s *seat) (oldest *seat, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken >= r.most {
		if len(r.waiting) == 0 {
			return nil, false
		}
		oldest = r.waiting[0]
		r.leave(oldest)
	}
	r.taken++
	r.waiting = append(r.waiting, s)
	return oldest, true
}

// leave gives a place up, once. It needs the lock.
func (r *room) leave(s *seat) {
	if !s.gone {
		s.gone = true
		r.taken--
		r.without(s)
	}
}

func (r *room) without(s *seat) {
	r.waiting = slices.DeleteFunc(r.waiting, func(w *seat) bool { return w == s })
}

func (s *seat) Close() error {
	s.room.mu.Lock()
	s.room.leave(s)
	s.room.mu.Unlock()
	return s.UnixConn.Close()
}

// answered says that a request has come whole: its connection keeps its place until
// done is called, when it waits for the next one.
func (s *seat) answered() (done func()) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.without(s)
	return func() {
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		if !s.gone {
			s.room.waiting = append(s.room.waiting, s)
		}
	}
}

type seatKey struct{}

// withSeat keeps the connection of a request in its context, with who is at its other end.
func withSeat(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*seat); ok {
		s.peer = peerOf(s.UnixConn)
	}
	return context.WithValue(ctx, seatKey{}, c)
}

func peerIn(ctx context.Context) Peer {
	if s, ok := ctx.Value(seatKey{}).(*seat); ok {
		return s.peer
	}
	return unknownPeer
}

// keepsPlace is answered of the connection of a request.
func keepsPlace(ctx context.Context) (done func()) {
	if s, ok := ctx.Value(seatKey{}).(*seat); ok {
		return s.answered()
	}
	return func() {}
}
