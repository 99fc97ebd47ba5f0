package azure

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/internal/proxy"
	"github.com/fleetup-dev/fleetup/pkg/failpoint"
)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxy.FromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// newReadTransport returns a transport for reads: connections are kept and
// HTTP/2 is spoken where the cloud does. It follows no redirects, as no
// RoundTripper does: a token must not travel to where an answer points.
func newReadTransport() *http.Transport {
	t := newTransport()
	t.ForceAttemptHTTP2 = true
	t.MaxIdleConnsPerHost = 32
	t.IdleConnTimeout = 90 * time.Second
	// A connection that died without a word is found out, not waited on.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second}
	return t
}

// newStartTransport returns the transport for starts. net/http sends a request
// again on its own in two cases: on a reused connection that turns out to be
// closed, and on an HTTP/2 stream that the server refused. Here every start has
// a new HTTP/1.1 connection, so that neither can happen.
func newStartTransport() *http.Transport {
	t := newTransport()
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if failpoint.Enabled {
		t.DialContext = diesWhenWritten(t.DialContext)
	}
	return t
}

// maxSignIn is more than any answer of a token endpoint has.
const maxSignIn = 1 << 20

// signInTransport carries the requests of the sign-in libraries. Their own would
// follow a redirect with the secret in the body, and read an answer to its end
// whatever its length.
var signInTransport = sync.OnceValue(func() policy.Transporter { return newSignInTransport(newReadTransport()) })

func newSignInTransport(t http.RoundTripper) policy.Transporter {
	return boundedClient{http.Client{Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type boundedClient struct{ client http.Client }

func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.client.Do(r)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxSignIn}
	}
	return resp, err
}

// boundedBody ends with an error after so many bytes.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w (over %d bytes)", errTooLarge, maxSignIn)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// diesWhenWritten puts a failpoint behind the second write on a connection. A
// start leaves in two, its headers and its body, and over plain HTTP, as tests
// speak it, these are all. A trace's WroteRequest would come before the bytes
// have left their buffer.
func diesWhenWritten(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string,
	string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &writing{Conn: c}, nil
	}
}

type writing struct {
	net.Conn
	writes int // of one goroutine at a time
}

func (c *writing) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.writes++; err == nil && c.writes == 2 {
		failpoint.Hit(failpoint.SendWritten)
	}
	return n, err
}
