package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Config says where a page is served, and to whom.
type Config struct {
	Address string // host and port; port 0 takes a free one
	Token   string // who knows it may look; needed off loopback

	// Adjust, where set, is shown the server before it serves: where broken
	// clients are to be logged is a matter of the program's edge.
	Adjust func(*http.Server)
}

// Errors of Listen that are mistakes of the configuration.
var (
	ErrAddress    = errors.New("this is not an address to listen on")
	ErrNeedsToken = errors.New("a page that other machines can reach needs a token")
	ErrWeakToken  = errors.New("the token is too short to keep anybody out")
)

// shortestToken is how long a token is at least.
const shortestToken = 16

// Server serves the page of a run, and of the next one in its place. A nil Server shows
// nothing to nobody: all its methods may be called, by one goroutine.
type Server struct {
	listener net.Listener
	http     *http.Server
	guard    *guard
	room     *room
	begun    chan struct{} // closed once there is a run to show
	stop     chan struct{}
	close    sync.Once
	work     sync.WaitGroup
	hub      atomic.Pointer[liveHub] // of the run that is shown, nil before the first
	endHub   chan struct{}           // closed when another run is shown
}

// Listen takes the address, so that a mistake is known before a run begins.
// Whoever asks before Begin waits.
func Listen(c Config) (*Server, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || port == "" {
		return nil, fmt.Errorf("%w: %q; expected host:port, such as 127.0.0.1:8080", ErrAddress, c.Address)
	}
	if c.Token == "" && !loopbackHost(host) {
		return nil, fmt.Errorf("%w: %s is not loopback", ErrNeedsToken, c.Address)
	}
	if c.Token != "" && len(c.Token) < shortestToken {
		return nil, fmt.Errorf("%w: it has %d characters and needs %d", ErrWeakToken, len(c.Token), shortestToken)
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("the page cannot be served at %s: %w", c.Address, err)
	}
	at, ok := l.Addr().(*net.TCPAddr)
	if c.Token == "" && (!ok || !at.IP.IsLoopback()) {
		_ = l.Close() // nothing was served
		return nil, fmt.Errorf("%w: %s is not loopback", ErrNeedsToken, c.Address)
	}
	s := &Server{listener: l, room: &room{Listener: l}, guard: newGuard(c.Token, at.Port), begun: make(chan struct{}),
		stop: make(chan struct{})}
	s.http = &http.Server{
		Handler:           s.guard.wrap(s.routes()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       withVisitor,
	}
	if c.Adjust != nil {
		c.Adjust(s.http)
	}
	s.work.Go(func() { _ = s.http.Serve(s.room) }) // it ends with the server
	return s, nil
}

// URL is where the page is.
func (s *Server) URL() string {
	if s == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String() + "/"
}

// Guarded reports whether the page asks for a token.
func (s *Server) Guarded() bool { return s != nil && s.guard.token != "" }

// Begin shows a run, in place of the one before it: who watches that is told how it
// stands, and whoever is signed in stays so.
func (s *Server) Begin(r Run) {
	if s == nil {
		return
	}
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	hub, end := newLiveHub(r, hex.EncodeToString(b), func() time.Time { return time.Now().UTC().Round(0) }),
		make(chan struct{})
	s.work.Go(func() { hub.serve(end) })
	s.work.Go(func() { hub.ends.Keep(hub.now, end) })
	if before := s.hub.Swap(hub); before == nil {
		close(s.begun)
	} else {
		close(s.endHub)
		_ = before.finish(theNext) // as in end
	}
	s.endHub = end
}

// Update takes in facts that the run has journalled. It copies them and comes
// back at once, whoever watches.
func (s *Server) Update(events []fleet.Event) {
	if s == nil || s.hub.Load() == nil {
		return
	}
	s.hub.Load().add(events)
}

// Carried says whether a process carries the run out, where that is another one than
// this: the page of a run that nobody does says so. Begin takes it for granted.
func (s *Server) Carried(out bool) {
	if s == nil || s.hub.Load() == nil {
		return
	}
	s.hub.Load().carried(out)
}

// patience is how long the end waits for those who are being told of it.
const patience = 2 * time.Second

// Close tells everybody how the run stands, and ends. Nothing is left running.
func (s *Server) Close() {
	if s != nil {
		s.close.Do(s.end)
	}
}

func (s *Server) end() {
	close(s.stop)
	if hub := s.hub.Load(); hub != nil {
		close(s.endHub)
		_ = hub.finish(theEnd) // the ledger has the truth; the page is a window
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // somebody does not read: cut off
	}
	s.work.Wait()
}
