package test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A proxy that says what it was sent, in the line in which it refuses, gives nothing
// away: neither a password nor a token in the place of a user's name.
func TestProxyThatSaysWhatItWasSent(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{"password": "user:planted%40password", "token": "planted-proxy-token"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, asked := refusingProxy(t)
			w := behindProxy(t, "http://"+user+"@"+proxy)
			c := w.start("preflight", w.inv, "--details")
			<-asked
			<-asked // so the first refusal has been read
			c.signal(os.Interrupt)
			c.wait()
			if log := w.written()[w.logFile()]; !strings.Contains(log, "refused to [token removed]") &&
				!strings.Contains(log, "refused to Basic [token removed]") {
				t.Errorf("the log does not have the proxy's refusal:\n%s", tail(log, 5))
			}
			for where, text := range w.written() {
				for _, secret := range []string{"planted", base64.StdEncoding.EncodeToString([]byte("planted-proxy")),
					base64.StdEncoding.EncodeToString([]byte("user:planted"))} {
					if where != filepath.Join(w.dir, "bin", "az") && strings.Contains(text, secret) {
						t.Errorf("%q is in %s", secret, where)
					}
				}
			}
		})
	}
}

// Nothing goes around a proxy whose address cannot be read, and the error does not
// quote it.
func TestProxyOfNoUsableAddress(t *testing.T) {
	t.Parallel()
	w := behindProxy(t, "http://user:planted%word@127.0.0.1:1")
	for _, command := range []string{"preflight", "validate", "plan", "run"} {
		args := []string{command, w.inv}
		switch command {
		case "plan":
			args = append(args, "--validate")
		case "run":
			w.start("plan", w.inv, "--out", "fleet.plan").ends(0)
			args = []string{command, "fleet.plan", "--yes"}
		}
		w.start(args...).ends(2).says("the proxy in HTTPS_PROXY is not a usable address", "Next: correct the variable")
	}
	w.start("inventory", "discover", "--cloud", "AzurePublic", "--subscription",
		subA).ends(2).says("the proxy in HTTPS_PROXY")
	if _, err := os.Stat(w.db); err == nil {
		t.Error("a ledger was made")
	}
	emulated := filepath.Join(w.dir, "emulated.yaml")
	for path, text := range map[string]string{
		emulated: "apiVersion: fleetup/v1\ncloud: Emulator\nemulator: {scenario: quick.yaml}\n" +
			"timings: {poll: 50ms}\n" + vaults,
		filepath.Join(w.dir, "quick.yaml"): "timeScale: 6000\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.env = append(w.env, "FLEETUP_NOTIFY=cloudevents=https://hooks.contoso.example/planted")
	w.start("run", emulated, "--yes").ends(0).says("Not delivered: cloudevents at hooks.contoso.example was not told",
		"the proxy in HTTPS_PROXY is not a usable address")
	for where, text := range w.written() {
		if strings.Contains(text, "planted") {
			t.Errorf("the proxy's address is in %s", where)
		}
	}
}

// vaults is what an inventory says below its cloud.
const vaults = `upgrade: {kind: rsv-alerts}
defaults: {location: Australia East, resourceGroup: rg-vaults}
subscriptions: [{id: ` + subA + `, name: dev, vaults: [{name: web}]}]
waves: [{name: all}]
`

// behindProxy is a site whose cloud is elsewhere, and reached by a proxy alone.
func behindProxy(t *testing.T, proxy string) *site {
	t.Helper()
	dir := t.TempDir()
	w := &site{t: t, dir: dir, inv: filepath.Join(dir, "fleet.yaml"), db: filepath.Join(dir, "fleet.db")}
	az := "#!/bin/sh\n" +
		`echo '{"accessToken": "cli-token-0123456789", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800, "tokenType": "Bearer"}'` + "\n"
	inv := `apiVersion: fleetup/v1
cloud: AzurePublic
credential: {serviceManagement: cli, resourceManager: cli}
` + vaults
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string]string{filepath.Join(dir, "bin", "az"): az, w.inv: inv} {
		if err := os.WriteFile(path, []byte(data), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "HTTPS_PROXY=" + proxy}
	return w
}

// refusingProxy refuses every connection, and says what it was sent. The channel has
// one for each.
func refusingProxy(t *testing.T) (address string, asked <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	came := make(chan struct{}, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := textproto.NewReader(bufio.NewReader(c))
			_, _ = r.ReadLine()
			h, _ := r.ReadMIMEHeader()
			sent := h.Get("Proxy-Authorization")
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(sent, "Basic "))
			fmt.Fprintf(c, "HTTP/1.1 407 refused to %s, which is %s\r\nContent-Length: 0\r\n\r\n", sent, plain)
			c.Close()
			came <- struct{}{}
		}
	}()
	return l.Addr().String(), came
}
