package azure

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// hostileToken is what the client signs in with; it is long and opaque, as some
// are, and must not come out again.
const hostileToken = "opaque~token~that~must~not~come~out+/=="

// script is a server that reads one request of a connection and then writes what
// it likes to it. It counts requests.
type script struct {
	l      net.Listener
	url    string
	tls    *tls.Config // the client's
	asked  atomic.Int32
	answer func(net.Conn)
}

// newScript starts a server; over TLS where a token is to be sent.
func newScript(t *testing.T, secure bool, answer func(net.Conn)) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{l: l, url: "http://" + l.Addr().String(), answer: answer}
	if secure {
		keys := httptest.NewUnstartedServer(nil)
		keys.StartTLS() // for its certificate
		serverTLS := keys.TLS.Clone()
		serverTLS.NextProtos = nil
		s.tls = keys.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		keys.Close()
		s.l, s.url = tls.NewListener(l, serverTLS), "https://"+l.Addr().String()
	}
	done := make(chan struct{})
	conns := make(chan struct{}, 64)
	go func() {
		defer close(done)
		for {
			conn, err := s.l.Accept()
			if err != nil {
				return
			}
			conns <- struct{}{}
			go func() {
				defer func() { _ = conn.Close(); <-conns }()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				s.asked.Add(1)
				s.answer(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = s.l.Close()
		<-done
		for range cap(conns) {
			conns <- struct{}{} // every connection has ended
		}
	})
	return s
}

// client speaks to the server with the real transports.
func (s *script) client(t *testing.T, log func(RequestLog)) *Client {
	t.Helper()
	return newTestClient(t, s.url, func(o *clientOptions) {
		o.Credential, o.Log = fixedCredential(hostileToken), log
		if s.tls == nil {
			return
		}
		reads, starts := newReadTransport(), newStartTransport()
		reads.TLSClientConfig, starts.TLSClientConfig = s.tls.Clone(), s.tls.Clone()
		reads.ForceAttemptHTTP2 = false
		t.Cleanup(reads.CloseIdleConnections)
		o.Reads, o.Starts = reads, starts
	})
}

func says(format string, args ...any) func(net.Conn) {
	return func(c net.Conn) { _, _ = fmt.Fprintf(c, format, args...) }
}

// drip writes for as long as it is read.
func drip(head, drop string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, head)
		for ; err == nil; time.Sleep(time.Millisecond) { // slow, as a hostile server is
			_, err = io.WriteString(c, drop)
		}
	}
}

// flood writes n bytes after a head.
func flood(head string, n int) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, head)
		block := bytes.Repeat([]byte("<a>"), 20<<10)
		for ; err == nil && n > 0; n -= len(block) {
			_, err = c.Write(block)
		}
	}
}

// zipped answers with n times a megabyte, compressed to some kilobytes.
func zipped(n int) func(net.Conn) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	return says("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", ok, n*b.Len(), bytes.Repeat(b.Bytes(), n))
}

// hangUp closes a TLS connection without the message that says so.
func hangUp(c net.Conn) { _ = c.(*tls.Conn).NetConn().Close() }

const ok = "HTTP/1.1 200 OK\r\n"

