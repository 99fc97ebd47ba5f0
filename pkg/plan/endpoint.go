package plan

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// CheckEndpoint says what is wrong with the base URL of an endpoint of one's
// own, nil when nothing is. Plain http is for loopback alone, where no sign-in
// happens (inventory.md#keys). The error never quotes the URL: it may hold a secret.
func CheckEndpoint(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("it cannot be read as a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it must begin with https://")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("it names no host")
	case u.User != nil:
		return errors.New("it must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("it must not hold a query")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return errors.New("it must not hold a fragment")
	case !validPort(u):
		return errors.New("its port must be between 1 and 65535")
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return errors.New("plain http is allowed to loopback only (127.0.0.1, [::1], localhost); use https")
	}
	return nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// RealCloud reports whether the plan's starts touch real vaults: those of an emulator, or
// of a server on this machine, do not.
func (p *Plan) RealCloud() bool {
	local := func(base string) bool {
		u, err := url.Parse(base)
		return err == nil && IsLoopback(u.Hostname())
	}
	c := p.Cloud
	return c.Name != fleet.Emulator && !((c.ServiceManagement == "" || local(c.ServiceManagement)) &&
		local(c.ResourceManager))
}

// IsLoopback reports whether a URL's host is this machine for certain:
// localhost, 127.0.0.0/8 or ::1. Other names are not looked up.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
