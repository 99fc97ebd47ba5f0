// Package proxy answers which proxy the environment names, for everything that
// leaves this machine, and which secrets are in its address. net/http leaves out an
// address that it cannot read, and goes around the proxy without a word; here that is
// an error, which quotes nothing: the address may hold a password.
package proxy

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

// ErrUnusable is that of a proxy whose address cannot be read.
var ErrUnusable = errors.New("the proxy in HTTPS_PROXY is not a usable address, such as http://HOST:PORT")

// FromEnvironment is the proxy for a request, as http.Transport asks for it; nil for
// none. A request to this machine itself has none.
func FromEnvironment(r *http.Request) (*url.URL, error) {
	if isLocal(r.URL.Hostname()) {
		return nil, nil
	}
	if err := Usable(); err != nil {
		return nil, err
	}
	return http.ProxyFromEnvironment(r)
}

// Usable is ErrUnusable where FromEnvironment would give it.
func Usable() error {
	if unusable() {
		return ErrUnusable
	}
	return nil
}

// Secrets are those of the proxies that the environment names: a proxy is sent them,
// and what it answers becomes an error of the connection.
func Secrets() []string { return secrets() }

// The environment is read once, as net/http does.
var (
	unusable = sync.OnceValue(func() bool { return unusableIn(os.Getenv) })
	secrets  = sync.OnceValue(func() []string { return secretsIn(os.Getenv) })
)

func unusableIn(getenv func(string) string) bool {
	address := getenv("HTTPS_PROXY")
	if address == "" {
		address = getenv("https_proxy")
	}
	return address != "" && parse(address) == nil
}

func secretsIn(getenv func(string) string) (out []string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		u := parse(getenv(name))
		if u == nil || u.User == nil {
			continue
		}
		user := u.User.Username()
		if password, set := u.User.Password(); set && password != "" {
			out = append(out, user+":"+password, password)
		} else { // a token, in the place of a name
			out = append(out, user)
		}
	}
	return out
}

// parse reads an address: one without a scheme is http, as net/http has it; nil for
// what is none.
func parse(address string) *url.URL {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return u
}

// isLocal reports whether a host can only be this machine, as net/http does.
func isLocal(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
