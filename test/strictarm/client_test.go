package strictarm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

const (
	subA = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	subB = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"

	alertsBody = `{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled",` +
		`"alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},"classicAlertSettings":` +
		`{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`
	unlockedBody = `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Unlocked","configuration":{"type":"AsPerPolicy"}}}}}`
	lockedBody   = `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Locked","configuration":{"type":"AsPerPolicy"}}}}}`
	rolesBody    = `{"properties":{"enableRbacAuthorization":true}}`
)

var bodies = map[strictarm.Kind]string{
	strictarm.Alerts: alertsBody, strictarm.Immutability: unlockedBody,
	strictarm.ImmutabilityLock: lockedBody, strictarm.KeyVaultRBAC: rolesBody,
}

// client speaks to the letter; edit spoils a request.
type client struct {
	t    *testing.T
	base string
	http *http.Client
	edit func(*http.Request)
}

// grace is short, so that proofs of absence take little time.
const grace = 80 * time.Millisecond

// newCloud returns a cloud on loopback and a client of it.
func newCloud(t *testing.T, cfg strictarm.Config) (*strictarm.Server, *client) {
	t.Helper()
	if cfg.Timings == (strict.Timings{}) {
		cfg.Timings.ReconcileGrace, cfg.Timings.StartTimeout = grace, time.Millisecond
	}
	cloud := strictarm.New(cfg)
	web := httptest.NewServer(cloud)
	t.Cleanup(web.Close)
	t.Cleanup(cloud.Close)
	return cloud, &client{t: t, base: web.URL, http: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var ids atomic.Int64

func newGUID() string { return fmt.Sprintf("4cc27b8b-0000-4000-8000-%012x", ids.Add(1)) }

// decided is when a client of these tests decided the start of an operation.
var decided sync.Map

func decidedAt(operationID string) (time.Time, bool) {
	at, ok := decided.Load(operationID)
	if !ok {
		return time.Time{}, false
	}
	return at.(time.Time), true
}

type reply struct {
	status int // 0: no answer
	body   string
	header http.Header
}

// json reads the body; what is no JSON fails the test.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	return m
}

// do sends a request to a path, or to a whole URL.
func (c *client) do(method, target, body string) reply {
	c.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = c.base + target
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = nil, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "fleetup/test")
	r.Header.Set("Authorization", "Bearer abc.def-ghi")
	if method == http.MethodPatch {
		id := newGUID()
		decided.Store(id, time.Now())
		r.Header.Set("x-ms-client-request-id", id)
	}
	if c.edit != nil {
		c.edit(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	return reply{resp.StatusCode, string(got), resp.Header}
}

func version(v *strictarm.VaultHandle) string {
	if v.Spec().Kind == strictarm.KeyVaultRBAC {
		return "?api-version=2026-02-01"
	}
	return "?api-version=2026-07-01"
}

func (c *client) read(v *strictarm.VaultHandle) reply {
	c.t.Helper()
	return c.do("GET", v.ID()+version(v), "")
}

func (c *client) patch(v *strictarm.VaultHandle) reply {
	c.t.Helper()
	return c.do("PATCH", v.ID()+version(v), bodies[v.Spec().Kind])
}

func (c *client) rules(sub string) reply {
	c.t.Helper()
	return c.do("GET", "/subscriptions/"+sub+"/providers/Microsoft.AlertsManagement/actionRules?api-version=2021-08-08",
		"")
}

func (c *client) locks(v *strictarm.VaultHandle) reply {
	c.t.Helper()
	return c.do("GET", v.ID()+"/providers/Microsoft.Authorization/locks?api-version=2020-05-01", "")
}

// check reads all that is to be read before a PATCH.
func (c *client) check(v *strictarm.VaultHandle) {
	c.t.Helper()
	c.rules(v.Spec().Subscription)
	c.locks(v)
	c.read(v)
}

// change checks and patches.
func (c *client) change(v *strictarm.VaultHandle) reply {
	c.t.Helper()
	c.check(v)
	return c.patch(v)
}

// prove reads the vault as rule 1 asks for.
func (c *client) prove(v *strictarm.VaultHandle) {
	c.t.Helper()
	for range 2 {
		time.Sleep(grace + time.Millisecond) // the grace is what is waited for, and the start's timeout
		c.read(v)
	}
}

// clean fails the test if the cloud saw a violation.
func clean(t *testing.T, cloud *strictarm.Server) {
	t.Helper()
	cloud.JudgeProofs(decidedAt)
	if vs := cloud.Violations(); len(vs) > 0 {
		t.Fatalf("violations:\n%s", strings.Join(vs, "\n"))
	}
}

// complains fails the test unless there is a violation with the words.
func complains(t *testing.T, cloud *strictarm.Server, words string) {
	t.Helper()
	cloud.JudgeProofs(decidedAt)
	vs := cloud.Violations()
	for _, v := range vs {
		if strings.Contains(v, words) {
			return
		}
	}
	t.Fatalf("no violation with %q in:\n%s", words, strings.Join(vs, "\n"))
}

// second adds a second tenant's token.
func second(r *http.Request) { r.Header.Set("x-ms-authorization-auxiliary", "Bearer second") }
