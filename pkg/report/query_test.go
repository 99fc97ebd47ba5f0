package report_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	v := viewOf(reporttest.HaltedNight(t), report.ViewOptions{Now: reporttest.T0})
	var document bytes.Buffer
	if err := report.Report(&document, v,
		report.Options{Format: layout.FormatJSON, SupportAddress: "help@fabrikam.example"}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"run.exitCode": "4\n",
		"vaults[?status=='failed'].vault | length(@)": "4\n",
		"nothing.there": "null\n",
		"vaults[?status=='upgraded'].{v: vault} | [0]": "{\n  \"v\": \"dev/web-01\"\n}\n",
		"vaults[?contains(name, 'cmd')].name": "[\n  \"=cmd|'/c " +
			"calc'!A1\\u001b[2J\"\n]\n",
		"actions[?do=='support' && code!='upgrade-failed'].message.to | [0]": "\"help@fabrikam.example\"\n",
	} {
		q, err := report.ParseQuery(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var b bytes.Buffer
		if err := q.Write(&b, document.Bytes()); err != nil || b.String() != want {
			t.Errorf("%s finds %q, %v; want %q", text, b.String(), err, want)
		}
	}
	for text, place := range map[string]string{"vaults[?": "character 9", "a.b c": "character 5", "": "character 1",
		"vaults[?status=='x": "character 1"} {
		if _, err := report.ParseQuery(text); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%q: %v, want its place, %s", text, err, place)
		}
	}
	for _, text := range []string{"length(run.exitCode)", "merge(run, vaults)"} { // a function of what it does not take
		q, err := report.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		if err, ok := errors.AsType[*report.QueryError](q.Write(&bytes.Buffer{}, document.Bytes())); !ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A name that is nowhere in the document finds null, which looks like an answer: it is
// told. What the query itself calls so is there, and so is what a row has alone.
func TestQueryOfUnknownNames(t *testing.T) {
	t.Parallel()
	document := []byte(`{"run": {"id": "a \\"name\\": b"}, "vaults": [{"vault": "x"}, {"vault": "y", "operationId": "z"}]}`)
	for text, want := range map[string]string{
		"vaults[].{v: vaults, s: operationId}":       "",
		"vaults[].{v: vault} | [?v=='x'].v":          "",
		"vaults[?operationID=='z'].vault | [0]":      "operationID operationId",
		"vaults[].[vualt, name, length(`\"nope\"`)]": "vualt vault name ",
		`"a\"b".run`: "a\"b ",
		"vaults[].not_null(error.code, `{\"x\":1}`)": "error  code ",
	} {
		q, err := report.ParseQuery(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		names, meant := q.Unknown(document)
		var got []string
		for i, name := range names {
			got = append(got, name+" "+meant[i])
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%s asks for %q, want %q", text, all, want)
		}
	}
}
