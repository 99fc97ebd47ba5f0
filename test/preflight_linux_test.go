package test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// unsigned is a token that says of whom it is, and that nobody has signed.
func unsigned(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc([]byte(claims)) + "." +
		enc([]byte("planted-signature"))
}

// signsInWith puts a stand-in for the Azure CLI into the processes' path, which
// gives a token that ends at some time.
func (w *world) signsInWith(token string, ends time.Time) {
	w.t.Helper()
	bin := filepath.Join(w.t.TempDir(), "bin")
	answer, _ := json.Marshal(map[string]any{"accessToken": token, "expires_on": ends.Unix(), "tokenType": "Bearer",
		"expiresOn": ends.Format("2006-01-02 15:04:05.000000")}) // always can be
	if err := os.Mkdir(bin, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for name, data := range map[string]string{"az": "#!/bin/sh\ncat '" + bin + "/answer'\n", "answer": string(answer),
		"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.web.Certificate().Raw}))} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(data), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	w.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "SSL_CERT_FILE=" + filepath.Join(bin, "ca.pem"),
		"AZURE_TOKEN_CREDENTIALS=AzureCLICredential"}
}

// preflighted is what preflight -o json says.
type preflighted struct {
	ExitCode int
	SignIns  []struct {
		Side, Type, Name, ApplicationID string
		ValidUntil                      *time.Time
		FixedToken                      bool
		Findings                        []struct{ Severity, Code, Message string }
	}
	Subscriptions []struct {
		SubscriptionID string
		Checks         []struct{ Check, State string }
	}
}

// preflight runs the command in both forms, which must agree, and returns what
// it says to programs and to people.
func (w *world) preflight(code int, args ...string) (p preflighted, table string) {
	w.t.Helper()
	args = append([]string{"preflight", w.inv}, args...)
	table = w.start(args...).ends(code).stdout.String()
	if err := json.Unmarshal([]byte(w.start(append(args, "-o", "json")...).ends(code).stdout.String()),
		&p); err != nil {
		w.t.Fatal(err)
	}
	if p.ExitCode != code || len(p.SignIns) != 2 {
		w.t.Fatalf("got %+v, want exit code %d and two sign-ins", p, code)
	}
	return p, table
}

// A real sign-in over TLS: the preflight says as whom and until when, warns of
// what will not do, sends reads only, and shows no token.
func TestPreflightSaysAsWhom(t *testing.T) {
	t.Parallel()
	later, soon := time.Now().Add(30*24*time.Hour).Truncate(time.Second),
		time.Now().Add(40*time.Minute).Truncate(time.Second)
	for name, tt := range map[string]struct {
		credential, claims string
		ends               time.Time
		codes              string // of the classic side's findings
		says               string // in the table
	}{
		"user": {"cli", `{"idtyp":"user","upn":"ops@contoso.example","appid":"a","scp":"user_impersonation"}`,
			later, "", "user ops@contoso.example"},
		"app": {"cli", `{"idtyp":"app","appid":"04b07795-0000-4000-8000-000000000002"}`, later, "not-a-user",
			"application 04b07795-0000-4000-8000-000000000002"},
		"renewed by az": {"cli", `{"upn":"ops@contoso.example"}`, soon, "", "renews it by itself"},
		"ends, who asks": {"default", `{"upn":"ops@contoso.example"}`, soon, "sign-in-ends",
			"warning sign-in-ends: the token ends " + soon.UTC().Format("Mon 15:04")},
		"no claims": {"cli", `{}`, later, "", "the token does not say"},
		"garbage":   {"cli", `"upn`, later, "", "the token does not say"},
		"hostile": {"cli", `{"upn":"\u001b[2J\u001b]0;owned\u0007\u202eops\nFAILED prod/other","oid":"\u009b31m"}`,
			later, "",
			"user [2J ]0;owned ops FAILED prod/other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldBehind(t, strictcloud.Config{Timings: quick()}, (*httptest.Server).StartTLS)
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "one"})
			w.cloud.AddVault(strictcloud.Vault{Subscription: subB, Name: "two"})
			w.write(strictcloud.Inventory{Extra: "credential: {serviceManagement: " + tt.credential +
				", resourceManager: " + tt.credential + "}\n"})
			w.signsInWith(unsigned(tt.claims), tt.ends)
			var mu sync.Mutex
			var notReads []string
			w.gate.on(func(r *http.Request) {
				if mu.Lock(); r.Method != http.MethodGet {
					notReads = append(notReads, r.Method+" "+r.URL.Path)
				}
				mu.Unlock()
			}, nil)
			p, table := w.preflight(0)
			var codes []string
			for _, f := range p.SignIns[0].Findings {
				codes = append(codes, f.Code)
			}
			if s := p.SignIns[0]; strings.Join(codes, " ") != tt.codes || s.FixedToken || s.ValidUntil == nil ||
				!s.ValidUntil.Equal(tt.ends) {
				t.Errorf("the classic side is %+v, want the findings %q and the end %v", s, tt.codes, tt.ends)
			}
			if !strings.Contains(table, tt.says) {
				t.Errorf("the table does not say %q:\n%s", tt.says, table)
			}
			if strings.ContainsFunc(table,
				func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) }) ||
				strings.Contains(table, "\nFAILED") {
				t.Errorf("a claim does more than show itself: %q", table)
			}
			if len(notReads) > 0 {
				t.Errorf("a preflight sent %v", notReads)
			}
			if !w.gate.tokens[unsigned(tt.claims)] {
				t.Error("the token was never sent: this test proves nothing")
			}
			w.judgeVaults(nil)
			w.judgeSecrets()
			for where, text := range w.written() {
				if strings.Contains(text, base64.RawURLEncoding.EncodeToString([]byte("planted-signature"))) {
					t.Errorf("the token is in %s", where)
				}
			}
		})
	}
}

