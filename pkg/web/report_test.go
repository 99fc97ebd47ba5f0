package web

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

var sydney = time.FixedZone("Australia/Sydney", 11*60*60)

func frozen(t testing.TB, v *report.View) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteReport(&b, v, report.Options{Zone: sydney, State: "contoso.db"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parsed(t testing.TB, page []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// each visits every element below a node.
func each(n *html.Node, visit func(*html.Node)) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			visit(d)
		}
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func byID(t testing.TB, root *html.Node, id string) *html.Node {
	t.Helper()
	var out *html.Node
	each(root, func(n *html.Node) {
		if v, _ := attr(n, "id"); v == id {
			out = n
		}
	})
	if out == nil {
		t.Fatalf("the page has no element %q", id)
	}
	return out
}

// textOf is what a node says, with single spaces.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestFrozenPageReadsWithoutScript: the verdict, the totals and whoever needs a
// person are HTML, each with what to do.
func TestFrozenPageReadsWithoutScript(t *testing.T) {
	t.Parallel()
	root := parsed(t, frozen(t, troubledNight(60)))
	for id, want := range map[string][]string{
		"verdict": {"NIGHT 3, Mon 22:00–Tue 06:00 INTERRUPTED: 30 UPGRADED, 8 NEED YOU BEFORE Tue 22:00 (3 " +
			"failed, 1 unknown, 4 blocked)"},
		"summary": {"No vault was sent twice.", "37 upgraded", "3 failed", "4 blocked", "2 overdue",
			"3 of 12 used, 1 unknown and still being read", "Mon 16 Mar 2026 22:00:00"},
		"needs-title": {"Needs a person"},
		"task-support-1": {"Send the support message for shop/vault-00003, hr/vault-00011 (UpgradeInternalError)",
			"before Tue 17 Mar 22:00", "The policies could not be moved.", "shop/vault-00003",
			"To: rsvaultupgrade@service.microsoft.com",
			"fleetup reopen shop/vault-00003 hr/vault-00011 --reason TEXT --case ID --state contoso.db"},
		"task-decide-1": {"Decide shop/vault-00013: the start may have been accepted",
			"Read Tue 17 Mar 03:14 absent, the vault is there without our operation",
			"Last reading Tue 17 Mar 03:30 no operation is under way on the vault, and it is not as wanted; " +
				"alertsForCriticalOperations is Enabled, wanted Disabled Its address answers HTTP 204 with an empty " +
				"body", "4cc27b8b-0000-4000-8000-000000000013"},
		"task-mend-1": {"MACHINE · AGENT:", "(AgentTooOld)", "Update the agent on each machine", "4 vaults, 8 items",
			"srv-0027.contoso.example 2.0.8500.0"},
		"task-mend-2": {"Create or correct 2 target groups: dev/vault-00027, lab/vault-00054",
			"Create it, or correct targetResourceGroup", "dev/vault-00027"},
		"needs": {"No action", "1 vault busy", "5 vaults deferred", "fleetup resume --yes --state contoso.db",
			"legal freeze until Monday"},
		"waves": {"canary done 7 6 1 0 0 0 0 0 of 0", "rest running", "throttled until Tue 17 Mar 07:00"},
		"after": {"subscription hr is throttled", "37 vaults have a new resource ID",
			"Check the time zone of each backup policy.", "b81c42aa93d0f1e2 (event 48,211)"},
		"vaults": {"fleetup report -o csv"},
	} {
		got := textOf(byID(t, root, id))
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("#%s does not say %q:\n%s", id, w, got)
			}
		}
	}
	each(byID(t, root, "needs"), func(n *html.Node) {
		if n.Data == "li" && strings.HasPrefix(textOf(n), "MACHINE") {
			t.Errorf("a heading is a member of its list: %s", textOf(n))
		}
		if hidden, ok := attr(n, "hidden"); ok {
			t.Errorf("%s among what needs a person is hidden=%q", n.Data, hidden)
		}
	})
}

func TestACalmRunNeedsNobody(t *testing.T) {
	t.Parallel()
	v := troubledNight(60)
	v.Vaults, v.Totals = nil, map[fleet.Status]int{}
	v.Run.Status = report.RunFinished
	root := parsed(t, frozen(t, tasked(v)))
	if got := textOf(byID(t, root, "needs")); !strings.HasPrefix(got, "No action needed No vault is failed") {
		t.Errorf("a run without trouble says %q", got)
	}
}

