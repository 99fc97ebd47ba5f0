package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/internal/proxy"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// How hard a dispatcher tries.
const (
	firstWait    = time.Second      // before the second attempt; it doubles with each
	longestWait  = time.Minute      // between two attempts
	longestAfter = 5 * time.Minute  // of a Retry-After that is obeyed
	giveUp       = 15 * time.Minute // after which a notification is old news
	attemptTime  = 10 * time.Second // for one attempt
	mailTime     = 30 * time.Second // for one of an e-mail, with a report
	queueLength  = 64               // notifications that wait for one target
	keptLosses   = 5                // that are named at the end; the others are counted
)

// targetWorker is the way to one target.
type targetWorker struct {
	target  Target
	client  *http.Client
	o       Options
	mail    chan struct{} // capacity 1: there is something in queue
	closing chan struct{} // closed: no more retries
	over    chan struct{} // closed when run has returned
	ctx     context.Context
	cancel  context.CancelFunc

	mu    sync.Mutex
	queue []queuedEvent

	losses []Loss // run's own until it is over
	more   int
}

type queuedEvent struct {
	event Event
	since time.Time
}

// put adds a notification. Where the queue is full the oldest goes that is not
// vital; of vital ones alone, the oldest.
func (l *targetWorker) put(e Event) {
	l.mu.Lock()
	l.queue = append(l.queue, queuedEvent{e, time.Now()})
	var dropped []queuedEvent
	if len(l.queue) > queueLength {
		goes := 0
		for i := range l.queue[:len(l.queue)-1] {
			if !l.queue[i].event.Kind.vital() {
				goes = i
				break
			}
		}
		dropped = append(dropped, l.queue[goes])
		l.queue = append(l.queue[:goes], l.queue[goes+1:]...)
	}
	l.mu.Unlock()
	for _, d := range dropped {
		l.lose(d, fmt.Sprintf("%d newer ones waited", queueLength))
	}
	select {
	case l.mail <- struct{}{}:
	default:
	}
}

// take removes the oldest notification; ok is false when there is none.
func (l *targetWorker) take() (first queuedEvent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return first, false
	}
	first, l.queue = l.queue[0], l.queue[1:]
	return first, true
}

// run delivers one after the other, in their order.
func (l *targetWorker) run() {
	defer close(l.over)
	for {
		for x, ok := l.take(); ok; x, ok = l.take() {
			l.deliver(x)
		}
		select {
		case <-l.mail:
		case <-l.closing:
			for x, ok := l.take(); ok; x, ok = l.take() {
				l.deliver(x)
			}
			return
		}
	}
}

// deliver tries until it is done, refused for good, or too late.
func (l *targetWorker) deliver(x queuedEvent) {
	send, err := l.prepared(x.event.WithExpectedEnd())
	if err != nil {
		l.lose(x, err.Error())
		return
	}
	last := l.isClosing()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		a := send()
		if a.ok {
			return
		}
		pause := time.Duration((0.5 + rand.Float64()/2) * float64(wait)) // so that many do not come at once
		pause = max(pause, min(a.after, longestAfter))
		switch {
		case a.final, last:
			l.lose(x, a.why)
			return
		case time.Since(x.since)+pause > giveUp:
			l.lose(x, a.why+", for "+giveUp.String())
			return
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-l.closing:
			t.Stop()
			last = true // once more, at once
		}
	}
}

// prepared makes a notification ready for its target: each call of send is an attempt.
func (l *targetWorker) prepared(e Event) (send func() answer, err error) {
	if m := l.target.mail; m != nil {
		msg, err := mailOf(m, e)
		return func() answer { return l.attemptMail(msg) }, err
	}
	body, contentType, err := Body(l.target.Format, e)
	return func() answer { return l.attempt(e, body, contentType) }, err
}

func (l *targetWorker) isClosing() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// answer is how an attempt ended.
type answer struct {
	ok    bool
	final bool          // another attempt would end the same
	after time.Duration // the target asks for so much peace
	why   string
}

