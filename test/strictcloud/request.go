package strictcloud

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Call names one request of the protocol.
type Call string

// The calls (reference §3, §4 and §6).
const (
	CallList         Call = "list"         // GET …/cloudservices
	CallPrereqs      Call = "prereqs"      // POST P/checkPrereqsForUpgrade
	CallStart        Call = "start"        // POST P/upgrade
	CallResult       Call = "result"       // GET P/upgradeOperationResult
	CallSubscription Call = "subscription" // GET /subscriptions/{id}
	CallProvider     Call = "provider"     // GET …/providers/{namespace}
	CallRegister     Call = "register"     // POST …/providers/{namespace}/register
	CallFeature      Call = "feature"      // GET …/features/VaultUpgrade
	CallGroup        Call = "group"        // GET …/resourcegroups/{rg}
	CallTarget       Call = "target"       // GET …/vaults/{name}
	CallOther        Call = "other"        // nothing the reference knows
)

// maxBody is far above any body of the protocol.
const maxBody = 1 << 20

// request is one HTTP request taken apart, with what was found wrong with it.
type request struct {
	method   string
	path     string // as it came, still encoded
	query    string
	segments []segment
	header   http.Header
	body     []byte
	bodyErr  error
	chunked  bool
	now      time.Time

	call     Call
	sub      *SubscriptionHandle
	vault    *VaultHandle
	provider string // with CallProvider and CallRegister, in lower case
	group    string // with CallGroup, in lower case
	badBody  bool
	problems []string
}

// segment is a part of the path between slashes.
type segment struct{ raw, text string }

func (in *request) problem(format string, args ...any) {
	in.problems = append(in.problems, fmt.Sprintf(format, args...))
}

// where says which request it was, for a violation.
func (in *request) where() string {
	switch {
	case in.vault != nil:
		return fmt.Sprintf("%s of %s", in.call, in.vault)
	case in.call == CallOther:
		return in.method + " " + in.path
	case in.sub != nil:
		return fmt.Sprintf("%s of %s", in.call, in.sub.id)
	}
	return fmt.Sprintf("%s %s", in.call, in.path)
}

// readRequest reads the request line as it came over the wire: net/http has
// decoded r.URL already, which would hide how the client encoded it.
func readRequest(r *http.Request) *request {
	in := &request{method: r.Method, header: r.Header, chunked: len(r.TransferEncoding) > 0}
	target := r.RequestURI
	if target == "" { // handed over without a wire
		target = r.URL.RequestURI()
	}
	in.path, in.query, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(in.path, "/") {
		in.problem("the request target %q is not a path", in.path)
		if u, err := url.Parse(in.path); err == nil {
			in.path = u.EscapedPath()
		}
	}
	for _, raw := range strings.Split(strings.TrimPrefix(in.path, "/"), "/") {
		text, err := url.PathUnescape(raw)
		if err != nil { // net/http lets none through
			text = raw
		}
		in.segments = append(in.segments, segment{raw: raw, text: text})
	}
	if r.Body != nil {
		in.body, in.bodyErr = io.ReadAll(io.LimitReader(r.Body, maxBody))
	}
	return in
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

// checkEncoding finds what must not stand in a path as it is.
func (in *request) checkEncoding() {
	for _, seg := range in.segments {
		for i := range len(seg.raw) {
			if !legalRaw(seg.raw[i]) {
				in.problem("path segment %q holds %q, which must be percent-encoded", seg.raw, seg.raw[i])
				break
			}
		}
	}
}