// TestHostileTextsAreInert: nothing that came from outside is an element, an
// attribute, a script or a direction of writing.
func TestHostileTextsAreInert(t *testing.T) {
	t.Parallel()
	v := troubledNight(60)
	v.Run.Inventory, v.Run.ID = ptr(hostileName), hostileName
	v.Waves[1].Name = hostileName
	for i := range v.Vaults {
		if v.Vaults[i].Wave == "pilot" {
			v.Vaults[i].Wave = hostileName
		}
	}
	page := frozen(t, v)
	tame := parsed(t, frozen(t, troubledNight(60)))
	allowed := map[string]bool{}
	each(tame, func(n *html.Node) {
		for _, a := range n.Attr {
			allowed[n.Data+" "+a.Key] = true
		}
	})
	scripts := 0
	each(parsed(t, page), func(n *html.Node) {
		if n.Data == "script" {
			scripts++
		}
		if n.Data == "img" || n.Data == "iframe" || n.Data == "object" {
			t.Errorf("the page has an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if !allowed[n.Data+" "+a.Key] || strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("%s has the attribute %s=%q", n.Data, a.Key, a.Val)
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "data:image/svg+xml,") {
				t.Errorf("%s leads to %q", n.Data, a.Val)
			}
		}
	})
	if scripts != 2 {
		t.Errorf("the page has %d scripts, want its data and its own", scripts)
	}
	for _, r := range string(page) {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029') {
			t.Errorf("the page holds the character %U", r)
		}
	}
	if !strings.Contains(textOf(byID(t, parsed(t, page), "needs")), `alert(1) {{.}} \x1b[2J`) {
		t.Error("the hostile message is not shown as text")
	}
}

// TestDataIsTheViews: the script is given what the report's JSON says.
func TestDataIsTheViews(t *testing.T) {
	t.Parallel()
	v := troubledNight(200)
	root := parsed(t, frozen(t, v))
	raw := byID(t, root, "data").FirstChild.Data
	if !inert([]byte(raw)) {
		t.Error("the data could end its script element")
	}
	var d struct {
		Live   bool
		Zone   string
		Vaults []row
		Waves  []waveRow
	}
	if err := json.Unmarshal([]byte(raw), &d); err != nil {
		t.Fatal(err)
	}
	if d.Live || d.Zone != "Australia/Sydney" || len(d.Waves) != 3 || len(d.Vaults) != len(v.Vaults) {
		t.Fatalf("live %v, zone %q, %d waves, %d vaults", d.Live, d.Zone, len(d.Waves), len(d.Vaults))
	}
	for i, r := range d.Vaults {
		x := &v.Vaults[i]
		if r.Vault != lexicon.Clean(x.Vault) || r.Status != x.Status || r.Operation != report.ValueOf(x.OperationID) ||
			r.StartedAt != millis(x.StartedAt) ||
			r.NewID != lexicon.Clean(report.ValueOf(x.UpgradedResourceID)) || d.Waves[r.Wave].Name != x.Wave ||
			len(r.Findings) != len(x.Findings) {
			t.Errorf("vault %d is %+v, from %+v", i, r, x)
		}
		if l := x.LastReading; (l == nil) != (r.Reading == nil) {
			t.Errorf("vault %d has the reading %+v, from %+v", i, r.Reading, l)
		} else if l != nil && (r.Reading.At != millis(l.At) || r.Reading.What != lexicon.Clean(l.What) ||
			r.Reading.Differs[0] != lexicon.Clean(l.Differs[0]) ||
			r.Reading.Poll != lexicon.Clean(*l.Poll) || r.Reading.Action != lexicon.Clean(*l.Action)) {
			t.Errorf("vault %d has the reading %+v, from %+v", i, r.Reading, l)
		}
		if (r.Support != "") != (x.Status == fleet.Failed) {
			t.Errorf("vault %d, %s, has the support message %q", i, x.Status, r.Support)
		}
	}
}

// TestPolicyFitsTheFrozenPage: the hashes are those of the elements, and
// nothing else may run or load.
func TestPolicyFitsTheFrozenPage(t *testing.T) {
	t.Parallel()
	root := parsed(t, frozen(t, troubledNight(60)))
	var policy string
	each(root, func(n *html.Node) {
		if v, _ := attr(n, "http-equiv"); v == "Content-Security-Policy" {
			policy, _ = attr(n, "content")
		}
	})
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	each(root, func(n *html.Node) {
		kind, _ := attr(n, "type")
		if n.Data == "style" || n.Data == "script" && kind == "" {
			if h := hash(n.FirstChild.Data); !strings.Contains(policy, n.Data+"-src "+h) {
				t.Errorf("the policy does not know the %s, %s: %s", n.Data, h, policy)
			}
		}
	})
	for _, outside := range []string{`url\(`, `@import`, `src="http`, `href="http`, `fetch\("http`,
		`//[a-z0-9-]+\.(com|net|org|io)\b`} {
		if m := regexp.MustCompile(outside).FindString(styles() + script()); m != "" {
			t.Errorf("the page reaches outside: %s", m)
		}
	}
}