// attempt makes one request. What the target answers beside its status is not
// read.
func (l *targetWorker) attempt(e Event, body []byte, contentType string) answer {
	ctx, cancel := context.WithTimeout(l.ctx, attemptTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.target.url.String(), bytes.NewReader(body))
	if err != nil {
		return answer{final: true, why: "its URL makes no request"}
	}
	r.GetBody = nil // one attempt is one request
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", l.o.UserAgent)
	r.Header.Set(HeaderID, e.ID)
	sign(r.Header, l.o.Secret, time.Now(), body)
	resp, err := l.client.Do(r)
	if err != nil {
		return answer{why: l.blame(err)}
	}
	_ = resp.Body.Close() // a slow one is not waited for
	status := "HTTP " + strconv.Itoa(resp.StatusCode)
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return answer{ok: true}
	case s >= 300 && s < 400:
		return answer{final: true, why: status + ": it redirects, and redirects are not followed"}
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests, s >= 500:
		return answer{after: retryAfter(resp.Header.Get("Retry-After"), time.Now()), why: status}
	}
	return answer{final: true, why: status}
}

// blame says what kept a request from being answered. It quotes neither the
// URL, as errors of HTTP do, nor anything that the target sent, which may.
func (l *targetWorker) blame(err error) string {
	if l.ctx.Err() != nil {
		return "it had not answered when the process ended"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it did not answer within " + attemptTime.String()
	}
	if errors.Is(err, proxy.ErrUnusable) {
		return proxy.ErrUnusable.Error()
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return lexicon.Clean(neterr.Worded(e).Error())
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not trusted: " + lexicon.Clean(e.Err.Error())
	}
	return "it broke off, or answered with something that is not HTTP"
}

// attemptMail hands a message to its server, once.
func (l *targetWorker) attemptMail(msg *mail.Msg) answer {
	m := l.target.mail
	ctx, cancel := context.WithTimeout(l.ctx, mailTime)
	defer cancel()
	options := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(mailTime), mail.WithoutNoop(),
		mail.WithTLSConfig(&tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12, RootCAs: l.o.Roots})}
	if m.implicit {
		options = append(options, mail.WithSSL())
	} else {
		// The library leaves a connection open on which it was refused.
		var conn net.Conn
		defer func() {
			if conn != nil {
				_ = conn.Close()
			}
		}()
		policy := mail.TLSMandatory
		if m.plain {
			policy = mail.NoTLS
		}
		options = append(options, mail.WithTLSPolicy(policy), mail.WithDialContextFunc(
			func(ctx context.Context, network, address string) (_ net.Conn, err error) {
				conn, err = new(net.Dialer).DialContext(ctx, network, address)
				return conn, err
			}))
	}
	if m.user != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.user),
			mail.WithPassword(m.password))
	}
	client, err := mail.NewClient(m.host, options...)
	if err != nil {
		return answer{final: true, why: "it cannot be reached by what its URL says"}
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return l.blameMail(err)
	}
	return answer{ok: true}
}

// blameMail says why a server did not take a message. Like blame it quotes nothing that came
// from there.
func (l *targetWorker) blameMail(err error) answer {
	code := 0
	if e, ok := errors.AsType[*mail.SendError](err); ok {
		code = e.ErrorCode()
	}
	if e, ok := errors.AsType[*textproto.Error](err); ok && code == 0 {
		code = e.Code
	}
	switch {
	case code == 530 || code == 534 || code == 535 || code == 538:
		return answer{final: true, why: fmt.Sprintf("SMTP %d: it refused the sign-in", code)}
	case code >= 500:
		return answer{final: true, why: fmt.Sprintf("SMTP %d: it refused the message", code)}
	case code >= 400:
		return answer{why: fmt.Sprintf("SMTP %d: not now", code)}
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return answer{final: true, why: "it offers no TLS (STARTTLS), and nothing is sent without"}
	case strings.Contains(err.Error(), "does not support SMTP AUTH"), errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return answer{final: true, why: "it takes none of the sign-ins that there are"}
	}
	words := strings.NewReplacer(attemptTime.String(), mailTime.String(), "HTTP", "SMTP")
	return answer{why: words.Replace(l.blame(err))}
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return max(time.Duration(n)*time.Second, 0)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// lose gives a notification up.
func (l *targetWorker) lose(x queuedEvent, why string) {
	loss := Loss{l.target, x.event, why}
	l.mu.Lock()
	l.losses = append(l.losses, loss)
	if len(l.losses) > keptLosses {
		l.losses, l.more = l.losses[1:], l.more+1
	}
	l.mu.Unlock()
	if l.o.Lost != nil {
		l.o.Lost(loss)
	}
}
