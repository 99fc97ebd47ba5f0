package emulator

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSpeaksAsRecorded: what a change and its polls look like where nobody asks for
// another shape.
func TestSpeaksAsRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := todaysCloud(t, Scenario{Changes: Changes{Duration: Duration{Constant: "10m"}}})
		cl, v := inMemory(t, c), estate()[0]
		a := cl.patch(v, alertsBody)
		wantStatus(t, a, 202)
		if a.body != "" || a.header.Get("Retry-After") != "" || a.header.Get("Content-Type") != "" {
			t.Errorf("%q, Retry-After %q, Content-Type %q", a.body, a.header.Get("Retry-After"),
				a.header.Get("Content-Type"))
		}
		id := ""
		for header, kind := range map[string]string{"Azure-AsyncOperation": "operationStatus",
			"Location": "operationResults"} {
			got := a.header.Get(header)
			u, err := url.Parse(got)
			if err != nil || len(got) < 3100 || len(got) > 3700 ||
				strings.ContainsFunc(got, func(r rune) bool { return r > 126 || r < 33 }) {
				t.Fatalf("%s of %d bytes: %v", header, len(got), err)
			}
			rest, ok := strings.CutPrefix(u.Path, pathOf(v)+"/"+kind+"/")
			if q := u.Query(); !ok || !strings.HasSuffix(rest, "=") || len(q) != 5 || len(q.Get("t")) != 18 ||
				len(q.Get("s")) != 342 || len(q.Get("h")) != 43 || q.Get("api-version") != rsvVersion {
				t.Errorf("%s has path %s and parts %d", header, u.Path, len(q))
			}
			id = rest
		}
		time.Sleep(time.Minute)
		s := cl.follow(a, "Azure-AsyncOperation")
		want := "{\r\n  \"id\": \"" + pathOf(v) + "/operationStatus/" + id + "\",\r\n  \"name\": \"" + id +
			"\",\r\n  \"status\": \"InProgress\"\r\n}"
		if s.body != want {
			t.Errorf("status %q, want %q", s.body, want)
		}
		for _, header := range []string{"Azure-AsyncOperation", "Location"} {
			if got := s.header.Get(header); got == "" || got == a.header.Get(header) {
				t.Errorf("the poll has no fresh %s", header)
			}
		}
		wantStatus(t, cl.follow(s, "Azure-AsyncOperation"), 200, "InProgress")
		time.Sleep(9 * time.Minute)
		for _, from := range []answer{a, s} { // the first ones stay good
			done := cl.follow(from, "Azure-AsyncOperation")
			if status, _ := at(t, done, "status").(string); !strings.EqualFold(status, "Succeeded") ||
				len(decodeJSON(t, done)) != 3 || done.header.Get("Location") != "" {
				t.Errorf("status %s", done.body)
			}
			wantStatus(t, cl.follow(from, "Location"), 200, `"alertsForCriticalOperations":"Disabled"`)
		}
		if sum := c.Summary(); sum.Mistakes != 0 {
			t.Errorf("mistakes: %v", sum.MistakeList)
		}
	})
}

// TestAddressesAreAskedToTheLetter: one that was cut or changed is none.
func TestAddressesAreAskedToTheLetter(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{})
	cl := inMemory(t, c)
	a := cl.patch(estate()[0], alertsBody)
	u, err := url.Parse(a.header.Get("Azure-AsyncOperation"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"t", "c", "s", "h"} {
		for name, value := range map[string]string{"changed": "x", "cut": u.Query().Get(part)[:9], "absent": ""} {
			q := u.Query()
			if q.Set(part, value); value == "" {
				q.Del(part)
			}
			got := cl.do(t.Context(), "GET", u.EscapedPath()+"?"+q.Encode(), "", jsonHeader())
			wantStatus(t, got, 400, "as it was handed out")
			if got.status != 400 {
				t.Errorf("%s %s is answered %d", part, name, got.status)
			}
		}
	}
	if s := c.Summary(); s.Mistakes != 12 {
		t.Errorf("%d mistakes", s.Mistakes)
	}
}

// TestLastWordsAreInLowerCaseNowAndThen, for some operations and always for those.
func TestLastWordsAreInLowerCaseNowAndThen(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{})
	q := &request{resource: c.resources[0]}
	seen := map[string]int{}
	for i := range 200 {
		ch := &change{course: course{ID: c.operationID("x", fmt.Sprint(i)), Fails: i%4 == 0}}
		body := string(c.stands(q, ch, now()))
		for _, w := range []string{"Succeeded", "succeeded", "Failed", "failed"} {
			if strings.Contains(body, `"status": "`+w+`"`) {
				seen[w]++
			}
		}
		if body != string(c.stands(q, ch, now())) {
			t.Fatal("it says it otherwise the second time")
		}
	}
	if len(seen) != 4 || seen["succeeded"] > seen["Succeeded"]/2 {
		t.Errorf("%v", seen)
	}
}

