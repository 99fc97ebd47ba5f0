package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// JUnit XML as the schemas of Ant and of Jenkins both accept it: what one of
// them lacks (attributes of the root, properties of a test case) is not
// written, and what one of them wants is always there, empty if need be.
type (
	junitSuite struct {
		XMLName    xml.Name        `xml:"testsuite"`
		Name       string          `xml:"name,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       junitSeconds    `xml:"time,attr"`
		ID         int             `xml:"id,attr"`
		Package    string          `xml:"package,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		Time      junitSeconds  `xml:"time,attr"`
		Skipped   string        `xml:"skipped,omitempty"`
		Error     *junitTrouble `xml:"error"`
		Failure   *junitTrouble `xml:"failure"`
	}
	junitTrouble struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSeconds time.Duration
)

// MarshalXMLAttr writes seconds.
func (s junitSeconds) MarshalXMLAttr(name xml.Name) (xml.Attr, error) {
	return xml.Attr{Name: name, Value: strconv.FormatFloat(max(time.Duration(s), 0).Seconds(), 'f', 3, 64)}, nil
}

// junit writes a test suite for each wave and a test case for each vault, a
// wave at a time. What is red needs a person: failed and blocked vaults are
// failures, those that stay unknown are errors. What is not over, held, deferred
// or tried again by itself is skipped, with the reason.
func (v *View) junit(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(xml.Header + "<testsuites>\n") // a Writer keeps its first error for Flush
	byWave := map[string][]*Vault{}
	for i := range v.Vaults {
		x := &v.Vaults[i]
		byWave[x.Wave] = append(byWave[x.Wave], x)
	}
	for i := range v.Waves {
		s := v.junitSuite(i, byWave[v.Waves[i].Name])
		enc := xml.NewEncoder(b)
		enc.Indent("  ", "  ")
		if err := enc.Encode(s); err != nil {
			return fmt.Errorf("write the report as JUnit XML: %w", err)
		}
		b.WriteString("\n")
	}
	b.WriteString("</testsuites>\n")
	return b.Flush()
}

func (v *View) junitSuite(i int, vs []*Vault) *junitSuite {
	w := &v.Waves[i]
	began := w.StartedAt.Value()
	if began.IsZero() {
		began = v.Run.StartedAt.Value()
	}
	s := &junitSuite{Name: lexicon.Or(token(w.Name), "wave"), Timestamp: began.UTC().Format("2006-01-02T15:04:05"),
		Hostname: "fleetup", ID: i, Package: "fleetup",
		Tests: len(vs)}
	if w.StartedAt != nil && w.EndedAt != nil {
		s.Time = junitSeconds(w.EndedAt.Sub(w.StartedAt.Time))
	}
	property := func(name, value string) {
		if value != "" {
			s.Properties = append(s.Properties, junitProperty{lexicon.Or(token(name), "-"), lexicon.Clean(value)})
		}
	}
	property("run", v.Run.ID)
	property("plan", v.Run.PlanFingerprint)
	property("direction", string(v.Run.Direction))
	for _, x := range vs {
		c := junitCase{Name: lexicon.Clean(x.Vault),
			ClassName: lexicon.Clean(lexicon.Or(x.SubscriptionName, x.SubscriptionID)), Time: junitSeconds(x.Took())}
		trouble := &junitTrouble{Message: lexicon.Clean(x.why()),
			Type: lexicon.Clean(string(x.Status) + "/" + x.errorCode()), Text: lexicon.Clean(x.story())}
		switch {
		case x.Status == fleet.Upgraded || x.Status == fleet.Already:
		case x.endedBadly() && x.Status != fleet.Unknown:
			c.Failure = trouble
			s.Failures++
		case x.endedBadly():
			c.Error = trouble
			s.Errors++
		default:
			c.Skipped = lexicon.Clean(v.words().Status(x.Status) + ": " + lexicon.Or(ValueOf(x.Reason), "not over yet"))
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
		property(x.Vault+" operationId", ValueOf(x.OperationID))
		property(x.Vault+" upgradedResourceId", ValueOf(x.UpgradedResourceID))
	}
	return s
}

// token is a text as XML Schema wants a token: one line, single spaces.
func token(s string) string { return strings.Join(strings.Fields(lexicon.Clean(s)), " ") }

// story is everything that is known of a vault in trouble, a fact a sentence.
func (v *Vault) story() string {
	parts := []string{"subscription " + v.SubscriptionID, "operation " + operation(v),
		"started " + lexicon.UTC(v.StartedAt.Value()), "ended " + lexicon.UTC(v.EndedAt.Value()) + v.OrBefore(),
		"requests " + lexicon.Or(strings.Join(v.RequestIDs, " "), "none")}
	for _, f := range v.Errors() {
		parts = append(parts, flatFinding(f))
	}
	return strings.Join(parts, "; ")
}
