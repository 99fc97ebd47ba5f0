package classic

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The XML namespaces of reference §2 and §5.
const (
	nsAzure = "http://schemas.microsoft.com/windowsazure"
	nsWars  = "http://schemas.microsoft.com/wars"
)

// Bounds of an answer: the deepest known has nine levels, and a vault in a
// listing some twenty-five elements.
const (
	maxDepth    = 64
	maxElements = 1_000_000
)

// node is an XML element. Children are found by local name (reference §5: the
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
	elements int
}

func newReader(body []byte) *reader {
	return &reader{d: xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))}
}

// root returns the document's first element.
func (r *reader) root() (xml.StartElement, error) {
	for {
		tok, err := r.d.Token()
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
		tok, err := r.d.Token()
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
		tok, err := r.d.Token()
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
		return fmt.Errorf("it is a %s element of %q, not %s of %s", text.Clean(name.Local, text.MaxID), text.Clean(name.Space, text.MaxID), local, nsAzure)
	}
	return nil
}

// upgradeInput is the body of the two POSTs (reference §4).
func upgradeInput(v *fleet.Vault) []byte {
	var b bytes.Buffer
	b.WriteString(`<ResourceUpgradeInput xmlns="` + nsAzure + `"><NewResourcePath>`)
	_ = xml.EscapeText(&b, []byte(v.TargetPath())) // a Buffer does not fail
	b.WriteString(`</NewResourcePath></ResourceUpgradeInput>`)
	return b.Bytes()
}

// upgradeRecord reads a ResourceUpgradeDetails element; nil where it is nil.
// An element that says nothing is still a record: an upgrade may have been
// started, so it must not pass for none.
func upgradeRecord(n *node) *fleet.Record {
	if n.isNil {
		return nil
	}
	return &fleet.Record{
		OperationID:        n.value("OperationId"),
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
// with up to nine fractional digits (reference §3). The service writes "not
// yet" as the year 9999, which becomes the zero time. So does what cannot be
// read: times are shown, nothing is decided by them.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	if err != nil || t.UTC().Year() >= 9999 {
		return time.Time{}
	}
	return t.UTC()
}

// sameOperation compares operation IDs: they hold a GUID, whose case is free.
func sameOperation(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
