package azure

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// However an answer asks to wait, the wait is none or positive, can be added to
// any time, and is what the header says where that is a number of seconds.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"0", "7", " 120 ", "-1", "1e3", "999999999999999999999", "9223372036854775807",
		"Fri, 31 Dec 9999 23:59:59 GMT",
		"Mon, 01 Jan 0001 00:00:00 GMT", "Tue, 28 Mar 2017 10:03:15 GMT", "Tuesday, 28-Mar-17 10:03:15 GMT",
		"Tue Mar 28 10:03:15 2017", "١٢", "0x10", "1;2", ""} {
		f.Add(s, "", "")
		f.Add("", s, "Tue, 28 Mar 2017 10:03:00 GMT")
		f.Add("5", "", s)
	}
	now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, ms, date string) {
		h := http.Header{"Retry-After": {after}, "X-Ms-Retry-After-Ms": {ms}, "Date": {date}}
		d := retryAfter(h, now)
		if d < 0 {
			t.Fatalf("%q is %v", h, d)
		}
		if until := now.Add(d); until.Before(now) || until.Year() > 9999 {
			t.Errorf("%q is until %v", h, until)
		}
		if n, err := strconv.Atoi(strings.TrimSpace(after)); err == nil && ms == "" && n > 0 && n < 1e6 &&
			d != time.Duration(n)*time.Second {
			t.Errorf("%q is %v", h, d)
		}
	})
}

// An endpoint that passes is https, or plain to loopback; one that does not is
// not quoted.
func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"https://management.azure.com/", "http://127.0.0.1:8080", "http://[::1%25lo]:80",
		"https://u:hunter2@h", "http://localhost.evil.example",
		"https://h?sig=hunter2", "https://h/%2e%2e", "//h", "http:localhost", "HTTP://127.1", "http://2130706433",
		"https://h\n.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseEndpoint(s)
		if err != nil {
			if len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\x1b") ||
				strings.Contains(err.Error(), "hunter2") && !strings.Contains(s, "//hunter2") {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		r, err := http.NewRequest(http.MethodGet, e.String()+"/x", nil)
		if err != nil {
			return // such a request fails before anything is sent
		}
		if r.URL.Scheme != "https" && !(r.URL.Scheme == "http" && e.Plain() && isLoopback(r.URL.Hostname())) {
			t.Errorf("%q is let through", s)
		}
		if r.URL.User != nil {
			t.Errorf("%q holds a user", s)
		}
	})
}
