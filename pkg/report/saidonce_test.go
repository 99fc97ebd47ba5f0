package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// The history of a vault says a long error once, and once more in the message that is
// to be sent; its times are those of its page. What somebody else did after the run had
// begun was not so before.
func TestHistorySaysOnce(t *testing.T) {
	t.Parallel()
	const long = "The policies could not be moved (0x80070057)."
	at := func(minute int) *report.Time {
		return &report.Time{Time: time.Date(2026, 11, 30, 16, minute, 0, 0, time.UTC)}
	}
	p := func(s string) *string { return &s }
	v := &report.View{Run: report.Run{ID: "r", Kind: fleet.KindClassic, StartedAt: at(0), GeneratedAt: at(59),
		Status: report.RunFinished}, Vaults: []report.Vault{
		{Vault: "s/failed", Name: "failed", Status: fleet.Failed, EndedAt: at(30),
			Findings: []report.Finding{{Severity: fleet.SeverityError, Code: p("UpgradeInternalError"),
				Message: p(long),
				Items:   []string{"Vault moved · " + long + " · Failed", long}}}},
		{Vault: "s/theirs", Status: fleet.Already, EndedAt: at(1), Meanwhile: true},
		{Vault: "s/before", Status: fleet.Already, EndedAt: &report.Time{Time: at(0).Add(-time.Hour)}},
		{Vault: "s/noted", Status: fleet.Already,
			Findings: []report.Finding{{Severity: fleet.SeverityInfo, Code: p(fleet.CodeAlready),
				Message: p("the vault is upgraded already; ended 2026-11-30T15:57:19Z")}}},
	}}
	show := func(name string, entries ...report.HistoryEntry) string {
		var b strings.Builder
		o := report.Options{Zone: time.FixedZone("AEDT", 11*3600)}
		if err := v.HistoryOf(name, entries, report.RecordedChange{}, o).Write(&b, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	page := show("s/failed", report.HistoryEntry{At: at(30), Run: "r",
		What: "the cloud shows our operation op as Failed: " + long})
	if n := strings.Count(page, long); n != 2 {
		t.Errorf("the error stands there %d times, want once for the reader and once in the message:\n%s", n, page)
	}
	for _, want := range []string{"error UpgradeInternalError: as above", "Vault moved · Failed", "as Failed\n",
		"Error message:      " + long + "\n  Detail:           Vault moved · Failed\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q:\n%s", want, page)
		}
	}
	for name, want := range map[string]string{"s/theirs": "VAULT s/theirs · upgraded by others meanwhile · ",
		"s/before": "\nalready upgraded\n", "s/noted": "ended Tue 1 Dec 02:57\n"} {
		if page := show(name); !strings.Contains(page, want) || strings.Contains(page, "T15:57:19Z") {
			t.Errorf("%s lacks %q:\n%s", name, want, page)
		}
	}
}
