package proxy

import (
	"net/http"
	"slices"
	"testing"
)

// env is an environment of one variable.
func env(name, value string) func(string) string {
	return func(asked string) string {
		if asked == name {
			return value
		}
		return ""
	}
}

// An address that net/http would leave out, and so go around the proxy, is found.
func TestUnusableAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"": false, "proxy.contoso.example:3128": false,
		"http://proxy:3128": false, "http://u:p%40ss@proxy:3128": false,
		"socks5://127.0.0.1:1080": false, "http://u:pa%ss@proxy:3128": true, "http://proxy:31 28": true,
		"u:pa#ss@proxy:3128": true, "http://": true, "http://u:p/w@proxy:3128": true} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
			if got := unusableIn(env(name, address)); got != want {
				t.Errorf("%s=%s is unusable: %t", name, address, got)
			}
		}
	}
}

// What a proxy is sent is known, so that it can be hidden in what it answers.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{"": nil, "proxy:3128": nil, "http://proxy": nil,
		"http://user:pass@proxy": {"user:pass", "pass"}, "user:p%40ss@proxy:3128": {"user:p@ss", "p@ss"},
		"http://token@proxy": {"token"}, "http://token:@proxy": {"token"}, "socks5://u:p@proxy": {"u:p", "p"}} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			if got := secretsIn(env(name, address)); !slices.Equal(got, want) {
				t.Errorf("%s=%s has the secrets %q, want %q", name, address, got, want)
			}
		}
	}
}

func TestNeverForThisMachine(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://127.0.0.1:9", "http://localhost:9", "https://[::1]:9"} {
		r, _ := http.NewRequest(http.MethodGet, u, nil)
		if p, err := FromEnvironment(r); p != nil || err != nil {
			t.Errorf("%s goes to %v, %v", u, p, err)
		}
	}
}
