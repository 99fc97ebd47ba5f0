package azure

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

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

// NewReadTransport returns a transport for reads: connections are kept and
// HTTP/2 is spoken where the cloud does. It follows no redirects, as no
// RoundTripper does: a token must not travel to where an answer points.
func NewReadTransport() *http.Transport {
	t := newTransport()
	t.ForceAttemptHTTP2 = true
	t.MaxIdleConnsPerHost = 32
	t.IdleConnTimeout = 90 * time.Second
	// A connection that died without a word is found out, not waited on.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second}
	return t
}

// NewStartTransport returns the transport for starts. net/http sends a request
// again on its own in two cases: on a reused connection that turns out to be
// closed, and on an HTTP/2 stream that the server refused. Here every start has
// a new HTTP/1.1 connection, so that neither can happen.
func NewStartTransport() *http.Transport {
	t := newTransport()
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if failpoint.Enabled {
		t.DialContext = diesWhenWritten(t.DialContext)
	}
	return t
}
