package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"prod/sql-07 Ünïcode 生命 👩‍💻": "prod/sql-07 Ünïcode 生命 👩‍💻",
		"\x1b[31mred\x1b[0m":         `\x1b[31mred\x1b[0m`,
		"a\tb\r\nc\x00\x7f":          `a\x09b\x0d\x0ac\x00\x7f`,
		"\u009b2J":                   `\x9b2J`,
		"\xff\x9b":                   `\xff\x9b`,
		"\u202egnp\u2066\u200f":      `\u202egnp\u2066\u200f`,
		"a\u2028b\ufeff\u200b":       `a\u2028b\ufeff\u200b`,
		"tag\U000e0041":              `tag\U000e0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) is %q, want %q", in, got, want)
		}
	}
}

// Nothing from outside reaches a terminal or a Markdown page as it came.
func TestPagesAreClean(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	checks := fixtureValidations(p)
	v := FromState(finishedNight(t).st, ViewOptions{Now: t0})
	for _, f := range []Format{FormatTable, FormatMarkdown} {
		var b bytes.Buffer
		for _, err := range []error{
			Report(&b, v, Options{Format: f, State: hostileReason, SupportAddress: hostileName}),
			Status(&b, v, Options{Format: f, State: hostileReason}),
			Plan(&b, p, PlanOptions{Format: f, Validations: checks, Details: true, Saved: hostileReason, Next: hostileReason}),
			Validation(&b, p, checks, ValidationOptions{Format: f}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && steering(r) }); i >= 0 {
			t.Errorf("%s holds a control character: %q", f, b.String()[max(0, i-40):i+20])
		}
	}
}

func TestMarkdownCannotBeBroken(t *testing.T) {
	t.Parallel()
	got := markdown("a|b `c` <img src=x> *d* _e_ [f](g) # ~h~ & \\ \n")
	want := "a\\|b \\`c\\` &lt;img src=x&gt; \\*d\\* \\_e\\_ \\[f\\](g) \\# \\~h\\~ &amp; \\\\ \\\\x0a"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for in, want := range map[string]string{"- a": `\- a`, "+ a": `\+ a`, "12. a": `12\. a`, "1) a": `1\) a`, "12": "12", "===": `\===`} {
		if got := markdownLine(in); got != want {
			t.Errorf("markdownLine(%q) is %q, want %q", in, got, want)
		}
	}
	var b bytes.Buffer
	page := &page{}
	page.verbatim("x\n```` y\nz")
	if err := page.writeMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if want := "`````text\nx\n```` y\nz\n`````\n"; b.String() != want {
		t.Errorf("a fence reads %q, want %q", b.String(), want)
	}
	for in, want := range map[string]string{"run": "`run`", "a`b": "a\\`b"} {
		if got := codeSpan(in); got != want {
			t.Errorf("codeSpan(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestCSVCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a": "a", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x",
		"\tx": `'\x09x`, "\rx": `'\x0dx`, "a=1": "a=1", "\x1b": `\x1b`} {
		if got := csvCell(in); got != want {
			t.Errorf("csvCell(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"prod/sql-07": "prod/sql-07", "a b": "'a b'", "it's": `'it'\''s'`, "": "''",
		"$(x)": "'$(x)'", "-x": "'-x'", "a;b": "'a;b'"} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) is %s, want %s", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) is %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 45 * time.Second: "45s", 22 * time.Minute: "22m",
		101 * time.Minute: "1h41m", 52 * time.Hour: "2d04h"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) is %s, want %s", d, got, want)
		}
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		if got, err := ParseFormat(string(f)); err != nil || got != f {
			t.Errorf("ParseFormat(%q) is %q, %v", f, got, err)
		}
	}
	if f, err := ParseFormat(""); err != nil || f != FormatTable {
		t.Errorf("no name is %q, %v", f, err)
	}
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "table, json") {
		t.Errorf("the error does not list the formats: %v", err)
	}
	if err := Report(&bytes.Buffer{}, &View{}, Options{Format: "xml"}); err == nil {
		t.Error("an unknown format was written")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	type spec struct {
		id, sub, name, location string
		kind                    fleet.ResourceType
		want                    string
	}
	const b, r = fleet.BackupVault, fleet.SiteRecoveryVault
	p := &plan.Plan{}
	specs := []spec{
		{prodID, "prod", "a", "West US", b, "prod/a"},
		{prodID, "prod", "b", "West US", b, "prod/b/westus"},
		{prodID, "prod", "B", "East US", b, "prod/B/eastus"},
		{prodID, "prod", "c", "West US", b, "prod/c/BackupVault"},
		{prodID, "prod", "c", "West US", r, "prod/c/HyperVRecoveryManagerVault"},
		{prodID, "prod", "d", "West US", b, "prod/d/westus/BackupVault"},
		{prodID, "prod", "d", "West US", r, "prod/d/westus/HyperVRecoveryManagerVault"},
		{prodID, "prod", "d", "East US", b, "prod/d/eastus/BackupVault"},
		{prodID, "twin", "e", "West US", b, prodID + "/e"},
		{hrID, "twin", "e", "West US", b, hrID + "/e"},
	}
	for _, s := range specs {
		v := plan.Vault{}
		v.SubscriptionID, v.SubscriptionName, v.Name, v.Location, v.ResourceType = s.id, s.sub, s.name, s.location, s.kind
		p.Vaults = append(p.Vaults, v)
	}
	seen := map[string]bool{}
	for i, got := range p.Names() {
		if got != specs[i].want || seen[strings.ToLower(got)] {
			t.Errorf("vault %d is called %q, want %q", i, got, specs[i].want)
		}
		seen[strings.ToLower(got)] = true
	}
}

func TestSupportMessage(t *testing.T) {
	t.Parallel()
	v := FromState(finishedNight(t).st, ViewOptions{})
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Status != fleet.Failed {
			continue
		}
		m := SupportMessage("help@fabrikam.example", x).String()
		for _, want := range []string{"To: help@fabrikam.example\n", x.SubscriptionID, Clean(x.Name), *x.OperationID, x.Location,
			string(x.ResourceType), utc(x.StartedAt.Time), utc(x.EndedAt.Time), readable(*x.Findings[len(x.Findings)-1].Message), Clean(x.RequestIDs[0])} {
			if !strings.Contains(m, want) {
				t.Errorf("the message of %s lacks %q:\n%s", x.Vault, want, m)
			}
		}
	}
	if m := SupportMessage("", &Vault{}).String(); !strings.Contains(m, "To: "+DefaultSupportAddress+"\n") || !strings.Contains(m, "none was returned") {
		t.Errorf("a message of nothing reads\n%s", m)
	}
}

// A fleet of ten thousand vaults is written whole in every format.
func TestBigFleet(t *testing.T) {
	t.Parallel()
	const n = 10_000
	v := FromState(bigState(n, 100), ViewOptions{Live: true, Now: t0})
	for f, rows := range map[Format]int{FormatTable: 0, FormatMarkdown: 0, FormatJSON: 0, FormatCSV: n + 1, FormatJSONL: n} {
		var b bytes.Buffer
		if err := Report(&b, v, Options{Format: f}); err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(b.Bytes(), []byte("\n")); got == 0 || rows > 0 && got != rows {
			t.Errorf("%s has %d lines, want %d", f, got, rows)
		}
	}
	if v.Totals[fleet.Upgrading] != 100 || v.Totals[fleet.Pending] != n-100 {
		t.Errorf("the totals are %v", v.Totals)
	}
}
