package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sub    = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	subTwo = "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03"
	rsv    = "Microsoft.RecoveryServices/vaults"
)

// reply is a canned answer.
type reply struct {
	status int
	header map[string]string
	body   string
}

// service is Resource Graph as far as a test needs it: it serves pages of rows,
// or what answer says for the n-th request, counted from 0.
type service struct {
	t      *testing.T
	rows   []string
	answer func(n int, b body) *reply
	header map[string]string

	mu   sync.Mutex
	sent []string // bodies
	head []http.Header
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := r.Method + " " +
		r.URL.RequestURI(); got != "POST /rm/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01" {
		s.t.Errorf("unexpected request %s", got)
	}
	n := len(s.sent)
	s.sent, s.head = append(s.sent, string(data)), append(s.head, r.Header.Clone())
	var b body
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		s.t.Errorf("request %d: %v: %s", n, err, data)
	}
	var rep *reply
	if s.answer != nil {
		rep = s.answer(n, b)
	}
	if rep == nil {
		rep = &reply{status: 200, body: s.page(b)}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("x-ms-request-id", fmt.Sprint("req-", n))
	for _, h := range []map[string]string{s.header, rep.header} {
		for k, v := range h {
			w.Header().Set(k, v)
		}
	}
	w.WriteHeader(rep.status)
	_, _ = io.WriteString(w, rep.body)
}

// page is the page that a request asks for. A token says where it begins.
func (s *service) page(b body) string {
	from := 0
	if b.Options.SkipToken != "" {
		if _, err := fmt.Sscanf(b.Options.SkipToken, "from %d", &from); err != nil {
			s.t.Errorf("token %q", b.Options.SkipToken)
		}
	}
	to := min(from+b.Options.Top, len(s.rows))
	token := ""
	if to < len(s.rows) {
		token = fmt.Sprintf("from %d", to)
	}
	return pageJSON(len(s.rows), token, s.rows[from:to]...)
}

func pageJSON(total int, token string, rows ...string) string {
	next := ""
	if token != "" {
		next = fmt.Sprintf(`"$skipToken":%q,`, token)
	}
	return fmt.Sprintf(`{"totalRecords":%d,"count":%d,"data":[%s],%s"facets":[],"resultTruncated":"false"}`, total,
		len(rows), strings.Join(rows, ","), next)
}

// vaultRow is the row of a vault, as the service spells it.
func vaultRow(subscription, group, name string) string {
	return fmt.Sprintf(
		`{"id":"/subscriptions/%s/resourceGroups/%s/providers/Microsoft.RecoveryServices/vaults/%s","name":%q,"type":"microsoft.recoveryservices/vaults",`+
			`"location":"westeurope","subscriptionId":%q,"resourceGroup":%q,"tags":{"Env":"prod"},"properties":{"provisioningState":"Succeeded"}}`,
		subscription, group, name, name, subscription, strings.ToLower(group))
}

func subscriptionRow(id, name string) string {
	return fmt.Sprintf(
		`{"id":"/subscriptions/%s","name":%q,"type":"microsoft.resources/subscriptions","location":"","subscriptionId":%q,"resourceGroup":"","tags":null,"properties":{"state":"Enabled"}}`, id, name, id)
}

func refusalJSON(code string, details ...string) string {
	return fmt.Sprintf(
		`{"error":{"code":%q,"message":"Please provide below info when asking for support","details":[%s]}}`, code,
		strings.Join(details, ","))
}

// client returns a Client on the service: over loopback, or within the process
// where the test is in a bubble, which real connections would hold up.
func (s *service) client(inProcess bool) *Client {
	s.t.Helper()
	base, o := "http://127.0.0.1:1", azure.Options{Version: "1.2.3"}
	if inProcess {
		o.Transport = direct{s}
	} else {
		server := httptest.NewServer(s)
		s.t.Cleanup(server.Close)
		base = server.URL
	}
	o.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: base + "/sm", ResourceManager: base + "/rm"}
	_, rm, err := azure.NewAPIClients(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(rm.Close)
	c, err := New(Options{ResourceManager: rm})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// direct carries requests to a handler without a network.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// vaults reads the vaults of a scope.
func vaults(t *testing.T, c *Client, s Scope) ([]Resource, error) {
	t.Helper()
	var out []Resource
	err := c.Vaults(t.Context(), s, VaultQuery(Filter{}, rsv), func(r Resource) { out = append(out, r) })
	return out, err
}

var one = Scope{Subscriptions: []string{sub}}
