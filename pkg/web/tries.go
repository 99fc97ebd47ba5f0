package web

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// How often one address may show a token that is none: so often at once, and then
// again after a while. More are looked at one after the other, as time allows, not
// refused: who has the right token waits for a moment at worst, and not at all from
// an address from which nobody guesses.
const (
	wrongAtOnce  = 20
	wrongAgain   = 200 * time.Millisecond
	maxAddresses = 1024
)

// tries bounds how fast tokens can be guessed.
type tries struct {
	every time.Duration
	mu    sync.Mutex
	of    map[netip.Prefix]*guesser
}

// guesser is an address that has shown a token.
type guesser struct {
	turn  chan struct{} // held by the one that is looked at
	spent time.Time     // by when its wrong tokens are forgotten
}

func newTries() *tries {
	return &tries{every: wrongAgain, of: map[netip.Prefix]*guesser{}}
}

// look has a token looked at when the address's turn comes. It reports whether it
// is right; not, where ctx ends before.
func (t *tries) look(ctx context.Context, remote string, right func() bool) bool {
	g := t.guesser(remote)
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-g.turn }()
	t.mu.Lock()
	wait := time.Until(g.spent.Add(-(wrongAtOnce - 1) * t.every))
	t.mu.Unlock()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if right() {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); g.spent.Before(now) {
		g.spent = now
	}
	g.spent = g.spent.Add(t.every)
	return false
}

// guesser returns an address's. Where there are too many, those that are forgotten
// make place, and then those that will be first.
func (t *tries) guesser(remote string) *guesser {
	at := network(remote)
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.of[at]; g != nil {
		return g
	}
	if len(t.of) >= maxAddresses {
		now, first := time.Now(), at
		for a, g := range t.of {
			if g.spent.Before(now) {
				delete(t.of, a)
			} else if f := t.of[first]; f == nil || g.spent.Before(f.spent) {
				first = a
			}
		}
		if len(t.of) >= maxAddresses {
			delete(t.of, first)
		}
	}
	g := &guesser{turn: make(chan struct{}, 1)}
	t.of[at] = g
	return g
}

// network is whose an address is: one of IPv4, or the /64 that one customer has.
func network(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the bits are the address's own
	return p
}
