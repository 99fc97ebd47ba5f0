package azure

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// emulatorToken is what is sent to plain-HTTP endpoints on loopback instead of
// a token (inventory.md#keys). It is no secret.
const emulatorToken = "fleetup-emulator"

// Endpoint is a checked base URL.
type Endpoint struct {
	base  string
	plain bool
}

// ParseEndpoint checks a base URL: https, or plain http to a loopback host
// only, so that no credential ever crosses a network in the clear. The error
// never quotes the URL: it may hold a secret where none belongs.
func ParseEndpoint(s string) (Endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, errors.New("the endpoint is not a URL")
	}
	switch {
	case u.User != nil:
		return Endpoint{}, errors.New("the endpoint must not hold a user name or password")
	case u.Scheme != "https" && u.Scheme != "http":
		return Endpoint{}, errors.New("the endpoint must begin with https:// (or http:// on loopback)")
	case u.Hostname() == "":
		return Endpoint{}, errors.New("the endpoint names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Endpoint{}, errors.New("the endpoint must not have a query or a fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return Endpoint{}, fmt.Errorf("the endpoint on %s: plain http is allowed to a loopback host only, as it would show the token to the network; use https",
			text.Clean(u.Hostname(), text.MaxID))
	}
	return Endpoint{base: strings.TrimRight(s, "/"), plain: u.Scheme == "http"}, nil
}

// String returns the base URL without a slash at the end.
func (e Endpoint) String() string { return e.base }

// Plain reports whether it is plain HTTP to loopback, where no sign-in happens.
func (e Endpoint) Plain() bool { return e.plain }

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
