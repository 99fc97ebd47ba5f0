package kvrbac

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const host = "http://127.0.0.1:1" // nothing is dialled

// service is a Resource Manager with one key vault, in memory and in the bubble's
// time. What it does not know is a test failure.
type service struct {
	t *testing.T

	mu       sync.Mutex
	vault    map[string]any // its properties
	given    []served
	lag      time.Duration                 // until a list shows an assignment
	untold   bool                          // lists do not say when one was made
	ends     []string                      // the instances of assignments, as JSON
	refuses  func(principal string) string // what a PUT for a principal is answered; "": what is usual
	custom   map[string]string             // the permissions of custom roles, by GUID
	pages    int                           // how many assignments a page has; 0: all
	answers  map[string][]string           // "STATUS BODY" for what is asked next, by method and kind
	headers  http.Header                   // of those answers
	requests []string
	bodies   []string // of PUTs and PATCHes

	learned json.RawMessage // what the preparations had to say, as a journal keeps it
}

type served struct {
	assignment
	at time.Time
}

func newService(t *testing.T, policies ...string) *service {
	s := &service{t: t, answers: map[string][]string{},
		vault: map[string]any{"provisioningState": "Succeeded", "tenantId": tenant, "enableRbacAuthorization": false}}
	var list []any
	if err := json.Unmarshal([]byte("["+strings.Join(policies, ",")+"]"), &list); err != nil {
		t.Fatal(err)
	}
	s.vault["accessPolicies"] = list
	return s
}

// give adds an assignment that was made a while ago.
func (s *service) give(principal, role, scope string, ago time.Duration) {
	a := assigned(principal, role, scope)
	a.Name = fmt.Sprintf("b0000000-0000-4000-8000-%012d", len(s.given))
	a.ID = scope + "/providers/Microsoft.Authorization/roleAssignments/" + a.Name
	s.given = append(s.given, served{a, time.Now().Add(-ago)})
}

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // from memory
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, answer := s.answer(req, string(body))
	s.requests = append(s.requests, kind)
	header := http.Header{"Content-Type": {"application/json"}, "X-Ms-Request-Id": {"req-" + kind}}
	if canned := s.answers[kind]; len(canned) > 0 {
		s.answers[kind] = canned[1:]
		answer = canned[0]
		for k, v := range s.headers {
			header[k] = v
		}
	} else if kind == "PUT" || kind == "PATCH" {
		s.bodies = append(s.bodies, string(body))
	}
	var status int
	code, text, _ := strings.Cut(answer, " ")
	if _, err := fmt.Sscan(code, &status); err != nil {
		s.t.Errorf("no answer: %q", answer)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader([]byte(text))),
		Request: req,
		Proto:   "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// answer is what the service says if nothing else is scripted. What it does is
// done only then.
func (s *service) answer(req *http.Request, body string) (kind, answer string) {
	scope := keyVault().ResourceID()
	const roles = "/providers/Microsoft.Authorization/roleAssignments"
	const definitions = "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/"
	path, query := req.URL.Path, req.URL.Query()
	switch name, isRole := strings.CutPrefix(path, scope+roles+"/"); {
	case path == scope && query.Get("api-version") == apiVersion && req.Method == http.MethodGet:
		return "vault", "200 " + s.show()
	case path == scope && query.Get("api-version") == apiVersion && req.Method == http.MethodPatch:
		if len(s.answers["PATCH"]) == 0 {
			s.vault["enableRbacAuthorization"] = strings.Contains(body, "true")
		}
		return "PATCH", "200 " + s.show()
	case path == scope+"/providers/Microsoft.Authorization/roleAssignmentScheduleInstances" &&
		query.Get("api-version") == "2020-10-01" && query.Get("$filter") == "atScope()":
		return "ends", `200 {"value":[` + strings.Join(s.ends, ",") + `]}`
	case path == scope+"/providers/Microsoft.Authorization/locks":
		return "locks", `200 {"value":[]}`
	case path == scope+roles && query.Get("api-version") == "2022-04-01" && query.Get("$filter") == "atScope()":
		return "list", "200 " + s.list(query.Get("$skipToken"), path)
	case strings.HasPrefix(path, definitions) && query.Get("api-version") == "2022-04-01" &&
		req.Method == http.MethodGet:
		if p := s.custom[strings.TrimPrefix(path, definitions)]; p != "" {
			return "definition", `200 {"properties":{"roleName":"Custom","permissions":` + p + `}}`
		}
		return "definition", `404 {"error":{"code":"RoleDefinitionDoesNotExist","message":"?"}}`
	case isRole && req.Method == http.MethodPut && query.Get("api-version") == "2022-04-01":
		if len(s.answers["PUT"]) > 0 {
			return "PUT", ""
		}
		return "PUT", s.put(name, body)
	}
	s.t.Errorf("asked %s %s", req.Method, req.URL)
	return "?", `404 {"error":{"code":"NotFound","message":"?"}}`
}

