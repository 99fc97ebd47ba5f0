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

// endpoint is a checked base URL.
type endpoint struct {
	base  string
	plain bool
}

// parseEndpoint checks a base URL: https, or plain http to a loopback host
// only, so that no credential ever crosses a network in the clear. The error
// never quotes the URL: it may hold a secret where none belongs.
func parseEndpoint(s string) (endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return endpoint{}, errors.New("the endpoint is not a URL")
	}
	switch {
	case u.User != nil:
		return endpoint{}, errors.New("the endpoint must not hold a user name or password")
	case u.Scheme != "https" && u.Scheme != "http":
		return endpoint{}, errors.New("the endpoint must begin with https:// (or http:// on loopback)")
	case u.Hostname() == "":
		return endpoint{}, errors.New("the endpoint names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return endpoint{}, errors.New("the endpoint must not have a query or a fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return endpoint{},
			fmt.Errorf("the endpoint on %s: plain http is allowed to a loopback host only, as it would show the "+
				"token to the network; use https",
				text.Clean(u.Hostname(), text.MaxID))
	}
	return endpoint{base: strings.TrimRight(s, "/"), plain: u.Scheme == "http"}, nil
}

// String returns the base URL without a slash at the end.
func (e endpoint) String() string { return e.base }

// Plain reports whether it is plain HTTP to loopback, where no sign-in happens.
func (e endpoint) Plain() bool { return e.plain }

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