// hostile is everything a server may do to an HTTP client, and what comes of it.
var hostile = []struct {
	name   string
	secure bool
	answer func(net.Conn)
	status int // of the answer; 0: there is none
	// broken says that a body came which is not whole: for a read that is no
	// answer at all.
	broken bool
	class  fleet.CallClass // of a read without an answer
	words  string          // of the error
	long   bool            // it ends with the context alone
}{
	{name: "100 MB, announced", answer: flood(ok+"Content-Length: 104857600\r\n\r\n", 100<<20), status: 200,
		broken: true, class: fleet.CallGarbled, words: "larger than any"},
	{name: "100 MB, not announced", answer: flood(ok+"\r\n", 100<<20), status: 200, broken: true,
		class: fleet.CallGarbled, words: "larger than any"},
	{name: "100 MB, compressed", answer: zipped(100), status: 200, broken: true, class: fleet.CallGarbled,
		words: "larger than any"},
	{name: "compressed, cut short",
		answer: says("%sContent-Encoding: gzip\r\nContent-Length: "+
			"12\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04", ok), status: 200, broken: true, words: "EOF"},
	{name: "compressed, garbage", answer: says("%sContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", ok),
		status: 200, broken: true},
	{name: "without an end", answer: drip(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"), status: 200,
		broken: true, long: true},
	{name: "headers without an end", answer: drip(ok, "X-More: x\r\n"), long: true},
	{name: "interim answers without an end", answer: drip("", "HTTP/1.1 103 Early Hints\r\n\r\n"), long: true},
	{name: "silence", answer: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, long: true},
	{name: "2 MB of headers", answer: says("%s%s\r\n", ok,
		strings.Repeat("X-More: "+strings.Repeat("x", 1000)+"\r\n", 2000)), words: "header"},
	{name: "a header of 2 MB", answer: says("%sX: %s\r\n\r\n", ok, strings.Repeat("x", 2<<20)), words: "header"},
	{name: "shorter than announced", answer: says("%sContent-Length: 100\r\n\r\n<a/>", ok), status: 200, broken: true,
		words: "EOF"},
	{name: "two lengths", answer: says("%sContent-Length: 4\r\nContent-Length: 5\r\n\r\n<a/>", ok),
		words: "Content-Length"},
	{name: "a length that is none", answer: says("%sContent-Length: 4,5\r\n\r\n<a/>", ok), words: "Content-Length"},
	{name: "chunks of garbage", answer: says("%sTransfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n0\r\n\r\n", ok),
		status: 200, broken: true, words: "chunk"},
	{name: "a chunk cut short", answer: says("%sTransfer-Encoding: chunked\r\n\r\nff\r\n<a/>", ok), status: 200,
		broken: true, words: "EOF"},
	{name: "no last chunk", answer: says("%sTransfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n", ok), status: 200,
		broken: true, words: "EOF"},
	{name: "two encodings", answer: says("%sTransfer-Encoding: gzip, chunked\r\n\r\n", ok), words: "transfer encoding"},
	{name: "no HTTP", answer: says("220 mail.example ESMTP\r\n\r\n"), words: "malformed"},
	{name: "interim answers, then good",
		answer: says("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n%sContent-Length: "+
			"4\r\n\r\n<a/>", ok), status: 200},
	{name: "another protocol", answer: func(c net.Conn) {
		says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")(c)
		_, _ = c.Read(make([]byte, 1)) // and nothing more, for ever
	}, status: 101},
	{name: "two answers", answer: says("%sContent-Length: 4\r\n\r\n<a/>%sContent-Length: 4\r\n\r\n<b/>", ok, ok),
		status: 200},
	{name: "a redirect to elsewhere",
		answer: says("HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.invalid/\r\nContent-Length: " +
			"0\r\n\r\n"), status: 307},
	{name: "TLS, cut in the body", secure: true,
		answer: func(c net.Conn) { says("%sContent-Length: 100\r\n\r\n<a>", ok)(c); hangUp(c) }, status: 200,
		broken: true, words: "EOF"},
	{name: "TLS, cut in the chunks", secure: true,
		answer: func(c net.Conn) { says("%sTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n", ok)(c); hangUp(c) },
		status: 200, broken: true, words: "EOF"},
	{name: "TLS, cut in the headers", secure: true, answer: func(c net.Conn) { says("%sContent-Le", ok)(c); hangUp(c) },
		words: "malformed"},
	{name: "TLS, cut at once", secure: true, answer: hangUp, words: "EOF"},
	{name: "the token in the body", secure: true,
		answer: says("HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n%s", len(hostileToken), hostileToken), status: 500},
	{name: "the token in the headers", secure: true,
		answer: says("HTTP/1.1 400 No\r\nx-ms-request-id: %s\r\nLocation: "+
			"https://elsewhere.invalid/?t=%s\r\nContent-Length: 0\r\n\r\n", hostileToken, hostileToken), status: 400},
	{name: "the token for HTTP", secure: true, answer: says("Authorization: Bearer %s\r\n\r\n", hostileToken),
		words: "malformed"},
	{name: "the token for a header", secure: true, answer: says("%sBearer %s\r\n\r\n", ok, hostileToken),
		words: "malformed"},
	{name: "the token in a trailer", secure: true,
		answer: says("%sTransfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n0\r\nBearer %s\r\n\r\n", ok, hostileToken),
		status: 200, broken: true, words: "malformed"},
	{name: "the token for a length", secure: true, answer: says("%sContent-Length: %s\r\n\r\n", ok, hostileToken),
		words: "Content-Length"},
}

// discreet demands that nothing of an answer holds the token.
func discreet(t *testing.T, resp *Response, err error, logged []RequestLog) {
	t.Helper()
	all := fmt.Sprintf("%+v\n%v\n", logged, err)
	if resp != nil {
		all += fmt.Sprintf("%s\n%+v\n%v\n%v", resp.Body, resp.Header, resp.BodyErr, resp.Error("op", "", ""))
	}
	for _, l := range logged {
		all += fmt.Sprint(l.Err)
	}
	if strings.Contains(all, hostileToken) {
		t.Errorf("the token came out:\n%s", all[:min(len(all), 4000)])
	}
	if err != nil && len(err.Error()) > 2000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// Whatever a server does, a start is one request, has an answer or none within
// its context, and an answer whose body is not whole says so.
func TestHostileAnswersToStarts(t *testing.T) {
	t.Parallel()
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, tt.secure, tt.answer)
			var logged []RequestLog
			c := s.client(t, func(l RequestLog) { logged = append(logged, l) })
			resp, err := sendOnce(t, patient(t, tt.long), c)
			discreet(t, resp, err, logged)
			if n := s.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if tt.status == 0 {
				se, ok := errors.AsType[*sendError](err)
				if !ok || se.NotSent || !strings.Contains(err.Error(), tt.words) {
					t.Fatalf("got %+v, %v; want one that was sent and says %q", resp, err, tt.words)
				}
				return
			}
			if err != nil || resp.Status != tt.status || (resp.BodyErr != nil) != tt.broken ||
				len(resp.Body) > MaxBody {
				t.Fatalf("got %+v, %v; want status %d", resp, err, tt.status)
			}
			if tt.broken && !strings.Contains(resp.BodyErr.Error(), tt.words) {
				t.Errorf("the body's error is %v, want %q", resp.BodyErr, tt.words)
			}
		})
	}
}

