package emulator

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Namespaces of the Service Management side (classic-service.md#endpoints-and-headers and #errors).
const (
	nsAzure  = "http://schemas.microsoft.com/windowsazure"
	nsWars   = "http://schemas.microsoft.com/wars"
	nsXSI    = "http://www.w3.org/2001/XMLSchema-instance"
	nsArrays = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"

	rootSpace = ` xmlns="` + nsAzure + `" xmlns:i="` + nsXSI + `"`
	warsSpace = ` xmlns="` + nsWars + `" xmlns:i="` + nsXSI + `"`

	// never is how an upgrade's end reads while it has none (classic-service.md#the-listing): the
	// largest time of the service's platform, without a zone.
	never = "9999-12-31T23:59:59.9999999"
)

// document writes XML the way the service does: encoding/xml can write neither
// prefixes of one's choice nor empty elements in their short form.
type document struct{ bytes.Buffer }

// open begins an element; attributes start with a space.
func (d *document) open(name, attributes string) { d.WriteString("<" + name + attributes + ">") }

func (d *document) close(name string) { d.WriteString("</" + name + ">") }

// text writes an element with text, in the short form where it is empty.
func (d *document) text(name, value string) {
	if value == "" {
		d.WriteString("<" + name + " />")
		return
	}
	d.open(name, "")
	d.escape(value)
	d.close(name)
}

// long writes an element with text, never in the short form.
func (d *document) long(name, value string) {
	d.open(name, "")
	d.escape(value)
	d.close(name)
}

// null writes an element that is nil.
func (d *document) null(name, attributes string) {
	d.WriteString("<" + name + ` i:nil="true"` + attributes + " />")
}

func (d *document) escape(value string) {
	// A bytes.Buffer never fails, so neither does this.
	_ = xml.EscapeText(&d.Buffer, []byte(value))
}

// stamp writes a time with the service's seven fractional digits; the zone is
// missing now and then, the time is UTC all the same.
func stamp(t time.Time, zone bool) string {
	s := t.UTC().Format("2006-01-02T15:04:05.0000000")
	if zone {
		s += "Z"
	}
	return s
}

// details writes a ResourceUpgradeDetails element (classic-service.md#the-listing).
func (d *document) details(attributes string, v *vault, op *operation, now time.Time) {
	status := op.status(now)
	end, updated, message := never, stamp(op.AcceptedAt, true), ""
	if status != statusInProgress {
		end, updated, message = stamp(op.EndsAt, v.zone), stamp(op.EndsAt, v.zone), op.message(now)
	}
	d.open("ResourceUpgradeDetails", attributes)
	d.text("EndTimeUtc", end)
	d.text("LastUpdatedTimeUtc", updated)
	d.text("Message", message)
	d.text("OperationId", op.ID)
	d.null("PreviousResourceId", "")
	d.text("StartTimeUtc", stamp(op.AcceptedAt, true))
	d.text("Status", status)
	d.text("TriggerType", op.triggerType())
	d.text("UpgradedResourceId", v.upgradedID(op.Group))
	d.close("ResourceUpgradeDetails")
}

func (o *operation) triggerType() string {
	if o.trigger == "" {
		return triggerUser
	}
	return o.trigger
}

func (v *vault) upgradedID(group string) string {
	return "/subscriptions/" + v.sub.id + "/resourceGroups/" + group + "/providers/Microsoft.RecoveryServices/Vaults/" +
		v.Name
}

// errorBody is an error of the service in one of its three shapes
// (classic-service.md#errors).
type errorBody struct {
	shape   int
	code    string
	message string
	action  string
	reasons []Reason
	entry   string // the name of an entry in Details
}

func (e errorBody) bytes() []byte {
	var d document
	if e.shape == 3 {
		d.open("Error", warsSpace)
		if e.code != "" {
			d.text("ErrorCode", e.code)
		}
		if e.message != "" {
			d.text("Message", e.message)
		}
		d.close("Error")
		return d.Bytes()
	}
	d.open("Error", rootSpace)
	d.text("Code", e.code)
	d.text("Message", e.message)
	d.text("RecommendedAction", e.action)
	if e.shape == 1 {
		d.open("Details", "")
		for _, r := range e.reasons {
			d.open(e.entry, "")
			d.text("Category", r.Category)
			d.text("Code", r.Code)
			d.text("Message", r.Message)
			d.null("Properties", "")
			d.text("RecommendedAction", r.RecommendedAction)
			d.text("Type", r.Type)
			d.close(e.entry)
		}
		d.close("Details")
	}
	d.close("Error")
	return d.Bytes()
}

// upgradeInput checks the body of a POST (classic-service.md#the-three-calls) and returns the
// target resource group it names.
func upgradeInput(body []byte, subscriptionID, vault string) (string, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return "", errors.New("the body is empty; it must be a ResourceUpgradeInput")
	}
	dec := xml.NewDecoder(bytes.NewReader(body))
	var open []string
	var path *string
	var text strings.Builder
	seen := false
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("the body is no XML: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			want := []string{"ResourceUpgradeInput", "NewResourcePath"}
			if len(open) > 1 || t.Name.Local != want[len(open)] || path != nil || len(open) == 0 && seen {
				return "",
					fmt.Errorf("the body must be a ResourceUpgradeInput with one NewResourcePath; it has a %s too "+
						"many or out of place", t.Name.Local)
			}
			if t.Name.Space != nsAzure {
				return "", fmt.Errorf("%s must be in namespace %s, not in %q", t.Name.Local, nsAzure, t.Name.Space)
			}
			seen = true
			open = append(open, t.Name.Local)
		case xml.EndElement:
			if len(open) == 2 {
				s := text.String()
				path = &s
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 2 {
				text.Write(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return "", fmt.Errorf("the body has text out of place: %.40q", t)
			}
		}
	}
	if path == nil {
		return "", errors.New("the body must be a ResourceUpgradeInput with one NewResourcePath; it has none")
	}
	return targetGroup(*path, subscriptionID, vault)
}
