package test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// eachByte writes every byte of a text in one way.
func eachByte(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
}

// inPieces breaks a text up.
func inPieces(size int, between string) func(string) string {
	return func(s string) string {
		var parts []string
		for p := range slices.Chunk([]byte(s), size) {
			parts = append(parts, string(p))
		}
		return strings.Join(parts, between)
	}
}

// secretForms are the ways in which a server, a proxy or a library may write what it
// was sent.
var secretForms = map[string]func(string) string{
	"plain":     func(s string) string { return s },
	"percent":   eachByte("%%%02X"),
	"percent2":  func(s string) string { return url.QueryEscape(eachByte("%%%02x")(s)) },
	"escaped":   eachByte(`\u%04x`),
	"escaped2":  eachByte(`\\u%04x`),
	"entities":  eachByte("&#%d;"),
	"entities2": eachByte("&amp;#x%x;"),
	"base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("Bearer " + s)) },
	"base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"basic": func(s string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+s))
	},
	"hex":      func(s string) string { return hex.EncodeToString([]byte(s)) },
	"lines":    inPieces(12, "\n"),
	"newlines": inPieces(10, `\n`),
	"list":     inPieces(14, `", "`),
	"userinfo": func(s string) string { return "https://me:" + s + "@elsewhere.invalid/x?sig=" + url.QueryEscape(s) },
	"quoted":   func(s string) string { return strconv.Quote(`{"token": "` + s + `"}`) },
}

// A cloud writes the token that it was sent in every form into every answer, in body
// and headers; nothing of it is in anything that the program prints or writes.
func TestNoSecretComesOutInAnyForm(t *testing.T) {
	t.Parallel()
	timings := quick()
	timings.BusyDeadline = time.Second // what is unreadable is waited for
	w := newWorldBehind(t, strictcloud.Config{Timings: timings}, (*httptest.Server).StartTLS)
	w.signsInWithCLI()
	w.gate.echo = func(rw http.ResponseWriter, r *http.Request) bool {
		_, sent, _ := strings.Cut(r.Header.Get("Authorization"), "Bearer ")
		_, name, ok := strings.Cut(r.URL.Path, "form-")
		if !ok || sent == "" {
			return false
		}
		name, _, _ = strings.Cut(name, "/")
		where, form, _ := strings.Cut(name, "-")
		checks, starts := strings.Contains(r.URL.Path, "checkPrereqs"), strings.Contains(r.URL.Path, "/upgrade") &&
			!strings.Contains(r.URL.Path, "upgradeOperationResult")
		if where == "check" && !checks || where == "start" && !starts {
			return false
		}
		said := secretForms[form](sent)
		h := rw.Header()
		for _, name := range []string{"x-ms-request-id", "x-ms-correlation-request-id", "Location",
			"Azure-AsyncOperation", "Retry-After", "Operation-Location", "WWW-Authenticate"} {
			h.Set(name, strings.ReplaceAll(said, "\n", " "))
		}
		h.Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		if strings.HasPrefix(form, "entities") {
			fmt.Fprintf(rw,
				`<Error xmlns="http://schemas.microsoft.com/windowsazure"><Code>%s</Code><Message>I was sent %s</Message><RecommendedAction>Send %s</RecommendedAction></Error>`, said, said, said)
			return true
		}
		fmt.Fprintf(rw,
			`{"error":{"code":"%s","message":"I was sent %s","details":[{"code":"%s","message":"%s"}],"innererror":{"trace":"%s"}}}`, said, said, said, said, said)
		return true
	}
	for form := range secretForms {
		for _, where := range []string{"check", "start"} {
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA,
				Name: "form-" + where + "-" + form}).Duration(100 * time.Millisecond)
		}
	}
	w.cloud.Subscription(subA).Named("contoso", nil)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 40, PerSubscription: 40}, FailureBudget: "100%",
		Extra: "credential: {serviceManagement: cli, resourceManager: cli}\nsameErrorHalt: 0\n"})
	run := w.start("run", w.inv, "--yes", "--state", w.db, "--report", filepath.Join(w.dir, "night.html"))
	if code := run.wait(); code != 3 && code != 7 {
		t.Fatalf("the run exited %d\n%s", code, run.stderr.String())
	}
	for _, args := range [][]string{{"report"}, {"status"}, {"report", "-o", "json"}, {"report", "-o", "markdown"},
		{"report", "-o", "csv"}, {"report", "-o", "jsonl"}, {"report", "-o", "junit"}, {"audit", "export"}} {
		w.start(append(args, "--state", w.db)...).wait()
	}
	w.start("validate", w.inv, "--details").wait()
	if err := os.RemoveAll(filepath.Join(w.dir, "bin")); err != nil { // the stand-in holds them, as it must
		t.Fatal(err)
	}
	if !w.gate.tokens[plantedToken] {
		t.Fatal("the planted token was never sent: this test proves nothing")
	}
	removed := 0
	for where, text := range w.written() {
		removed += strings.Count(text, "[token removed]")
		// Output formats escape in their own ways: one reading for each.
		for _, text := range []string{text, strings.NewReplacer(`\n`, "", `\u0026`, "&", "&amp;",
			"&", `\\`, `\`, "\n", "", `\"`, `"`).Replace(text)} {
			for name, form := range secretForms {
				said := form(plantedToken)
				for from := 0; from+36 <= len(said); from += 18 {
					if piece := said[from : from+36]; strings.Contains(text, piece) &&
						!strings.Contains("Authorization: Basic https://me:@elsewhere.invalid/x?sig=", piece) {
						t.Errorf("in the form %q, %q is in %s", name, piece, where)
						break
					}
				}
			}
		}
	}
	if removed < 10*len(secretForms) {
		t.Errorf("only %d places show that a token was taken out", removed)
	}
}
