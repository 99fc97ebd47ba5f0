package arm

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sub     = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	op      = "4cc27b8b-0000-4000-8000-000000000001"
	vaultID = "/subscriptions/" + sub + "/resourceGroups/rg vaults/providers/Microsoft.RecoveryServices/vaults/Vault1"
	encoded = "/subscriptions/" + sub + "/resourceGroups/rg%20vaults/providers/Microsoft.RecoveryServices/vaults/Vault1"

	vaultURL    = encoded + "?api-version=2026-07-01"
	locksURL    = encoded + "/providers/Microsoft.Authorization/locks?api-version=2020-05-01"
	statusURL   = encoded + "/operationStatus/o1?api-version=2026-07-01"
	resultURL   = encoded + "/operationResults/o1?api-version=2026-07-01"
	mayURL      = encoded + "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
	subURL      = "/subscriptions/" + sub + "?api-version=2022-12-01"
	providerURL = "/subscriptions/" + sub + "/providers/Microsoft.RecoveryServices?api-version=2021-04-01"
)

// asWas, asIs: the settings that the test's change is about, before and after.
const (
	asWas = `{"settings":{"mode":"Off","days":14},"provisioningState":"Succeeded"}`
	asIs  = `{"settings":{"mode":"on","days":14},"provisioningState":"Succeeded"}`
)

// vaultJSON is the vault as the service shows it.
func vaultJSON(properties string) string {
	return `{"id":"` + strings.ToLower(vaultID) + `","name":"Vault1","location":"australiaeast","properties":` +
		properties + `}`
}

// errorJSON is an error body of the Resource Manager.
func errorJSON(code, message string) string {
	return `{"error":{"code":"` + code + `","message":"` + message + `"}}`
}

// reply is a canned answer.
type reply struct {
	status int
	body   string
	header map[string]string
	break_ func(http.ResponseWriter, *http.Request) // instead of an answer
}

func ok(body string) reply { return reply{status: 200, body: body} }

func refused(status int, code string) reply {
	return reply{status: status, body: errorJSON(code, "because of "+code),
		header: map[string]string{"Content-Type": "application/json"}}
}

// with adds headers to an answer.
func (r reply) with(headers ...string) reply {
	h := map[string]string{}
	for k, v := range r.header {
		h[k] = v
	}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	r.header = h
	return r
}

// sent is a request that came.
type sent struct {
	method, uri string
	header      http.Header
	body        string
}

// fake is a Resource Manager on loopback. It answers by method and URI: each
// answer of a list once, the last one from then on. What it does not know is a
// test failure.
type fake struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	routes map[string][]reply
	log    []sent
}

// newFake returns a cloud with the test's vault as it was before the change.
func newFake(t *testing.T) *fake {
	f := &fake{t: t, routes: map[string][]reply{}}
	f.on("GET", vaultURL, ok(vaultJSON(asWas)))
	f.on("GET", locksURL, ok(`{"value":[]}`))
	f.on("GET", mayURL, ok(`{"value":[{"actions":["*"],"notActions":[]}]}`))
	f.on("GET", subURL, ok(`{"state":"Enabled"}`))
	f.on("GET", providerURL, ok(`{"registrationState":"Registered"}`))
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

func (f *fake) on(method, uri string, replies ...reply) {
	f.mu.Lock()
	f.routes[method+" "+uri] = replies
	f.mu.Unlock()
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.RequestURI
	f.mu.Lock()
	f.log = append(f.log, sent{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
	replies, known := f.routes[line]
	if len(replies) > 1 {
		f.routes[line] = replies[1:]
	}
	f.mu.Unlock()
	if !known {
		f.t.Errorf("unexpected request %s", line)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	rep := replies[0]
	if rep.break_ != nil {
		rep.break_(w, r)
		return
	}
	w.Header().Set("x-ms-request-id", "req-1")
	for k, v := range rep.header {
		w.Header().Set(k, strings.ReplaceAll(v, "{base}", f.url))
	}
	w.WriteHeader(rep.status)
	_, _ = io.WriteString(w, rep.body)
}

// came lists the requests of a method, whatever they were for.
func (f *fake) came(method string) []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.log), func(s sent) bool { return s.method != method })
}

// count is how often a URI was read.
func (f *fake) count(uri string) (n int) {
	for _, s := range f.came("GET") {
		if s.uri == uri {
			n++
		}
	}
	return n
}

// reset closes the connection without an answer.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// cut closes the connection in the middle of the answer that accepts.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"id":"`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// cutBehind closes the connection behind a whole vault, before the end that was
// announced.
func cutBehind(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, vaultJSON(asIs))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// testChange turns a setting of the test's kind on.
func testChange() Change {
	body := json.RawMessage(`{"properties":{"settings":{"mode":"On"}}}`)
	s := fleet.KindSpec{Kind: "test-mode", Title: "the mode that tests want", Type: fleet.RecoveryServicesVault,
		Options: fleet.CommonOptions("2026-07-01")}
	s.Role = func() fleet.Role { return RoleFor(&s) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return Plain(&s, body, o) }
	return Change{Spec: s, Sections: []string{"settings"}, Body: Same(body)}
}

func testVault() *fleet.Vault {
	v := &fleet.Vault{Kind: "test-mode", SubscriptionID: sub, SubscriptionName: "contoso-prod", Name: "Vault1",
		Location:     "Australia East",
		ResourceType: fleet.RecoveryServicesVault, ResourceGroup: "rg vaults"}
	v.Key = fleet.KeyOf(v.Kind, sub, v.ResourceType, v.Location, v.QualifiedName())
	return v
}

// upgrader returns the Upgrader of a change on the fake cloud, with connections of
// its own.
func (f *fake) upgrader(change Change) *Upgrader {
	f.t.Helper()
	_, rm, err := azure.NewAPIClients(azure.Options{Version: "1.2.3",
		Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: f.url, ResourceManager: f.url}})
	if err != nil {
		f.t.Fatal(err)
	}
	u, err := New(change, Options{ResourceManager: rm, Subscriptions: []fleet.Subscription{{ID: sub}},
		Kind: fleet.Options{fleet.OptionAPIVersion: "2026-07-01"}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(u.Close)
	return u
}

// seen reads the test's vault for a start or a check.
func (u *Upgrader) seen(t *testing.T) fleet.Sighting {
	t.Helper()
	snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: testVault()}})
	if err != nil {
		t.Fatal(err)
	}
	s, there := snap.Vaults[testVault().Key]
	if !there {
		t.Fatal("the vault is not there")
	}
	return s
}

// recent fails the test if a time is not of just now.
func recent(t *testing.T, at time.Time) {
	t.Helper()
	if age := time.Since(at); age < 0 || age > time.Minute {
		t.Errorf("read at %v", at)
	}
}