// A read has a whole answer, or an error: never a part of one.
func TestHostileAnswersToReads(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup // they wait more than they work: all at once
	defer all.Wait()
	for _, tt := range hostile {
		all.Go(func() {
			t.Run(tt.name, func(t *testing.T) {
				s := newScript(t, tt.secure, tt.answer)
				var logged []RequestLog
				c := s.client(t, func(l RequestLog) { logged = append(logged, l) })
				// All that comes is the answer: retries are another test's business.
				resp, err := c.Do(patient(t, tt.long), Request{Op: "read it", Method: http.MethodGet, Path: "/x",
					Complete: func(int, []byte) bool { return true }})
				discreet(t, resp, err, logged)
				if tt.status != 0 && !tt.broken {
					if err != nil || resp.Status != tt.status {
						t.Fatalf("got %+v, %v; want status %d", resp, err, tt.status)
					}
					return
				}
				class := tt.class
				if class == "" {
					class = fleet.CallUnreachable
				}
				if err == nil || fleet.ClassOf(err) != class || !strings.Contains(err.Error(), tt.words) {
					t.Fatalf("got %+v, %v; want %s, %q", resp, err, class, tt.words)
				}
				if class == fleet.CallGarbled && s.asked.Load() != 1 {
					t.Errorf("asked %d times for what is too large", s.asked.Load())
				}
			})
		})
	}
}

// patient bounds what would not end by itself.
func patient(t *testing.T, long bool) context.Context {
	t.Helper()
	d := time.Minute
	if long {
		d = 300 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A token goes where the endpoint is and nowhere else, whatever status points
// elsewhere.
func TestCredentialsDoNotFollowRedirects(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{300, 301, 302, 303, 307, 308, 201, 401, 407, 511} {
		s := newScript(t, true,
			says("HTTP/1.1 %d X\r\nLocation: %s\r\nRefresh: 0;url=%s\r\nContent-Location: %s\r\nWWW-Authenticate: "+
				"Bearer authorization_uri=\"%s\"\r\nContent-Length: 0\r\n\r\n",
				status, other.URL, other.URL, other.URL, other.URL))
		c := s.client(t, nil)
		if resp, err := sendOnce(t, t.Context(), c); err != nil || resp.Status != status {
			t.Errorf("a start: got %+v, %v", resp, err)
		}
		if resp, err := c.Do(t.Context(), Request{Op: "x", Method: http.MethodGet, Path: "/x"}); err != nil ||
			resp.Status != status {
			t.Errorf("a read: got %+v, %v", resp, err)
		}
		if n := s.asked.Load(); n != 2 {
			t.Errorf("HTTP %d: asked %d times", status, n)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// A body costs a small multiple of its limit, however large it is. Not
// parallel: what is measured is the whole process's.
func TestHostileBodiesCostLittle(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"announced":     flood(ok+"Content-Length: 104857600\r\n\r\n", 100<<20),
		"not announced": flood(ok+"\r\n", 100<<20),
		"compressed":    zipped(100),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, false, answer)
			c := s.client(t, nil)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Do(t.Context(), Request{Op: "list", Method: http.MethodGet, Path: "/x", MaxBody: 8 << 20})
			runtime.ReadMemStats(&after)
			if fleet.ClassOf(err) != fleet.CallGarbled || !strings.Contains(err.Error(), "over 8388608 bytes") {
				t.Errorf("got %v", err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 96<<20 { // the whole body would cost 200 and more
				t.Errorf("%d MB were allocated for a body that is read up to 8", got>>20)
			}
		})
	}
}
