package rsv

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sub       = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	vaultID   = "/subscriptions/" + sub + "/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/Vault1"
	vaultURL  = vaultID + "?api-version=2026-07-01"
	locksURL  = vaultID + "/providers/Microsoft.Authorization/locks?api-version=2020-05-01"
	rulesURL  = "/subscriptions/" + sub + "/providers/Microsoft.AlertsManagement/actionRules?api-version=2021-08-08"
	guardsURL = vaultID + "/backupResourceGuardProxies?api-version=2025-08-01"
)

type request struct {
	method, uri, body, auxiliary string
}

// fake is a Resource Manager on loopback with one vault. A PATCH is merged into
// its properties and answered 200. Reads that it does not know are not found.
type fake struct {
	t   *testing.T
	url string

	mu         sync.Mutex
	properties string
	lists      map[string]string // by URI; an error body is answered 403
	log        []request
}

func newFake(t *testing.T, properties string) *fake {
	f := &fake{t: t, properties: properties,
		lists: map[string]string{locksURL: `{"value":[]}`, rulesURL: rules(everybody)}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, request{r.Method, r.RequestURI, string(body), r.Header.Get("X-Ms-Authorization-Auxiliary")})
	answer, status := f.lists[r.RequestURI], 200
	switch {
	case strings.Contains(answer, `"error"`):
		status = 403
	case answer != "":
		answer = strings.ReplaceAll(answer, "BASE", f.url)
	case r.URL.Path != vaultID:
		status, answer = 404, `{"error":{"code":"ResourceNotFound","message":"none"}}`
	case r.Method == http.MethodPatch && misconfigured(r.URL.Query().Get("api-version"), string(body)):
		status, answer = 400,
			`{"error":{"code":"InvalidRestApiParameter","message":"immutabilitySettings parameter is invalid."}}`
	default:
		if r.Method == http.MethodPatch {
			f.properties = merge(f.t, f.properties, string(body))
		}
		answer = `{"id":"` + vaultID + `","name":"Vault1","location":"australiaeast","properties":` + f.properties + `}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// misconfigured reports whether the service refuses a body for the configuration
// that it has, or lacks: a text, so that it owes nothing to the code under test.
func misconfigured(version, body string) bool {
	has := strings.Contains(body, `"configuration":{"type":"AsPerPolicy"}`) ||
		strings.Contains(body, `"configuration":{"type":"TimeBased","durationInDays":`)
	needs := version >= "2026-05-01" && version != "2026-05-01-preview" &&
		(strings.Contains(body, `"state":"Unlocked"`) || strings.Contains(body, `"state":"Locked"`))
	return has != needs || has != strings.Contains(body, "configuration")
}

// merge is what a PATCH makes of properties.
func merge(t *testing.T, properties, body string) string {
	var have map[string]any
	var patch struct {
		Properties map[string]any `json:"properties"`
	}
	if json.Unmarshal([]byte(properties), &have) != nil || json.Unmarshal([]byte(body), &patch) != nil {
		t.Errorf("cannot merge %s into %s", body, properties)
	}
	var into func(have, more map[string]any)
	into = func(have, more map[string]any) {
		for k, v := range more {
			inner, nested := v.(map[string]any)
			under, _ := have[k].(map[string]any)
			if nested {
				if under == nil {
					under = map[string]any{}
				}
				into(under, inner)
				v = under
			}
			have[k] = v
		}
	}
	into(have, patch.Properties)
	out, _ := json.Marshal(have) // what came from JSON goes back
	return string(out)
}

func (f *fake) came(method string) (out []request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.log {
		if r.method == method {
			out = append(out, r)
		}
	}
	return out
}

func (f *fake) upgrader(c arm.Change, options ...string) *arm.Upgrader {
	f.t.Helper()
	given := fleet.Options{}
	for i := 0; i < len(options); i += 2 {
		given[options[i]] = options[i+1]
	}
	if _, undoes := c.Spec.Kind.Undoes(); undoes {
		given[fleet.OptionLedger] = "fleet.db"
	}
	kind, err := c.Spec.Complete(given)
	if err != nil {
		f.t.Fatal(err)
	}
	_, rm, err := azure.NewAPIClients(azure.Options{Cloud: fleet.Cloud{ServiceManagement: f.url,
		ResourceManager: f.url}})
	if err != nil {
		f.t.Fatal(err)
	}
	u, err := arm.New(c, arm.Options{ResourceManager: rm, Kind: kind})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(u.Close)
	return u
}

func testVault(c arm.Change) *fleet.Vault {
	v := &fleet.Vault{Kind: c.Spec.Kind, SubscriptionID: sub, SubscriptionName: "contoso-prod", Name: "Vault1",
		Location:     "Australia East",
		ResourceType: fleet.RecoveryServicesVault, ResourceGroup: "rg-vaults"}
	v.Key = fleet.KeyOf(v.Kind, sub, v.ResourceType, v.Location, v.QualifiedName())
	return v
}

// checked reads and validates a vault.
func checked(t *testing.T, u *arm.Upgrader, v *fleet.Vault) (fleet.Validation, fleet.Sighting) {
	t.Helper()
	snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: v}})
	if err != nil {
		t.Fatal(err)
	}
	seen, there := snap.Vaults[v.Key]
	return u.Validate(t.Context(), v, seen, there, nil), seen
}

// changed validates a vault that is ready, changes it, and verifies it. It returns
// the state before.
func changed(t *testing.T, u *arm.Upgrader, v *fleet.Vault) json.RawMessage {
	t.Helper()
	val, seen := checked(t, u, v)
	if val.Verdict != fleet.VerdictReady {
		t.Fatalf("not ready: %+v", val)
	}
	start, err := azuretest.Prepare(t.Context(), u, v, seen)
	if err != nil {
		t.Fatal(err)
	}
	if got := start(t.Context(), "op"); got.Verdict != fleet.StartAccepted {
		t.Fatalf("the start: %+v", got)
	}
	if got, err := u.Verify(t.Context(), v, "op"); err != nil || !got.OK {
		t.Fatalf("verified: %+v, %v", got, err)
	}
	return seen.State
}

// bodies are those of the PATCHes that came.
func (f *fake) bodies() (out []string) {
	for _, r := range f.came("PATCH") {
		out = append(out, r.body)
	}
	return out
}
