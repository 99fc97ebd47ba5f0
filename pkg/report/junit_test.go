package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// element is what the schemas of Ant and of Jenkins both allow in an element:
// its attributes, all of which Ant's wants, and its children in this order.
type element struct {
	attributes map[string]*regexp.Regexp
	children   []string
	text       bool
}

var (
	anything = regexp.MustCompile(`(?s).*`)
	aToken   = regexp.MustCompile(`^\S+( \S+)*$`) // xs:token of at least one character
	aCount   = regexp.MustCompile(`^\d+$`)
	decimal  = regexp.MustCompile(`^\d+(\.\d+)?$`)
	dateTime = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$`)
)

var junitSchema = map[string]element{
	"testsuites": {children: []string{"testsuite"}},
	"testsuite": {attributes: map[string]*regexp.Regexp{"name": aToken, "timestamp": dateTime, "hostname": aToken,
		"tests": aCount, "failures": aCount,
		"errors": aCount, "skipped": aCount, "time": decimal, "id": aCount, "package": aToken},
		children: []string{"properties", "testcase", "system-out", "system-err"}},
	"properties": {children: []string{"property"}},
	"property":   {attributes: map[string]*regexp.Regexp{"name": aToken, "value": anything}},
	"testcase": {attributes: map[string]*regexp.Regexp{"name": aToken, "classname": aToken, "time": decimal},
		children: []string{"skipped", "error", "failure"}},
	"skipped":    {text: true},
	"error":      {attributes: map[string]*regexp.Regexp{"message": anything, "type": anything}, text: true},
	"failure":    {attributes: map[string]*regexp.Regexp{"message": anything, "type": anything}, text: true},
	"system-out": {text: true},
	"system-err": {text: true},
}

// once are the children that stand exactly once; the others as often as they
// like, a test case's trouble at most once.
var once = map[string][]string{"testsuite": {"properties", "system-out", "system-err"}}

// checkJUnit reports everything by which a document breaks the schema, and
// counts the suites' own figures again.
func checkJUnit(r io.Reader) (cases map[string]string, err error) {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	type open struct {
		name string
		at   int // the last child's place in the order
		seen map[string]int
		attr map[string]string
	}
	cases = map[string]string{}
	var stack []*open
	counts := map[string]int{}
	d := xml.NewDecoder(r)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return cases, errors.Join(mistakes...)
		}
		if err != nil {
			return cases, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			rule, known := junitSchema[name]
			if !known || tok.Name.Space != "" {
				wrong("no element %s", name)
			}
			o := &open{name: name, seen: map[string]int{}, attr: map[string]string{}}
			for _, a := range tok.Attr {
				form, ok := rule.attributes[a.Name.Local]
				if !ok || o.attr[a.Name.Local] != "" {
					wrong("%s has the attribute %s", name, a.Name.Local)
				} else if !form.MatchString(a.Value) {
					wrong("%s of %s is %q", a.Name.Local, name, a.Value)
				}
				o.attr[a.Name.Local] = a.Value
			}
			for a := range rule.attributes {
				if _, ok := o.attr[a]; !ok {
					wrong("%s lacks %s", name, a)
				}
			}
			if n := len(stack); n > 0 {
				parent := stack[n-1]
				at := slices.Index(junitSchema[parent.name].children, name)
				if at < parent.at {
					wrong("%s stands where it may not in %s", name, parent.name)
				}
				parent.at = max(at, 0)
				parent.seen[name]++
				if parent.name == "testcase" {
					cases[parent.attr["name"]] = name
					counts[name]++
					if len(parent.seen) > 1 || parent.seen[name] > 1 {
						wrong("a test case has two outcomes")
					}
				}
			} else if name != "testsuites" {
				wrong("the root is %s", name)
			}
			if name == "testcase" {
				cases[o.attr["name"]] = "passed"
				counts["tests"]++
			}
			stack = append(stack, o)
		case xml.EndElement:
			o := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, child := range once[o.name] {
				if o.seen[child] != 1 {
					wrong("%s has %d %s", o.name, o.seen[child], child)
				}
			}
			if o.name == "testsuite" {
				for attr, name := range map[string]string{"tests": "tests", "failures": "failure", "errors": "error",
					"skipped": "skipped"} {
					if n, _ := strconv.Atoi(o.attr[attr]); n != counts[name] {
						wrong("suite %s says %s %d, and has %d", o.attr["name"], attr, n, counts[name])
					}
				}
				clear(counts)
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(tok)); text != "" &&
				(len(stack) == 0 || !junitSchema[stack[len(stack)-1].name].text) {
				wrong("text where none may be: %q", text)
			}
		}
	}
}

// The JUnit form passes both schemas, says of each vault what an operator wants
// to see, and holds no character that XML 1.0 forbids.
func TestJUnitIsAccepted(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]*report.View{
		"halted":   viewOf(reporttest.HaltedNight(t), report.ViewOptions{Now: reporttest.T0.Add(3 * time.Hour)}),
		"finished": viewOf(reporttest.FinishedNight(t), report.ViewOptions{Now: reporttest.T0.Add(9 * time.Hour)}),
		"running": viewOf(reporttest.BusyNight(t),
			report.ViewOptions{Live: true, Now: reporttest.T0.Add(2 * time.Hour)}),
		"nothing": viewOf(reporttest.NewNight(t), report.ViewOptions{}),
	} {
		view.Vaults[3].Reason = report.StringOrNull("\x00\ufffe]]>\r\n\t&<")
		var b bytes.Buffer
		if err := report.Report(&b, view, report.Options{Format: layout.FormatJUnit}); err != nil {
			t.Fatal(err)
		}
		cases, err := checkJUnit(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for s := b.String(); s != ""; {
			r, n := utf8.DecodeRuneInString(s)
			if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' || r == '\ufffe' || r == '\uffff' {
				t.Fatalf("%s holds %U", name, r)
			}
			s = s[n:]
		}
		if len(cases) != len(view.Vaults) {
			t.Errorf("%s has %d cases, want %d", name, len(cases), len(view.Vaults))
		}
		if name != "halted" {
			continue
		}
		for vault, want := range map[string]string{"dev/web-01": "passed", "dev/web-02": "passed",
			"dev/old-01": "skipped", "prod/sql-07": "failure",
			"prod/files-1/westus": "failure", "hr/files-2": "error", "hr/pay-1": "skipped", "hr/pay-2": "skipped",
			"prod/late-1": "skipped"} {
			if cases[vault] != want {
				t.Errorf("%s is %q, want %q", vault, cases[vault], want)
			}
		}
	}
}

// The checker finds what is wrong.
func TestJUnitCheckerChecks(t *testing.T) {
	t.Parallel()
	const suite = `<testsuite name="a" timestamp="2026-03-16T11:00:00" hostname="h" tests="1" failures="0" errors="0" skipped="0" time="1.5" id="0" package="p">`
	const good = `<testsuites>` + suite +
		`<properties/><testcase name="x" classname="c" time="0"/><system-out/><system-err/></testsuite></testsuites>`
	if _, err := checkJUnit(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"order": {`<properties/><testcase name="x" classname="c" time="0"/>`,
			`<testcase name="x" classname="c" time="0"/><properties/>`},
		"count":           {`tests="1"`, `tests="2"`},
		"time":            {`time="1.5"`, `time="-1"`},
		"zone":            {`T11:00:00"`, `T11:00:00Z"`},
		"missing":         {` hostname="h"`, ``},
		"unknown":         {`classname="c"`, `classname="c" status="x"`},
		"two outcomes":    {`time="0"/>`, `time="0"><failure message="m" type="t"/><skipped/></testcase>`},
		"no type":         {`time="0"/>`, `time="0"><failure message="m"/></testcase>`},
		"foreign element": {`<system-out/>`, `<system-out/><x/>`},
		"no system-err":   {`<system-err/>`, ``},
		"text":            {`<properties/>`, `text<properties/>`},
	} {
		if _, err := checkJUnit(strings.NewReader(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%s is not found", what)
		}
	}
}