// TestPageIsGoodHTML: what is opened is closed, in order; IDs are unique, and
// what refers to one finds it; every control has a name.
func TestPageIsGoodHTML(t *testing.T) {
	t.Parallel()
	page := frozen(t, troubledNight(60))
	balanced(t, page)
	root := parsed(t, page)
	ids := map[string]bool{}
	each(root, func(n *html.Node) {
		if id, ok := attr(n, "id"); ok {
			if ids[id] || id == "" || strings.ContainsAny(id, " \t\n") {
				t.Errorf("the ID %q is not good or not unique", id)
			}
			ids[id] = true
		}
	})
	each(root, func(n *html.Node) {
		for _, name := range []string{"aria-labelledby", "aria-describedby", "for"} {
			if v, ok := attr(n, name); ok && !ids[v] {
				t.Errorf("%s of a %s finds no %q", name, n.Data, v)
			}
		}
		if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") && !ids[href[1:]] {
			t.Errorf("a link finds no %q", href)
		}
		switch n.Data {
		case "button", "a", "summary":
			if textOf(n) == "" {
				t.Errorf("a %s has no words", n.Data)
			}
		case "input", "select", "textarea":
			if n.Parent.Data != "label" {
				t.Errorf("a %s has no label", n.Data)
			}
		case "svg":
			_, named := attr(n, "aria-label")
			if hidden, _ := attr(n, "aria-hidden"); hidden != "true" && !named {
				t.Error("an svg is neither named nor hidden")
			}
		case "th":
			if _, ok := attr(n, "scope"); !ok {
				t.Error("a th has no scope")
			}
		}
	})
}

// balanced compares the tags as written with what HTML lets a reader leave out.
func balanced(t *testing.T, page []byte) {
	t.Helper()
	void := []string{"meta", "link", "input", "br", "hr", "img"}
	var open []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("%v; left open: %q", z.Err(), open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %q", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// TestWritingAReportLeavesTheViewAlone: it may be written in other forms too.
func TestWritingAReportLeavesTheViewAlone(t *testing.T) {
	t.Parallel()
	v := troubledNight(60)
	before, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	first := frozen(t, v)
	if after, _ := json.Marshal(v); !bytes.Equal(before, after) {
		t.Error("writing the page changed the view")
	}
	if !bytes.Equal(first, frozen(t, v)) {
		t.Error("the same view gave two different pages")
	}
}

// TestTasksAreCapped: a live page is sent again and again, and lists a few
// vaults of each task; a frozen one lists all.
func TestTasksAreCapped(t *testing.T) {
	t.Parallel()
	v := cleaned(troubledNight(400)).Worded(report.Options{})
	all, _ := tasksOf(v, clock{zone: sydney}, 0)
	few, _ := tasksOf(v, clock{zone: sydney}, 5)
	for i := range all {
		a, f := all[i], few[i]
		if len(f.Vaults) != min(5, len(a.Vaults)) || f.More != len(a.Vaults)-len(f.Vaults) || a.More != 0 ||
			f.List != a.List || f.Count != len(a.Vaults) {
			t.Errorf("%s: %d and %d more of %d", a.Title, len(f.Vaults), f.More, len(a.Vaults))
		}
	}
}

// A command breaks between its words alone, so that no flag is torn apart on a narrow
// screen, and is copied as it is.
func TestCommandsBreakBetweenWords(t *testing.T) {
	t.Parallel()
	seen := 0
	for n := range byID(t, parsed(t, frozen(t, troubledNight(60))), "needs").Descendants() {
		if n.Type != html.ElementNode || n.Data != "code" {
			continue
		}
		seen++
		var words []string
		text := ""
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type == html.ElementNode && c.Data == "span" {
				words = append(words, c.FirstChild.Data)
				text += c.FirstChild.Data
			} else {
				text += c.Data
			}
		}
		if len(words) < 2 || words[0] != "fleetup" || text != strings.Join(words, " ") {
			t.Errorf("the words of a command are %q, its text %q", words, text)
		}
	}
	if seen == 0 {
		t.Error("no command is on the page")
	}
}