func (s *service) show() string {
	doc, _ := json.Marshal(map[string]any{"id": keyVault().ResourceID(), "name": "kv-1", "location": "westeurope",
		"properties": s.vault})
	return string(doc)
}

func (s *service) put(name, body string) string {
	var b struct{ Properties map[string]string }
	if err := json.Unmarshal([]byte(body), &b); err != nil || len(b.Properties) != 2 {
		s.t.Errorf("the PUT has %s", body)
	}
	if s.refuses != nil {
		if refusal := s.refuses(b.Properties["principalId"]); refusal != "" {
			return refusal
		}
	}
	for _, a := range s.given {
		same := roleOf(a.Properties.RoleDefinitionID) == roleOf(b.Properties["roleDefinitionId"]) &&
			strings.EqualFold(a.Properties.PrincipalID, b.Properties["principalId"]) &&
			strings.EqualFold(a.Properties.Scope, keyVault().ResourceID())
		switch {
		case a.Name == name && same:
			return "200 {}"
		case a.Name == name:
			return `400 {"error":{"code":"RoleAssignmentUpdateNotPermitted","message":"…"}}`
		case same:
			return `409 {"error":{"code":"RoleAssignmentExists","message":"The role assignment already exists."}}`
		}
	}
	a := assigned(b.Properties["principalId"], "", keyVault().ResourceID())
	a.Name, a.Properties.RoleDefinitionID = name, b.Properties["roleDefinitionId"]
	s.given = append(s.given, served{a, time.Now()})
	return "201 {}"
}

func (s *service) list(token, path string) string {
	var all []assignment
	for _, a := range s.given {
		if time.Since(a.at) >= s.lag {
			if !s.untold {
				a.Properties.CreatedOn = a.at.UTC().Format(time.RFC3339Nano)
			}
			all = append(all, a.assignment)
		}
	}
	from := len(token)
	to, next := len(all), ""
	if s.pages > 0 && from+s.pages < len(all) {
		to = from + s.pages
		next = host + path + "?api-version=2022-04-01&$filter=atScope()&$skipToken=" + strings.Repeat("x", to)
	}
	doc, _ := json.Marshal(map[string]any{"value": all[from:to], "nextLink": next})
	return string(doc)
}

// asked is what was asked since the last time.
func (s *service) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.requests, " ")
	s.requests = nil
	return out
}

// upgrader of a change against the service.
func (s *service) upgrader(change arm.Change, options fleet.Options) *arm.Upgrader {
	s.t.Helper()
	_, side, err := azure.NewAPIClients(azure.Options{Cloud: fleet.Cloud{ServiceManagement: host,
		ResourceManager: host}, Transport: s})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, undoes := change.Spec.Kind.Undoes(); undoes {
		options = fleet.Options{fleet.OptionLedger: "fleet.db"}
	}
	complete, err := change.Spec.Complete(options)
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := arm.New(change, arm.Options{ResourceManager: side, Kind: complete})
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// read reads the vault.
func (s *service) read(u *arm.Upgrader, v *fleet.Vault) fleet.Sighting {
	s.t.Helper()
	snap, err := u.Read(context.Background(), sub, []fleet.Followed{{Vault: v}})
	if err != nil {
		s.t.Fatal(err)
	}
	seen := snap.Vaults[v.Key]
	seen.Learned = s.learned
	return seen
}

// validate checks the vault.
func (s *service) validate(u *arm.Upgrader, v *fleet.Vault) fleet.Validation {
	s.t.Helper()
	return u.Validate(context.Background(), v, s.read(u, v), true, nil)
}

// prepare prepares a start of the vault: an error, or what the start says.
func (s *service) prepare(u *arm.Upgrader, v *fleet.Vault) (*fleet.StartAnswer, error) {
	s.t.Helper()
	start, err := azuretest.Prepare(context.Background(), u, v, s.read(u, v))
	if err != nil {
		if ce, ok := errors.AsType[*fleet.CallError](err); ok && ce.Learned != nil {
			s.learned = ce.Learned
		}
		return nil, err
	}
	a := start(context.Background(), u.NewOperationID(time.Now()))
	return &a, nil
}
