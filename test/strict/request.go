package strict

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// maxBody is far above any body of the protocols.
const maxBody = 1 << 20

// Request is one HTTP request taken apart, with what was found wrong with it.
type Request struct {
	Method   string
	Host     string // as the client named it
	Path     string // as it came, still encoded
	Query    string // as it came, without the question mark
	Segments []Segment
	Header   http.Header
	Body     []byte
	BodyErr  error // the body never came whole
	Chunked  bool
	Now      time.Time
	Problems []string
}

// Segment is a part of the path between slashes, encoded and decoded.
type Segment struct{ Raw, Text string }

// Read takes a request apart as it came over the wire: net/http has decoded
// r.URL already, which would hide how the client encoded it.
func Read(r *http.Request) *Request {
	in := &Request{Method: r.Method, Host: r.Host, Header: r.Header, Chunked: len(r.TransferEncoding) > 0}
	target := r.RequestURI
	if target == "" { // handed over without a wire
		target = r.URL.RequestURI()
	}
	in.Path, in.Query, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(in.Path, "/") {
		in.Problem("the request target %q is not a path", in.Path)
		if u, err := url.Parse(in.Path); err == nil {
			in.Path = u.EscapedPath()
		}
	}
	for _, raw := range strings.Split(strings.TrimPrefix(in.Path, "/"), "/") {
		text, err := url.PathUnescape(raw)
		if err != nil { // net/http lets none through
			text = raw
		}
		in.Segments = append(in.Segments, Segment{Raw: raw, Text: text})
	}
	if r.Body != nil {
		in.Body, in.BodyErr = io.ReadAll(io.LimitReader(r.Body, maxBody))
	}
	return in
}

// Problem records a deviation.
func (in *Request) Problem(format string, args ...any) {
	in.Problems = append(in.Problems, fmt.Sprintf(format, args...))
}

// Exactly demands a header once, with one value.
func (in *Request) Exactly(name, want string) {
	if got := in.Header.Values(name); len(got) != 1 || got[0] != want {
		in.Problem("%s is %q, want %q", name, got, want)
	}
}

var bearer = regexp.MustCompile(`^Bearer [A-Za-z0-9._~+/-]+=*$`)

// CheckCommonHeaders demands what every request carries: one token, the
// client's name, and nothing that makes a start look repeatable.
func (in *Request) CheckCommonHeaders() {
	// The value is never repeated: it is a secret.
	if got := in.Header.Values("Authorization"); len(got) != 1 || !bearer.MatchString(got[0]) {
		in.Problem("Authorization must be one bearer token (sent %d times)", len(got))
	}
	if ua := in.Header.Get("User-Agent"); !strings.HasPrefix(ua, "fleetup/") || ua == "fleetup/" {
		in.Problem("User-Agent %q does not begin with fleetup/<version>", ua)
	}
	for name := range in.Header {
		low := strings.ToLower(name)
		if strings.Contains(low, "idempoten") || strings.HasPrefix(low, "repeatability") {
			in.Problem("header %s: a start must not look repeatable", name)
		}
	}
}

// legalRaw reports whether a byte may stand in a path segment as it is
// (RFC 3986, pchar).
func legalRaw(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@%", c) >= 0
}

// CheckEncoding finds what must not stand in a path as it is.
func (in *Request) CheckEncoding() {
	for _, seg := range in.Segments {
		for i := range len(seg.Raw) {
			if !legalRaw(seg.Raw[i]) {
				in.Problem("path segment %q holds %q, which must be percent-encoded", seg.Raw, seg.Raw[i])
				break
			}
		}
	}
}
