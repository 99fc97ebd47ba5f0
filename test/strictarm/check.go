package strictarm

import (
	"regexp"
	"strings"
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// checkRequest holds method and headers against the specification.
func (s *Server) checkRequest(in *request) {
	in.CheckEncoding()
	in.CheckCommonHeaders()
	if s.host == "" {
		s.host = in.Host
	} else if in.Host != s.host {
		in.Problem("the token was sent to another host: %s, not %s", in.Host, s.host)
	}
	if in.call == CallOther {
		in.Problem("the specification that this server follows knows no such path")
		return
	}
	want := methods[in.call]
	if want == "" {
		want = "GET"
	}
	if in.Method != want {
		in.Problem("method %s, want %s", in.Method, want)
	}
	if want == "GET" && (len(in.Body) > 0 || in.Chunked) {
		in.Problem("a %s with a body", in.Method)
	}
	if accept := in.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "json") &&
		!strings.Contains(accept, "*/*") {
		in.Problem("Accept %q on a call that answers JSON", accept)
	}
	if in.Header.Values("x-ms-authorization-auxiliary") != nil &&
		(in.call != CallPatch || in.vault == nil || !in.vault.guarded) {
		in.Problem("a second tenant's token where no resource guard asks for it")
	}
}

// checkClientRequestID demands a GUID of its own for each PATCH: it is how a
// start is told from another in the activity log.
func (s *Server) checkClientRequestID(in *request) {
	values := in.Header.Values("x-ms-client-request-id")
	if len(values) != 1 {
		in.Problem("x-ms-client-request-id must be sent once (sent %d times)", len(values))
		return
	}
	id := strings.ToLower(values[0])
	if !guid.MatchString(id) {
		in.Problem("x-ms-client-request-id %q is not a GUID", values[0])
	}
	if who, used := s.patchIDs[id]; used {
		in.Problem("x-ms-client-request-id %q was used before by the %s", values[0], who)
		return
	}
	s.patchIDs[id] = in.where()
}
