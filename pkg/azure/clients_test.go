package azure

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, base string
		plain    bool
		problem  string
	}{
		{"https://management.azure.com/", "https://management.azure.com", false, ""},
		{"https://gateway.example/azure", "https://gateway.example/azure", false, ""},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080", true, ""},
		{"http://[::1]:80/sm", "http://[::1]:80/sm", true, ""},
		{"http://localhost:1", "http://localhost:1", true, ""},
		{"https://localhost:1", "https://localhost:1", false, ""},
		{"http://management.azure.com", "", false, "loopback"},
		{"http://127.0.0.1.evil.example", "", false, "loopback"},
		{"http://localhost.evil.example", "", false, "loopback"},
		{"http://10.0.0.1", "", false, "loopback"},
		{"https://user:pass@host.example", "", false, "user name"},
		{"http://user:hunter2@host.example", "", false, "user name"},
		{"ftp://host", "", false, "https://"},
		{"", "", false, "https://"},
		{"https://", "", false, "no host"},
		{"https://h?x=1", "", false, "query"},
		{"https://h?", "", false, "query"},
		{"https://h#x", "", false, "query"},
		{"https://h\x7f", "", false, "not a URL"},
		{"https://user:hunter2", "", false, "not a URL"},
		{"https://user:hunter2%zz@h", "", false, "not a URL"},
		{"ftp://h/?sig=hunter2", "", false, "https://"},
		{"https://h/?sv=1&sig=hunter2", "", false, "query"},
		{"https://h/#hunter2", "", false, "fragment"},
	} {
		e, err := parseEndpoint(tt.in)
		if tt.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q: got %v, want a word about %q", tt.in, err, tt.problem)
			}
			continue
		}
		if err != nil || e.String() != tt.base || e.Plain() != tt.plain {
			t.Errorf("%q: got %+v, %v", tt.in, e, err)
		}
	}
}

