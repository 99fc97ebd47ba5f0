package strictcloud

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// nsAzure is the namespace of the classic bodies (classic-service.md#endpoints-and-headers).
const nsAzure = "http://schemas.microsoft.com/windowsazure"

func (c Call) classic() bool {
	return c == CallList || c.upgrade()
}

func (c Call) upgrade() bool {
	return c == CallPrereqs || c == CallStart || c == CallResult
}

// checkRequest holds headers and body against the protocol.
func (s *Server) checkRequest(in *request) {
	in.CheckCommonHeaders()
	if in.Method == http.MethodPost && in.call.classic() {
		in.checkPOST()
	} else if len(in.Body) > 0 || in.Chunked {
		in.Problem("a %s with a body", in.Method)
	}
	if in.call.classic() {
		in.Exactly("x-ms-version", "2013-03-01")
		in.Exactly("Accept", "application/xml")
	} else if accept := in.Header.Get("Accept"); accept != "" && in.call != CallOther &&
		!strings.Contains(accept, "json") && !strings.Contains(accept, "*/*") {
		in.Problem("Accept %q on a call that answers JSON", accept)
	}
	if in.call.upgrade() {
		if values := in.Header.Values("Agent-Authentication"); len(values) != 1 || values[0] != "" {
			in.Problem("Agent-Authentication must be sent once and empty (sent %d times)", len(values))
		}
		s.checkOperationID(in)
	}
}

var operationID = regexp.MustCompile(
	`^([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})-(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)-P$`)

// checkOperationID holds x-ms-client-request-id against its form
// (classic-service.md#endpoints-and-headers). A start's is the identity of the upgrade: no other
// call may have carried it before.
func (s *Server) checkOperationID(in *request) {
	values := in.Header.Values("x-ms-client-request-id")
	if len(values) != 1 {
		in.Problem("x-ms-client-request-id must be sent once (sent %d times)", len(values))
		return
	}
	id := values[0]
	if in.call == CallStart {
		if who, used := s.startIDs[id]; used {
			in.Problem("operation ID %q was used before by the %s", id, who)
		} else if who, used := s.otherIDs[id]; used {
			in.Problem("operation ID %q was used before by the %s", id, who)
		}
		if _, used := s.startIDs[id]; !used {
			s.startIDs[id] = in.where()
		}
	} else if _, used := s.otherIDs[id]; !used {
		s.otherIDs[id] = in.where()
	}
	m := operationID.FindStringSubmatch(id)
	if m == nil {
		in.Problem("x-ms-client-request-id %q is not <guid>-<yyyy-MM-dd HH:mm:ssZ>-P", id)
		return
	}
	at, err := time.Parse("2006-01-02 15:04:05Z", m[2])
	if err != nil {
		in.Problem("x-ms-client-request-id %q: %v", id, err)
	} else if off := in.Now.Sub(at); off.Abs() > s.cfg.ClockTolerance {
		in.Problem("the time in %q is %v off: it must be UTC and now", id, off.Round(time.Second))
	}
}

// checkPOST holds the body of the two POSTs against classic-service.md#the-three-calls.
func (in *request) checkPOST() {
	kind, params, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	if err != nil || kind != "application/xml" || len(in.Header.Values("Content-Type")) != 1 {
		in.Problem("Content-Type is %q, want application/xml", in.Header.Values("Content-Type"))
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		in.Problem("the body's charset is %q, want UTF-8", c)
	}
	path, err := newResourcePath(in.Body)
	if err != nil {
		in.Problem("body: %v", err)
		in.badBody = true
		return
	}
	if in.vault == nil {
		return
	}
	if want := in.vault.targetPath(); !samePath(path, want) {
		in.badBody = true
		in.Problem("NewResourcePath is %q, want %q", path, want)
	}
}

// samePath compares to the letter, but for the subscription's GUID, which has
// no case.
func samePath(a, b string) bool {
	cut := len("/subscriptions/") + 36
	if len(a) < cut || len(b) < cut {
		return a == b
	}
	return strings.HasPrefix(a, "/subscriptions/") && strings.EqualFold(a[:cut], b[:cut]) && a[cut:] == b[cut:]
}

// newResourcePath reads a ResourceUpgradeInput that holds one NewResourcePath
// and nothing else.
func newResourcePath(body []byte) (string, error) {
	if !utf8.Valid(body) {
		return "", errors.New("not UTF-8")
	}
	dec := xml.NewDecoder(bytes.NewReader(body))
	var open []xml.Name
	var path strings.Builder
	roots, paths := 0, 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("not XML: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			want := [...]string{"ResourceUpgradeInput", "NewResourcePath"}
			if len(open) >= len(want) || t.Name.Local != want[len(open)] {
				return "", fmt.Errorf("element %s does not belong there", t.Name.Local)
			}
			if t.Name.Space != nsAzure {
				return "", fmt.Errorf("element %s is in namespace %q, want %q", t.Name.Local, t.Name.Space, nsAzure)
			}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					return "", fmt.Errorf("attribute %s does not belong there", a.Name.Local)
				}
			}
			if len(open) == 0 {
				roots++
			} else {
				paths++
			}
			open = append(open, t.Name)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 2 {
				path.Write(t)
			} else if strings.TrimSpace(string(t)) != "" {
				return "", fmt.Errorf("text %q does not belong there", strings.TrimSpace(string(t)))
			}
		}
	}
	if roots != 1 || paths != 1 {
		return "", fmt.Errorf("%d ResourceUpgradeInput with %d NewResourcePath, want one of each", roots, paths)
	}
	return path.String(), nil
}
