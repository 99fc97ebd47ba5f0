package test

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// planted are secrets in every place where one may be, and what they look like.
// The token is what the sign-in gives; it is opaque, so that only its being sent
// gives it away.
const (
	plantedToken    = "0.AVYA~planted-opaque-token~9f0e3c1a77c24b7e8d552a6f4f0c9d11.Q2~"
	plantedPassword = "planted&certificate password"
	plantedAgent    = "planted-system-access-token"
	plantedFile     = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZA"
)

// xmlText writes each character as its number, as a server may that wants a
// text to pass a search.
func xmlText(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, "&#%d;", r)
	}
	return b.String()
}

// echo answers for a server that sends back what it was sent, in every place
// that is shown or journalled.
func echo(rw http.ResponseWriter, r *http.Request) bool {
	sent := r.Header.Get("Authorization")
	say := func(status int, text string) bool {
		rw.Header().Set("x-ms-request-id", strings.TrimPrefix(sent, "Bearer "))
		rw.WriteHeader(status)
		fmt.Fprintf(rw,
			`<Error xmlns="http://schemas.microsoft.com/windowsazure"><Code>%s</Code><Message>I was sent %s</Message><RecommendedAction>Send %s</RecommendedAction></Error>`,
			text, text, text)
		return true
	}
	in := func(parts ...string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(r.URL.Path, p) })
	}
	switch {
	case in("echo-check", "checkPrereqs"):
		return say(http.StatusBadRequest, sent)
	case in("echo-encoded", "checkPrereqs"):
		return say(http.StatusBadRequest, xmlText(sent))
	case in("echo-start", "/upgrade"):
		return !in("upgradeOperationResult") && say(http.StatusBadRequest, sent)
	case in("echo-page", "checkPrereqs"):
		rw.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(rw, "<html>%s</html>", sent)
		return true
	case in("echo-raw", "checkPrereqs"):
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "Authorization: %s\r\n\r\n", sent)
			_ = conn.Close()
		}
		return true
	case in("echo-target", "/vaults/"):
		rw.Header().Set("Location", "https://elsewhere.invalid/?token="+sent)
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(rw, `{"error":{"code":"%s","message":"I was sent %s"}}`, sent, sent)
		return true
	}
	return false
}

// A night over TLS with a real sign-in (a stand-in for the Azure CLI), on a
// cloud that sends every token back, with everything logged. No secret is in
// anything that the program prints or writes, in any format, and every file is
// its owner's alone whatever the umask.
func TestNoSecretComesOut(t *testing.T) {
	t.Parallel()
	timings := quick()
	timings.BusyDeadline = time.Second // what is unreadable is waited for
	w := newWorldBehind(t, strictcloud.Config{Timings: timings}, (*httptest.Server).StartTLS)
	w.gate.echo = echo
	w.signsInWithCLI()
	names := []string{"echo-check", "echo-encoded", "echo-start", "echo-page", "echo-raw", "echo-target", "plain"}
	for _, name := range names {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: name}).Duration(100 * time.Millisecond)
	}
	w.cloud.Subscription(subA).Named("contoso", nil)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 9, PerSubscription: 9}, FailureBudget: "9",
		Extra: "credential: {serviceManagement: cli, resourceManager: cli}\n"})
	saved := filepath.Join(w.dir, "fleet.plan")
	// A plan that anybody may read is replaced by one that nobody else may.
	if err := os.WriteFile(saved, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	w.start("plan", w.inv, "--out", saved, "--validate", "--details").wait()
	if run := w.start("run", saved, "--yes", "--state", w.db); run.wait() != 3 {
		t.Fatalf("the run exited %d\n%s", run.wait(), run.stderr.String())
	}
	s := w.status(w.db)
	for name, want := range map[string]string{"plain": "upgraded", "echo-start": "failed", "echo-check": "blocked"} {
		if v := s.find(t, name); v.Status != want {
			t.Errorf("%s is %s, want %s: %s", name, v.Status, want, v.why())
		}
	}
	if v := s.find(t, "echo-start"); !strings.Contains(v.why(), "I was sent Bearer [token removed]") {
		t.Errorf("what the service said is not told: %s", v.why())
	}
	for _, args := range [][]string{{"report"}, {"status"}, {"report", "-o", "markdown"}, {"report", "-o", "csv"},
		{"report", "-o", "jsonl"}, {"audit", "export"}} {
		w.start(append(args, "--state", w.db)...).wait()
	}
	w.start("validate", w.inv, "-o", "json").wait()
	// A sign-in that fails, and whose words are secrets.
	w.env = append(w.env, "FAIL_SIGN_IN=yes")
	w.start("run", w.inv, "--yes", "--state", filepath.Join(w.dir, "other.db")).ends(8).says("cannot sign in",
		"I was given")
	w.start("run", w.inv, "--yes", "--state", filepath.Join(w.dir, "other.db"), "-o", "json").wait()

	if err := os.RemoveAll(filepath.Join(w.dir, "bin")); err != nil { // the stand-in holds them, as it must
		t.Fatal(err)
	}
	w.judgeSecrets()
	if !w.gate.tokens[plantedToken] {
		t.Fatal("the planted token was never sent: this test proves nothing")
	}
	for where, text := range w.written() {
		for _, secret := range []string{plantedToken, plantedPassword, plantedAgent, plantedFile, clientSecret,
			plantedFile[:25]} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, where)
			}
		}
	}
	w.judgeModes(w.inv)
}

