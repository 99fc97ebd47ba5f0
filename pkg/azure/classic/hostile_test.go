package classic

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// inUTF16 is a document as UTF-16 with its byte order mark.
func inUTF16(s string, big bool) string {
	var b strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if hi, lo := byte(u>>8), byte(u); big {
			b.Write([]byte{hi, lo})
		} else {
			b.Write([]byte{lo, hi})
		}
	}
	return b.String()
}

func declared(encoding, document string) string {
	return `<?xml version="1.0" encoding="` + encoding + `"?>` + document
}

// hostileBodies is what a document can be made into. Each is given one that
// would be good.
var hostileBodies = []struct {
	name string
	make func(good string) string
}{
	{"nothing", func(string) string { return "" }},
	{"a login page", func(string) string {
		return "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form " +
			"action=/login></form></body></html>"
	}},
	{"a login page in XHTML",
		func(string) string { return `<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>` }},
	{"cut in half", func(good string) string { return good[:len(good)/2] }},
	{"without its last character", func(good string) string { return good[:len(good)-1] }},
	{"nested 100,000 deep", func(good string) string { return wrapped(good, "<a>", "</a>", 100_000) }},
	{"nested 100,000 deep, never closed", func(good string) string { return wrapped(good, "<a>", "", 100_000) }},
	{"a million laughs", func(good string) string {
		var b strings.Builder
		b.WriteString(`<!DOCTYPE l [<!ENTITY l0 "ha">`)
		for i := range 9 {
			fmt.Fprintf(&b, `<!ENTITY l%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
		}
		return b.String() + `]>` + wrapped(good, "&l9;", "", 1)
	}},
	{"an entity of a file", func(good string) string {
		return `<!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/passwd">]>` + wrapped(good, "&f;", "", 1)
	}},
	{"an entity that nobody declared", func(good string) string { return wrapped(good, "&who;", "", 1) }},
	{"a tag with half a million attributes", func(good string) string {
		return wrapped(good, "<a"+strings.Repeat(` a=""`, 80_000)+"/>", "", 1)
	}},
	{"a text without an end", func(good string) string { return wrapped(good, strings.Repeat("x", 400<<10), "", 1) }},
	{"a comment without an end", func(good string) string { return wrapped(good, "<!-- ", "", 1) }},
	{"UTF-16, little", func(good string) string { return inUTF16(declared("utf-16", good), false) }},
	{"UTF-16, big", func(good string) string { return inUTF16(declared("utf-16", good), true) }},
	{"UTF-16, not declared", func(good string) string { return inUTF16(good, false) }},
	{"ISO-8859-1", func(good string) string { return declared("ISO-8859-1", wrapped(good, "<a>\xe9</a>", "", 1)) }},
	{"another charset than declared", func(good string) string {
		return declared("utf-8",
			wrapped(good, "<a>\xe9</a>", "", 1))
	}},
	{"control characters", func(good string) string { return wrapped(good, "<a>\x00\x1b[2J</a>", "", 1) }},
	{"two documents", func(good string) string { return good + good }},
	{"JSON", func(string) string { return `{"value":[]}` }},
	{"deep JSON", func(string) string { return strings.Repeat(`{"a":`, 100_000) }},
	{"another root", func(good string) string { return "<Envelope>" + good + "</Envelope>" }},
}

// wrapped puts n times something right behind the root's tag, and its end.
func wrapped(good, begin, end string, n int) string {
	good = strings.TrimPrefix(good, "\xef\xbb\xbf")
	at := 0
	if strings.HasPrefix(good, "<?") {
		at = strings.Index(good, "?>") + 2
	}
	at += strings.IndexByte(good[at:], '>') + 1
	return good[:at] + strings.Repeat(begin, n) + strings.Repeat(end, n) + good[at:]
}

// No listing is taken from a body that is none, or that is more than one.
func TestHostileListings(t *testing.T) {
	t.Parallel()
	good := strings.TrimPrefix(listing(vaultXML(`<IntrinsicSettings>`+details(opOur, "InProgress")+
		`</IntrinsicSettings>`)), "\xef\xbb\xbf"+`<?xml version="1.0" encoding="utf-8"?>`)
	if _, err := listed([]byte(good), sub); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	for _, tt := range hostileBodies {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeCloud(t)
			f.set(listURL, 200, tt.make(good))
			snap, err := f.upgrader(nil).Read(t.Context(), sub, nil)
			ce, ok := errors.AsType[*fleet.CallError](err)
			if snap != nil || !ok || ce.Class != fleet.CallGarbled {
				t.Fatalf("got %+v, %v", snap, err)
			}
			if f.count(listURL) != 1 {
				t.Errorf("asked %d times", f.count(listURL))
			}
			wantText(t, "the error", err.Error())
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// A start whose answer is hostile may have been accepted: unknown, whatever the
// body, and one request. A success with the service's own ID says that it was, and
// names nothing to follow.
func TestHostileStartAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range hostileBodies {
		for _, status := range []int{200, 202, 500} {
			t.Run(fmt.Sprint(status, " ", tt.name), func(t *testing.T) {
				t.Parallel()
				f := newFakeCloud(t)
				f.set(startURL, status, tt.make(details(opOur, "InProgress")))
				start, err := azuretest.Prepare(t.Context(), f.upgrader(nil), testVault(), seen(nil))
				if err != nil {
					t.Fatal(err)
				}
				a := start(t.Context(), opOur)
				told := a.Verdict == fleet.StartUnknown && a.Code != "" && a.Message != ""
				if status == 200 && a.Verdict == fleet.StartAccepted || status == 202 {
					told = a.Verdict == fleet.StartAccepted && a.Operation.WhyUnfollowed() != ""
				}
				if !told || f.count(startURL) != 1 {
					t.Errorf("got %+v after %d requests", a, f.count(startURL))
				}
				for _, s := range []string{a.Code, a.Message, a.Action, a.Operation.WhyUnfollowed()} {
					wantText(t, "the answer", s)
				}
			})
		}
	}
}

// The Resource Manager's answers: none of these says that a target or a group
// is there, or is not.
func TestHostileResourceManagerAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "null": "null", "null with space": " null\n", "a list": "[]", "a text": `"x"`, "a number": "1",
		"a login page": "<html>Sign in</html>", "cut": `{"id":"/x","properties":{"provisioningState":"Succ`,
		"nested": strings.Repeat(`{"properties":`, 100_000) + `1` + strings.Repeat(`}`, 100_000),
		"two":    `{"id":"a"}{"id":"b"}`, "UTF-16": inUTF16(`{"id":"a"}`, false),
		"a wrong type": `{"properties":{"provisioningState":7}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.set(targetURL, 200, body)
				u := f.upgrader(nil)
				if got, err := u.Verify(t.Context(), testVault(), opOur); err == nil ||
					fleet.ClassOf(err) != fleet.CallGarbled {
					t.Errorf("verified from it: %+v, %v", got, err)
				}
				if got := u.Reconcile(t.Context(), testVault(), opOur, seen(nil), true,
					nil); got.Reading != fleet.ReadUnreadable {
					t.Errorf("concluded from it: %+v", got)
				}
				if name == "a wrong type" {
					return // of a group, nothing is read but that it is there
				}
				f.set(targetURL, 404, `{"error":{"code":"ResourceNotFound"}}`)
				f.set(groupURL, 200, body)
				if got := u.Validate(t.Context(), testVault(), seen(nil), true, nil); got.Verdict != fleet.VerdictBusy {
					t.Errorf("validated with it: %+v", got)
				}
			})
		})
	}
}

// An operation has one spelling, whatever the cloud makes of it: what is ours is
// recognised by plain comparison everywhere.
func TestOperationIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		opOur: opOur, strings.ToUpper(opOur): opOur, strings.ToLower(opOur): opOur,
		" \n" + strings.ToUpper(opOur) + "\t":     opOur,
		strings.ReplaceAll(opOur, " ", "\u00a0 "): opOur,
		"Someone Else's":                          "Someone Else's", "": "", "  ": "", opOur[:35]: opOur[:35],
		"{" + opOur + "}":           "{" + opOur + "}", // braces are not ours: nobody was ever seen to write them
		strings.Repeat("x", 10_000): strings.Repeat("x", 200) + "…",
	} {
		if got := operationID(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, spelling := range []string{strings.ToUpper(opOur), " " + opOur + "\r\n "} {
		vaults,
			err := listed([]byte(listing(vaultXML(`<IntrinsicSettings>`+details(spelling, "InProgress")+
			`</IntrinsicSettings>`))), sub)
		if rec := vaults[testVault().Key].Record; err != nil || rec == nil || rec.OperationID != opOur {
			t.Errorf("%q is listed as %+v, %v", spelling, rec, err)
		}
		f := newFakeCloud(t)
		f.set(targetURL, 200, targetJSON("Succeeded", strings.ReplaceAll(spelling, "\r\n", `\r\n`), "Upgraded"))
		if got, err := f.upgrader(nil).Verify(t.Context(), testVault(), opOur); err != nil || !got.OK {
			t.Errorf("%q is not verified: %+v, %v", spelling, got, err)
		}
	}
}

// Times that no upgrade has: they become none, and none stops the journal.
func TestAbsurdTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 3, 28, 10, 3, 17, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"2017-03-28T10:03:17": at, "2017-03-28T10:03:17Z": at, "2017-03-28T20:03:17+10:00": at,
		"2017-03-28T10:03:17.0000000": at,
		"9999-12-31T23:59:59.9999999": {}, "9998-12-31T23:59:59-14:00": {}, "9999-01-01T00:00:00Z": {},
		"0000-01-01T00:00:00+14:00": {},
		"0000-06-01T00:00:00Z":      {}, "0001-01-01T00:00:00": {}, "10000-01-01T00:00:00Z": {},
		"-0001-01-01T00:00:00Z": {}, "2017-02-30T00:00:00Z": {},
		"2017-03-28": {}, "yesterday": {}, "": {}, "1490695397": {},
		"2017-03-28T10:03:17." + strings.Repeat("9", 1000): at.Add(time.Second - 1),
	} {
		got := parseTime(in)
		if !got.Equal(want) {
			t.Errorf("%.40q: got %v, want %v", in, got, want)
		}
		if _, err := got.MarshalJSON(); err != nil {
			t.Errorf("%.40q cannot be journalled: %v", in, err)
		}
	}
}

// Elements that nobody knows, thousands of them, change nothing; and however
// many reasons and machines an answer names, what is kept of it is bounded and
// says what is left out.
func TestManyOfEverything(t *testing.T) {
	t.Parallel()
	unknown := strings.Repeat(`<Future a="1"><Name>x</Name><Type>BackupVault</Type></Future>`, 5000)
	body := listing(unknown, strings.Replace(vaultXML(unknown+`<IntrinsicSettings>`+unknown+details(opOur,
		"InProgress")+`</IntrinsicSettings>`), "<Name>", unknown+"<Name>", 1))
	vaults, err := listed([]byte(body), sub)
	if err != nil || len(vaults) != 1 || vaults[testVault().Key].Record.OperationID != opOur {
		t.Errorf("got %+v, %v", vaults, err)
	}
	e, ok := parseServiceError([]byte(errorXML("Top", "m", strings.Repeat("<X/>", 10_000))))
	if !ok {
		t.Fatal("not an error of the service")
	}
	fs := e.findings((&Upgrader{}).guide)
	if wantFindings(t, fs); len(fs) != maxDetails+1 || !strings.Contains(fs[maxDetails].Message, "9900 reasons more") {
		t.Errorf("%d findings, the last %+v", len(fs), fs[len(fs)-1])
	}
	e, _ = parseServiceError([]byte(errorXML("Top", "Machines: "+strings.Repeat("m;1|", 5000), "")))
	fs = e.findings((&Upgrader{}).guide)
	if wantFindings(t, fs); len(fs) != 1 || len(fs[0].Items) != maxItems+1 ||
		fs[0].Items[maxItems] != "and 4000 more, which are not kept" {
		t.Errorf("%d findings, %d items", len(fs), len(fs[0].Items))
	}
}

// Reading a hostile body costs a bounded multiple of it. Not parallel: what is
// measured is the whole process's.
func TestHostileBodiesCostLittle(t *testing.T) {
	for name, body := range map[string]string{
		"elements":   strings.Repeat("<a/>", 8<<20/4),
		"attributes": "<a" + strings.Repeat(` a=""`, 8<<20/5) + "/>",
		"namespaces": "<a" + strings.Repeat(` xmlns:a="b"`, 8<<20/12) + "/>",
		"text":       strings.Repeat("x", 8<<20),
		"depth":      strings.Repeat("<a>", 8<<20/3),
		"comments":   strings.Repeat("<!---->", 8<<20/7),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := listed([]byte("<CloudServices><CloudService>"+body), sub)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 500<<20 {
			t.Errorf("%s: %d MB were allocated for 8", name, got>>20)
		} else {
			t.Logf("%s: %d MB, %v", name, got>>20, err)
		}
	}
}
