package notify

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"

	"github.com/fleetup-dev/fleetup/internal/proxy"
)

// Options is what a dispatcher needs.
type Options struct {
	Targets   []Target
	Secret    []byte // signs each notification; none: they are not signed
	UserAgent string
	// Lost, where set, is called when a notification is given up, from a
	// goroutine of the dispatcher's. It must be quick.
	Lost func(Loss)
	// Transport carries the requests; nil for one of the dispatcher's own.
	Transport http.RoundTripper
	// Roots are the authorities that servers of e-mail are trusted by; nil for the machine's.
	Roots *x509.CertPool
}

// Loss is a notification that was not delivered.
type Loss struct {
	Target Target
	Event  Event
	Why    string
}

func (l Loss) String() string {
	return fmt.Sprintf("%s was not told %q: %s", l.Target, l.Event.Data.Title, l.Why)
}

// Dispatcher delivers notifications. Each target has a queue and a goroutine of
// its own: one that is dead holds up no other.
type Dispatcher struct {
	client  *http.Client
	workers []*targetWorker
	own     *http.Transport // nil: it was given
}

// NewDispatcher begins to deliver.
func NewDispatcher(o Options) *Dispatcher {
	c := &Dispatcher{}
	c.client, c.own = clientOf(o.Transport)
	for _, t := range o.Targets {
		l := &targetWorker{target: t, client: c.client, o: o, mail: make(chan struct{}, 1),
			closing: make(chan struct{}), over: make(chan struct{})}
		l.ctx, l.cancel = context.WithCancel(context.Background())
		c.workers = append(c.workers, l)
		go l.run()
	}
	return c
}

// clientOf sends by a transport, or by one of its own where none is given.
func clientOf(given http.RoundTripper) (client *http.Client, own *http.Transport) {
	if given == nil {
		own = http.DefaultTransport.(*http.Transport).Clone()
		own.MaxResponseHeaderBytes = 16 << 10
		own.Proxy = proxy.FromEnvironment
		given = own
	}
	return &http.Client{Transport: given,
		// A redirect would carry the notification to a host that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, own
}

// Tell hands a notification over. It never blocks.
func (c *Dispatcher) Tell(e Event) {
	for _, l := range c.workers {
		l.put(e)
	}
}

// Close delivers what is waiting, each with one more attempt, until ctx is done,
// and returns what was not delivered, the newest losses of each target; more
// counts those before them. Nothing may be told any more.
func (c *Dispatcher) Close(ctx context.Context) (losses []Loss, more int) {
	for _, l := range c.workers {
		close(l.closing)
	}
	var wait sync.WaitGroup
	for _, l := range c.workers {
		wait.Go(func() {
			select {
			case <-l.over:
			case <-ctx.Done():
				l.cancel()
				<-l.over
			}
			l.cancel()
		})
	}
	wait.Wait()
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	for _, l := range c.workers {
		losses, more = append(losses, l.losses...), more+l.more
	}
	return losses, more
}
