package azure

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A token endpoint that answers without end, plain or packed, costs no more than a
// token does, and its redirect leads a secret nowhere.
func TestSignInsAreBounded(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := io.Writer(w)
		switch r.URL.Path {
		case "/elsewhere":
			t.Error("a redirect was followed")
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer func() { _ = z.Close() }() // the client has gone
			out = z
		}
		for page := make([]byte, 64<<10); ; {
			if _, err := out.Write(page); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	transport := newReadTransport()
	defer transport.CloseIdleConnections()
	c := newSignInTransport(transport)
	ask := func(path string) (*http.Response, int64, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }() // it was read as far as it may be
		n, err := io.Copy(io.Discard, resp.Body)
		return resp, n, err
	}
	for _, path := range []string{"/endless", "/packed"} {
		if _, n, err := ask(path); !errors.Is(err, errTooLarge) || n != maxSignIn {
			t.Errorf("%s: %d bytes, %v", path, n, err)
		}
	}
	if resp, _, err := ask("/moved"); err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("a redirect: %+v, %v", resp, err)
	}
}
