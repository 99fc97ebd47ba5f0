package classic

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The XML namespaces of classic-service.md#endpoints-and-headers and #errors.
const (
	nsAzure = "http://schemas.microsoft.com/windowsazure"
	nsWars  = "http://schemas.microsoft.com/wars"
)

// Bounds of an answer: the deepest known has nine levels, and a vault in a
// listing some twenty-five elements. A token is a tag with its attributes, or
// the text between two: the decoder keeps one whole, whatever is in it.
const (
	maxDepth    = 64
	maxElements = 1_000_000
	maxToken    = 256 << 10
)

// node is an XML element. Children are found by local name (classic-service.md#errors: the
// names inside Details are not known).
type node struct {
	space, local string
	isNil        bool // i:nil="true"
	text         string
	kids         []*node
}

// child returns the first child of that name, or an empty node.
func (n *node) child(local string) *node {
	for _, k := range n.kids {
		if k.local == local {
			return k
		}
	}
	return &node{isNil: true}
}

// value returns the text of the first child of that name, without space around.
func (n *node) value(local string) string { return strings.TrimSpace(n.child(local).text) }

// reader decodes one XML document, element by element.
type reader struct {
	d        *xml.Decoder
	source   *tokenSource
	elements int
}

func newReader(body []byte) *reader {
	s := &tokenSource{Reader: bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))}
	return &reader{d: xml.NewDecoder(s), source: s}
}

// token returns the next token, or an error where it is too long.
func (r *reader) token() (xml.Token, error) {
	r.source.left = maxToken
	return r.d.Token()
}

// tokenSource hands the decoder a body byte by byte, and no more than one token
// may have.
type tokenSource struct {
	*bytes.Reader
	left int
}

// ReadByte is what the decoder reads with.
func (s *tokenSource) ReadByte() (byte, error) {
	if s.left--; s.left < 0 {
		return 0, fmt.Errorf("a tag or a text in it has more than %d bytes", maxToken)
	}
	return s.Reader.ReadByte()
}

// root returns the document's first element.
func (r *reader) root() (xml.StartElement, error) {
	for {
		tok, err := r.token()
		if err == io.EOF {
			return xml.StartElement{}, errors.New("it holds no XML element")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return t, nil
		case xml.Directive:
			return xml.StartElement{}, errors.New("it has a document type, which the service's answers never have")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return xml.StartElement{}, errors.New("it begins with text")
			}
		}
	}
}

// element reads the rest of an element that has begun.
func (r *reader) element(start xml.StartElement, depth int) (*node, error) {
	if r.elements++; depth > maxDepth || r.elements > maxElements {
		return nil, errors.New("its elements are too many or nested too deep")
	}
	n := &node{space: start.Name.Space, local: start.Name.Local}
	for _, a := range start.Attr {
		if a.Name.Local == "nil" && (a.Value == "true" || a.Value == "1") {
			n.isNil = true
		}
	}
	var text strings.Builder
	for {
		tok, err := r.token()
		if err != nil {
			return nil, err // an end inside an element is a syntax error of the decoder
		}
		switch t := tok.(type) {
		case xml.StartElement:
			kid, err := r.element(t, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			n.text = text.String()
			return n, nil
		}
	}
}

// end checks that nothing but space and comments follows the root.
func (r *reader) end() error {
	for {
		tok, err := r.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(t)) == 0 {
				continue
			}
			return errors.New("text follows its end")
		case xml.StartElement, xml.Directive:
			return errors.New("more follows its end")
		}
	}
}

// parse reads a whole document.
func parse(body []byte) (*node, error) {
	r := newReader(body)
	start, err := r.root()
	if err != nil {
		return nil, err
	}
	n, err := r.element(start, 1)
	if err != nil {
		return nil, err
	}
	return n, r.end()
}

// is checks a root's name. A missing namespace is tolerated, a foreign one not.
func is(name xml.Name, local string) error {
	if name.Local != local || name.Space != nsAzure && name.Space != "" {
		return fmt.Errorf("it is a %s element of %q, not %s of %s", text.Clean(name.Local, text.MaxID),
			text.Clean(name.Space, text.MaxID), local, nsAzure)
	}
	return nil
}

// upgradeRecord reads a ResourceUpgradeDetails element; nil where it is nil.
// An element that says nothing is still a record: an upgrade may have been
// started, so it must not pass for none.
func upgradeRecord(n *node) *fleet.Record {
	if n.isNil {
		return nil
	}
	return &fleet.Record{
		OperationID:        operationID(n.value("OperationId")),
		State:              upgradeState(n.value("Status")),
		Message:            text.Clean(n.child("Message").text, text.MaxMessage),
		Trigger:            text.Clean(n.value("TriggerType"), text.MaxID),
		StartedAt:          parseTime(n.value("StartTimeUtc")),
		UpdatedAt:          parseTime(n.value("LastUpdatedTimeUtc")),
		EndedAt:            parseTime(n.value("EndTimeUtc")),
		UpgradedResourceID: text.Clean(n.value("UpgradedResourceId"), text.MaxMessage),
		PreviousResourceID: text.Clean(n.value("PreviousResourceId"), text.MaxMessage),
	}
}

// upgradeState maps a status; a word that is not known is followed like one
// that is not known to the service.
func upgradeState(s string) fleet.UpgradeState {
	for _, st := range []fleet.UpgradeState{fleet.RecordInProgress, fleet.RecordUpgraded, fleet.RecordFailed} {
		if strings.EqualFold(s, string(st)) {
			return st
		}
	}
	return fleet.RecordUnknown
}

// parseTime reads a time stamp of the service: UTC, with or without its zone,
// with up to nine fractional digits (classic-service.md#the-listing). The service writes "not
// yet" as the year 9999, which becomes the zero time. So does what cannot be
// read, and a year that the journal could not write: times are shown, nothing is
// decided by them.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	if y := t.UTC().Year(); err != nil || y < 1 || y >= 9999 {
		return time.Time{}
	}
	return t.UTC()
}

// operationID returns an operation's ID in one spelling, so that equal ones are
// equal strings everywhere: without space around, its GUID in lower case and
// what follows in capitals, as [newOperationID] writes it (a GUID's case is
// free). What is no operation ID is only cleaned.
func operationID(s string) string {
	const guid = 36
	s = text.Clean(s, text.MaxID)
	if len(s) < guid || uuid.Validate(s[:guid]) != nil {
		return s
	}
	return strings.ToLower(s[:guid]) + strings.ToUpper(s[guid:])
}

// sameOperation compares operation IDs.
func sameOperation(a, b string) bool { return a != "" && operationID(a) == operationID(b) }