func TestSidesPerTenant(t *testing.T) {
	t.Parallel()
	cloud, _ := fleet.KnownCloud(fleet.AzurePublic)
	var made []string
	sm, rm, err := NewAPIClients(Options{Cloud: cloud, Version: "1",
		Credentials: fleet.Credentials{ServiceManagement: fleet.CredentialCLI},
		NewCredential: func(k fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
			made = append(made, string(k)+"@"+tenant)
			return fixedCredential("t"), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(s *APIClients, tenant string) *Client {
		c, err := s.Client(tenant)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := get(sm, "a"), get(sm, "b")
	if a == b || a != get(sm, "a") {
		t.Error("clients must be one a tenant")
	}
	if s := a.tokens.scope; s != "https://management.core.windows.net//.default" {
		t.Errorf("classic scope %q", s)
	}
	if s := get(rm, "").tokens.scope; s != "https://management.azure.com/.default" {
		t.Errorf("arm scope %q", s)
	}
	if got := strings.Join(made, " "); got != "cli@a cli@b default@" {
		t.Errorf("made %q", got)
	}
	if sm.Name() == rm.Name() {
		t.Error("the sides need names")
	}
}

func TestPlainSideSignsInNowhere(t *testing.T) {
	t.Parallel()
	sm, _, err := NewAPIClients(Options{Cloud: fleet.Cloud{Name: fleet.Emulator,
		ServiceManagement: "http://127.0.0.1:1", ResourceManager: "http://127.0.0.1:1"},
		NewCredential: func(fleet.CredentialKind, string) (azcore.TokenCredential, error) {
			t.Error("asked for a credential")
			return fixedCredential("t"), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := sm.Client("a")
	if err != nil {
		t.Fatal(err)
	}
	if h, err := a.tokens.header(t.Context(), "x"); h != "Bearer fleetup-emulator" || err != nil {
		t.Errorf("got %q, %v", h, err)
	}
	sm.Close()
}

func TestNewSidesNamesBothProblems(t *testing.T) {
	t.Parallel()
	_, _, err := NewAPIClients(Options{Cloud: fleet.Cloud{ServiceManagement: "http://sm.example",
		ResourceManager: "rm"}})
	if err == nil || !strings.Contains(err.Error(), "Service Management: ") ||
		!strings.Contains(err.Error(), "Resource Manager: ") {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		header []string
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", []string{"Retry-After", "30"}, 30 * time.Second},
		{"milliseconds", []string{"retry-after-ms", "1500"}, 1500 * time.Millisecond},
		{"milliseconds of Azure", []string{"x-ms-retry-after-ms", "20", "Retry-After", "9"}, 20 * time.Millisecond},
		{"date", []string{"Retry-After", "Mon, 16 Mar 2026 22:10:00 GMT"}, 10 * time.Minute},
		{"date, with the server's clock",
			[]string{"Retry-After", "Mon, 16 Mar 2026 22:10:00 GMT", "Date", "Mon, 16 Mar 2026 22:09:00 GMT"},
			time.Minute},
		{"date in the past", []string{"Retry-After", "Mon, 16 Mar 2026 21:00:00 GMT"}, 0},
		{"negative", []string{"Retry-After", "-5"}, 0},
		{"garbage", []string{"Retry-After", "soon"}, 0},
		{"absurd, without overflow", []string{"Retry-After", "9223372036854775807"}, 1e9 * time.Second},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Set(tt.header[i], tt.header[i+1])
		}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestClassOfStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fleet.CallClass{
		401: fleet.CallDenied, 403: fleet.CallForbidden, 404: fleet.CallNotFound, 408: fleet.CallUnreachable,
		409: fleet.CallConflict, 429: fleet.CallThrottled, 400: fleet.CallRefused, 500: fleet.CallUnreachable,
		503: fleet.CallUnreachable, 307: fleet.CallGarbled, 204: fleet.CallGarbled, 101: fleet.CallGarbled,
	} {
		if got := ClassOfStatus(status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}

// TestPathOf: only what the cloud itself handed out is followed, below the
// endpoint, and without its host.
func TestPathOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, in, want, problem string }{
		{"https://arm.example", "https://arm.example/s/op?api-version=1&t=a%2Fb", "/s/op?api-version=1&t=a%2Fb", ""},
		// the usual port, as the service writes it
		{"https://arm.example/", "https://ARM.example:443/a%20b/op", "/a%20b/op", ""},
		{"https://arm.example:443", "https://arm.example/op", "/op", ""},
		{"http://127.0.0.1", "http://127.0.0.1:80/op", "/op", ""},
		{"http://127.0.0.1:8080/base", "http://127.0.0.1:8080/base/op#x", "/op", ""},
		{"https://arm.example/base", "/base/op?x", "/op?x", ""},
		{"https://arm.example", "/op", "/op", ""},
		{"https://arm.example", "https://evil.example/op", "", "another host, evil.example"},
		{"https://arm.example", "https://arm.example.evil.example/op", "", "another host"},
		{"https://arm.example", "https://arm.example:8443/op", "", "another host"},
		{"https://arm.example", "http://arm.example/op", "", "another host"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8081/op", "", "another host"},
		{"https://arm.example", "//evil.example/op", "", "another host"},
		{"https://arm.example", "op/1", "", "another host"},
		{"https://arm.example", "https://user:pass@arm.example/op", "", "a user name"},
		{"https://arm.example/base", "https://arm.example/other/op", "", "not below"},
		{"https://arm.example/base", "https://arm.example/based/op", "", "not below"},
		{"https://arm.example", "https://arm.example", "/", ""},
		{"https://arm.example", "::", "", "no URL"},
		{"https://arm.example", "mailto:ops@arm.example", "", "another host"},
	} {
		s := testSide(t, tt.base)
		got, err := s.PathOf(tt.in)
		if tt.problem == "" && (err != nil || got != tt.want) || tt.problem != "" &&
			(err == nil || !strings.Contains(err.Error(), tt.problem)) {
			t.Errorf("%s on %s: %q, %v", tt.in, tt.base, got, err)
		}
	}
}

func testSide(t *testing.T, base string) *APIClients {
	t.Helper()
	_, rm, err := NewAPIClients(Options{Cloud: fleet.Cloud{ServiceManagement: base, ResourceManager: base}})
	if err != nil {
		t.Fatal(err)
	}
	return rm
}