// What is missing decides the exit code: a permission, 8; anything else, 1.
func TestPreflightSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		missing func(*world)
		code    int
		says    string
	}{
		"forbidden": {func(w *world) { w.cloud.Subscription(subB).Forbidden(true) }, 8, "denied   classic listing"},
		"invisible": {func(w *world) { w.cloud.Subscription(subB).Missing() }, 8, "denied   subscription"},
		"disabled":  {func(w *world) { w.cloud.Subscription(subB).State("Disabled") }, 1, "missing  subscription"},
		"CSP":       {func(w *world) { w.cloud.Subscription(subB).CSP() }, 1, "csp-subscription"},
		"provider": {func(w *world) {
			w.cloud.Subscription(subB).Provider("Microsoft.RecoveryServices",
				"NotRegistered")
		}, 1, "missing  provider Microsoft.RecoveryServices"},
		"feature": {func(w *world) { w.cloud.Subscription(subB).Feature("NotRegistered") }, 1,
			"missing  feature Microsoft.RecoveryServices/VaultUpgrade"},
		"group": {func(w *world) { w.cloud.Vaults()[1].MissingGroup() }, 1, "missing  resource group"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "one"})
			w.cloud.AddVault(strictcloud.Vault{Subscription: subB, Name: "two"})
			tt.missing(w)
			w.write(strictcloud.Inventory{})
			p, table := w.preflight(tt.code)
			if !p.SignIns[0].FixedToken || !strings.Contains(table, "a fixed token, no sign-in") {
				t.Errorf("the sign-in on loopback is %+v", p.SignIns[0])
			}
			if !strings.Contains(table, tt.says) {
				t.Errorf("the table does not say %q:\n%s", tt.says, table)
			}
			for _, s := range p.Subscriptions {
				for _, c := range s.Checks {
					if s.SubscriptionID == subA && c.State != "good" {
						t.Errorf("%s of the other subscription is %s", c.Check, c.State)
					}
				}
			}
			for _, v := range w.cloud.Vaults() {
				if n := len(v.Report().Starts); n > 0 {
					t.Errorf("%v was started", v)
				}
			}
			w.judgeVaults(nil)
		})
	}
}
