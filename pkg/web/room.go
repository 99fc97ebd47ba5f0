package web

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// How many connections are open at once. Those that have not shown that they may
// look have few places of their own: when one more comes the oldest goes, of the
// address that has most of them.
// So nobody without the token keeps anybody with it out, and none of them takes the
// file descriptors that the run itself needs.
const (
	maxStrangers = 32
	maxKnown     = 2 * maxRequests // browsers keep several open
)

// room is a listener with a bound on what it accepts.
type room struct {
	net.Listener
	mu        sync.Mutex
	strangers []*visitor // the oldest first
	known     int
}

// visitor is an accepted connection.
type visitor struct {
	net.Conn
	room  *room
	from  netip.Prefix
	known bool // guarded by room.mu
	gone  bool // guarded by room.mu
}

func (r *room) Accept() (net.Conn, error) {
	c, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{Conn: c, room: r, from: network(c.RemoteAddr().String())}
	r.mu.Lock()
	var oldest *visitor
	r.strangers = append(r.strangers, v)
	if len(r.strangers) > maxStrangers {
		oldest = r.crowd()
	}
	r.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return v, nil
}

// crowd is the oldest connection of the address that has most.
func (r *room) crowd() *visitor {
	n, first := map[netip.Prefix]int{}, map[netip.Prefix]*visitor{}
	var oldest *visitor
	for _, v := range r.strangers {
		if n[v.from]++; first[v.from] == nil {
			first[v.from] = v
		}
	}
	for _, v := range r.strangers { // in their order: of two crowds the older goes first
		if oldest == nil || n[v.from] > n[oldest.from] {
			oldest = first[v.from]
		}
	}
	return oldest
}

// Close gives the place up.
func (v *visitor) Close() error {
	v.room.mu.Lock()
	if !v.gone {
		v.gone = true
		if v.known {
			v.room.known--
		} else {
			v.room.strangers = slices.DeleteFunc(v.room.strangers, func(s *visitor) bool { return s == v })
		}
	}
	v.room.mu.Unlock()
	return v.Conn.Close()
}

// CloseWrite lets the server end an answer before it hangs up, so that it is read.
func (v *visitor) CloseWrite() error {
	if c, ok := v.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// welcome gives a connection that may look a place among the known, while there
// is one.
func (r *room) welcome(v *visitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.known || v.gone || r.known >= maxKnown {
		return
	}
	v.known = true
	r.known++
	r.strangers = slices.DeleteFunc(r.strangers, func(s *visitor) bool { return s == v })
}

type visitorKey struct{}

// withVisitor lets a request find its connection.
func withVisitor(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, visitorKey{}, c)
}

// mayLook says that the connection of a request has shown that it may look.
func mayLook(ctx context.Context) {
	if v, ok := ctx.Value(visitorKey{}).(*visitor); ok {
		v.room.welcome(v)
	}
}
