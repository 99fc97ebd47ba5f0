package classic

import (
	"reflect"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestServiceErrorShapes(t *testing.T) {
	t.Parallel()
	wars := func(s string) string { return `<Fault xmlns="http://schemas.microsoft.com/wars">` + s + `</Fault>` }
	for _, tt := range []struct {
		name  string
		body  string
		ok    bool
		codes string
	}{
		{"shape 1", errorXML("Top", "", reason("Warning", "W", "w", "")+reason("Error", "E", "e", "")), true,
			"warning:W error:E"},
		{"shape 1, entries of any name",
			errorXML("Top", "", `<x:Odd xmlns:x="urn:y"><x:Code>O</x:Code><x:Type>warning</x:Type></x:Odd>`), true,
			"warning:O"},
		{"shape 1, an entry that says nothing is an error", errorXML("Top", "", `<Entry/>`), true, "error:Top"},
		{"shape 1, a nil entry is none", errorXML("Top", "all", `<Entry i:nil="true"/>`), true, "error:Top"},
		{"shape 1, no type is an error", errorXML("Top", "", `<Entry><Code>N</Code></Entry>`), true, "error:N"},
		{"shape 1, an unknown type is an error", errorXML("Top", "", reason("Fatal", "F", "f", "")), true, "error:F"},
		{"shape 2", errorXML("Code2", "text", ""), true, "error:Code2"},
		{"shape 2, message alone", errorXML("", "text", ""), true, "error:" + check.CodeNone},
		{"shape 3, code", wars(`<ErrorCode>W3</ErrorCode>`), true, "error:W3"},
		{"shape 3, message", wars(`<Message>stop</Message>`), true, "error:" + check.CodeNone},
		{"shape 3, neither", wars(`<Other>x</Other>`), false, ""},
		{"no namespace", `<Error><Code>C</Code></Error>`, true, "error:C"},
		{"nil", allMet, false, ""},
		{"empty error", errorXML("", "", ""), false, ""},
		{"an upgrade's record is no error", details(opOur, "Failed"), false, ""},
		{"a record with a message is no error",
			strings.Replace(details(opOur, "Failed"), "<Message />", "<Message>x</Message>", 1), false, ""},
		{"a web page", "<!DOCTYPE html><html><body><p>x</body></html>", false, ""},
		{"XHTML", `<html xmlns="http://www.w3.org/1999/xhtml"><Message>x</Message></html>`, false, ""},
		{"empty", "", false, ""},
		{"cut", errorXML("C", "m", "")[:120], false, ""},
		{"JSON", `{"error":{"code":"X"}}`, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, ok := parseServiceError([]byte(tt.body))
			if ok != tt.ok {
				t.Fatalf("ok=%v: %+v", ok, e)
			}
			if !ok {
				return
			}
			fs := e.findings((&Upgrader{}).guide)
			if codes(fs) != tt.codes {
				t.Errorf("got %s", codes(fs))
			}
			for _, f := range fs {
				if f.Message == "" || f.Action == "" {
					t.Errorf("%+v is silent", f)
				}
			}
		})
	}
}

func TestSplitTable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		message string
		items   []string
	}{
		"plain words":                          {"plain words", nil},
		"stop the job; then retry":             {"stop the job; then retry", nil},
		"a clause at the end;":                 {"a clause at the end;", nil},
		"web01;2.0.8|sql01;2.0.7":              {"the check names 2 items", []string{"web01 · 2.0.8", "sql01 · 2.0.7"}},
		"web01;2.0.8":                          {"the check names 1 item", []string{"web01 · 2.0.8"}},
		"Old agents: web01;2.0.8|sql01;2.0.7|": {"Old agents", []string{"web01 · 2.0.8", "sql01 · 2.0.7"}},
		"Old agents.\nweb01;2.0.8|sql01;2.0.7": {"Old agents.", []string{"web01 · 2.0.8", "sql01 · 2.0.7"}},
		"a|b|c":                                {"the check names 3 items", []string{"a", "b", "c"}},
		"10:03;x|10:04;y":                      {"the check names 2 items", []string{"10:03 · x", "10:04 · y"}},
		"web01 ; 2.0.8 | sql01;|;;":            {"the check names 2 items", []string{"web01 · 2.0.8", "sql01"}},
		"Machine;Agent|T-1;2.0.8":              {"the check names 1 item", []string{"Machine · Agent", "T-1 · 2.0.8"}},
		"|":                                    {"", nil},
		"red \x1b[31m|x":                       {"the check names 2 items", []string{"red [31m", "x"}},
	} {
		m, items := splitTable(in)
		if m != want.message || !reflect.DeepEqual(items, want.items) {
			t.Errorf("%q: got %q, %q", in, m, items)
		}
	}
}

// Nobody is told to unregister a machine without the retention question.
func TestRetentionQuestion(t *testing.T) {
	t.Parallel()
	u := &Upgrader{o: Options{AgentDownload: "https://download.example/agent"}}
	for _, tt := range []struct {
		f       fleet.Finding
		asks    bool
		contain string
	}{
		{fleet.Finding{Items: []string{"web01"}}, true, "https://download.example/agent"},
		{fleet.Finding{Action: "Unregister the server."}, true, "Unregister the server."},
		{fleet.Finding{Message: "unregister it", Action: "See the docs."}, true, "See the docs."},
		{fleet.Finding{Action: "Unregister, unless long-term Retention needs it."}, false, "Unregister, unless"},
		{fleet.Finding{Action: "Wait for the job."}, false, "Wait for the job."},
		{fleet.Finding{}, false, "validate again"},
	} {
		f := tt.f
		u.guide(&f)
		if got := strings.Contains(f.Action, retention); got != tt.asks || !strings.Contains(f.Action, tt.contain) {
			t.Errorf("%+v became %q", tt.f, f.Action)
		}
	}
}