// TestChangesTakeAsLongAsWasSeen: by the recorded polling, divided by the scale.
func TestChangesTakeAsLongAsWasSeen(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{TimeScale: 10})
	var within [5]int
	longest := time.Duration(0)
	for i := range 2400 {
		d := 10 * c.changing.of(0, (float64(i)+0.5)/2400)
		longest = max(longest, d)
		switch {
		case d <= time.Second:
			within[0]++
		case d <= 63*time.Second:
			within[1]++
		case d <= 122*time.Second:
			within[2]++
		case d <= 530*time.Second:
			within[3]++
		default:
			within[4]++
		}
	}
	if want := [5]int{200, 1700, 400, 100, 0}; within != want || longest != 530*time.Second {
		t.Errorf("%v, the longest %v; want %v", within, longest, want)
	}
}

// TestNewVaultsByShape: what a vault is that nobody describes.
func TestNewVaultsByShape(t *testing.T) {
	t.Parallel()
	for shape, tt := range map[string]struct{ has, lacks []string }{
		"": {[]string{`"alertsForAllJobFailures":"Enabled"`, `"alertsForCriticalOperations":"Enabled"`,
			`"regionOfChoiceSettings"`, `"multiUserAuthorization":"Disabled"`, `datetime'`,
			`"sku":{"name":"Standard"}`}, []string{"immutabilitySettings"}},
		"recorded-2024": {[]string{`"immutabilitySettings":null`, `"alertsForCriticalOperations":"Enabled"`},
			[]string{"regionOfChoiceSettings", `"tags"`}},
		"specification": {[]string{`"immutabilitySettings":{"state":"Disabled"}`,
			`"alertsForAllJobFailures":"Disabled"`, `"tags":{}`}, []string{"regionOfChoiceSettings"}},
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			a := inMemory(t, todaysCloud(t, Scenario{Shape: shape})).read(estate()[2])
			wantStatus(t, a, 200, tt.has...)
			for _, w := range tt.lacks {
				if strings.Contains(a.body, w) {
					t.Errorf("it has %s: %s", w, a.body)
				}
			}
		})
	}
}

// TestKeyVaultsAsRecorded: four in ten do not say who decides, and all have a policy
// with rights on storage accounts.
func TestKeyVaultsAsRecorded(t *testing.T) {
	t.Parallel()
	var all []Resource
	for i := range 400 {
		all = append(all, Resource{SubscriptionID: prod, ResourceGroup: "g", Type: "Microsoft.KeyVault/vaults",
			Name: fmt.Sprintf("kv-%d", i), Location: "westus"})
	}
	c, err := New(Config{Resources: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	unsaid := 0
	for _, r := range c.resources {
		p := c.show(r, now())["properties"].(object)
		if _, said := p["enableRbacAuthorization"]; !said {
			unsaid++
		}
		if !slices.ContainsFunc(p["accessPolicies"].([]any), func(p any) bool {
			return reflect.DeepEqual(p.(object)["permissions"].(object)["storage"], []any{"all"})
		}) {
			t.Fatalf("%s has nobody with storage", r.Name)
		}
	}
	if unsaid < 400*32/77-40 || unsaid > 400*32/77+40 {
		t.Errorf("%d of 400 do not say", unsaid)
	}
}

// TestOldCloudsKeepTheirShape: a file from before there were shapes goes on as it
// was, and a new one remembers its own.
func TestOldCloudsKeepTheirShape(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "truth")
	c, err := New(Config{Resources: estate(), StateFile: file})
	if err != nil || c.Close() != nil {
		t.Fatal(err)
	}
	again := func() *Cloud {
		c, err := Reopen(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	if got := again().shape; got != shapeRecorded2026 {
		t.Errorf("a new one is %q", got)
	}
	b, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(b, []byte(`"shape":"recorded-2026"`)) {
		t.Fatalf("%v in %.300s", err, b)
	}
	if err := os.WriteFile(file, bytes.Replace(b, []byte(`"shape":"recorded-2026"`), []byte(`"seed":0`), 1),
		0o600); err != nil {
		t.Fatal(err)
	}
	if got := again().shape; got != shapeSpecification {
		t.Errorf("an old one is %q", got)
	}
}

// TestRolesAsRecorded: a long list, from every scope above the vault.
func TestRolesAsRecorded(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{})
	cl, v := inMemory(t, c), estate()[1]
	list, _ := cl.every(t, cl.roles(v, "atScope()"))
	scopes, names := map[string]int{}, map[string]bool{}
	for _, doc := range list {
		p := doc["properties"].(object)
		scope, _ := p["scope"].(string)
		if cut, _, ok := strings.Cut(scope, "/managementGroups/"); ok {
			scope = cut
		}
		scopes[scope]++
		names[doc["name"].(string)] = true
		if condition, said := p["condition"]; !said || condition != nil || p["principalType"] == "" ||
			strings.HasPrefix(doc["id"].(string), "//") {
			t.Errorf("%v", doc)
		}
	}
	group := "/subscriptions/" + prod + "/resourceGroups/" + v.ResourceGroup
	for _, scope := range []string{"/", "/providers/Microsoft.Management", "/subscriptions/" + prod, group, pathOf(v)} {
		if scopes[scope] == 0 {
			t.Errorf("none is given at %s", scope)
		}
	}
	if len(list) < 190 || len(list) > 210 || len(names) != len(list) || len(scopes) != 5 {
		t.Errorf("%d assignments with %d names at %v", len(list), len(names), scopes)
	}
}