// A process that is made to tell where its goroutines stand tells no secret: not what
// it signs in with, nor who is told, nor what opens its page.
func TestNoSecretInADump(t *testing.T) {
	t.Parallel()
	const pageToken, hook = "planted-token-of-the-page", "planted-path-of-a-webhook"
	w := newWorldBehind(t, strictcloud.Config{Timings: quick()}, (*httptest.Server).StartTLS)
	w.signsInWithCLI()
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v"}).Start(strictcloud.SlowAnswer(time.Minute))
	w.write(strictcloud.Inventory{Extra: "credential: {serviceManagement: cli, resourceManager: cli}\n"})
	came := make(chan struct{}, 10)
	w.gate.on(func(r *http.Request) {
		if isStart(r) {
			came <- struct{}{}
		}
	}, nil)
	saved := filepath.Join(w.dir, "fleet.plan")
	w.start("plan", w.inv, "--out", saved).ends(0)
	w.env = append(w.env, "GOTRACEBACK=all", "FLEETUP_LISTEN_TOKEN="+pageToken,
		"FLEETUP_NOTIFY=slack=http://127.0.0.1:9/"+hook, "FLEETUP_NOTIFY_SECRET=planted-secret")
	run := w.start("run", saved, "--yes", "--state", w.db, "--listen", "127.0.0.1:0")
	<-came
	run.signal(syscall.SIGQUIT)
	run.wait()
	if n := strings.Count(run.stderr.String(), "goroutine "); n < 5 {
		t.Fatalf("%d goroutines told where they stand\n%s", n, tail(run.stderr.String(), 20))
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "bin")); err != nil { // the stand-in holds them, as it must
		t.Fatal(err)
	}
	w.judgeSecrets()
	for where, text := range w.written() {
		if strings.Contains(text, "planted-") || strings.Contains(text, plantedToken) {
			t.Errorf("a secret is in %s", where)
		}
	}
}

// signsInWithCLI puts a stand-in for the Azure CLI into the processes' path, and
// secrets into their environment.
func (w *world) signsInWithCLI() {
	w.t.Helper()
	bin, cert, token := filepath.Join(w.dir, "bin"), filepath.Join(w.dir, "bin", "ca.pem"),
		filepath.Join(w.dir, "bin", "token")
	script := `#!/bin/sh
if [ -n "$FAIL_SIGN_IN" ]; then
	echo "ERROR: I was given $AZURE_CLIENT_SECRET, $AZURE_CLIENT_CERTIFICATE_PASSWORD, $SYSTEM_ACCESSTOKEN, $(cat "$AZURE_FEDERATED_TOKEN_FILE") and Bearer ` + plantedToken + `" >&2
	exit 1
fi
echo '{"accessToken": "` + plantedToken + `", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800, "tokenType": "Bearer"}'
`
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.web.Certificate().Raw})
	if err := os.Mkdir(bin, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for path, data := range map[string]string{filepath.Join(bin, "az"): script, cert: string(ca), token: plantedFile} {
		if err := os.WriteFile(path, []byte(data), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	w.env = append(w.env, "PATH="+bin+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+cert, "AZURE_FEDERATED_TOKEN_FILE="+token,
		"AZURE_CLIENT_CERTIFICATE_PASSWORD="+plantedPassword, "SYSTEM_ACCESSTOKEN="+plantedAgent)
}

// judgeModes demands that every file of the world but some is its owner's alone.
func (w *world) judgeModes(but ...string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(but, path) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			w.t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whatever the umask and whoever made a file before, what the program writes is
// its owner's alone. The shell sets the umask of the process.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "077"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quick())
			w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v"}).Duration(50 * time.Millisecond)
			w.write(strictcloud.Inventory{})
			under := func(code int, args ...string) {
				t.Helper()
				w.launch("/bin/sh", nil, append([]string{"-c", "umask " + umask + `; exec "$0" "$@"`,
					binary}, args...)).ends(code)
			}
			saved := filepath.Join(w.dir, "fleet.plan")
			under(0, "plan", w.inv, "--out", saved)
			under(0, "plan", w.inv, "--out", saved)
			under(0, "run", saved, "--yes", "--state", w.db)
			under(0, "status", "--state", w.db)
			w.judgeModes(w.inv)
		})
	}
}
