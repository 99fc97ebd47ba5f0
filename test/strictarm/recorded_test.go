package strictarm_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestSpeaksAsRecorded: what a change and its polls look like where nobody asks for
// the published form.
func TestSpeaksAsRecorded(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(time.Second)
	if got := c.read(v).body; strings.Contains(got, `"tags"`) || strings.Contains(got, "immutabilitySettings") ||
		strings.Contains(got, `"Disabled","emailNot`) ||
		!strings.Contains(got, `"alertsForAllJobFailures":"Enabled"`) ||
		!strings.Contains(got, "regionOfChoiceSettings") {
		t.Errorf("a new vault is %s", got)
	}
	got := c.change(v)
	if got.status != http.StatusAccepted || got.body != "" || got.header.Get("Retry-After") != "" {
		t.Fatalf("answered %d %q, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
	}
	async, location := got.header.Get("Azure-AsyncOperation"), got.header.Get("Location")
	for _, u := range []string{async, location} {
		if len(u) < 3100 || len(u) > 3700 || !strings.Contains(u, "=?api-version=2026-07-01&t=6") {
			t.Errorf("an address of %d bytes: %.300s", len(u), u)
		}
	}
	poll := c.do("GET", async, "")
	again := poll.header.Get("Azure-AsyncOperation")
	if status := poll.json(t); len(status) != 3 || status["status"] != "InProgress" ||
		!strings.HasPrefix(poll.body, "{\r\n  \"id\": ") || again == "" || again == async {
		t.Errorf("the status is %q, and goes on at %.200s", poll.body, again)
	}
	for _, u := range []string{again, async} { // the first stays good
		if word, _ := c.polled(u).json(t)["status"].(string); !strings.EqualFold(word, "Succeeded") {
			t.Errorf("ended as %s", word)
		}
	}
	if got := c.do("GET", poll.header.Get("Location"), ""); got.status != http.StatusOK {
		t.Errorf("the result is %d", got.status)
	}
	clean(t, cloud)
}

// TestCreatedProvisioning: 201 with one address, and the vault as it is meanwhile.
func TestCreatedProvisioning(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA,
		Name: "v1"}).Takes(50 * time.Millisecond).Patch(strictarm.CreatedProvisioning)
	got := c.change(v)
	async := got.header.Get("Azure-AsyncOperation")
	if got.status != http.StatusCreated || got.header.Get("Location") != "" || async == "" ||
		!strings.Contains(got.body, `"provisioningState":"Provisioning"`) {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	c.polled(async)
	if !v.Report().Wanted {
		t.Error("it did nothing")
	}
	clean(t, cloud)
}

// TestPollsThatSayNothing, and the change that goes on meanwhile.
func TestPollsThatSayNothing(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(time.Nanosecond).
		Polls(strictarm.PollNoContent, strictarm.PollVault, strictarm.PollWrapped, strictarm.PollForbidden)
	async := c.change(v).header.Get("Azure-AsyncOperation")
	for i, d := range []struct {
		status int
		body   string
	}{{204, ""}, {200, `"provisioningState"`}, {400, `"ErrorCode"`},
		{403, "action 'Microsoft.RecoveryServices/vaults/operationStatus/read' over scope '" + v.ID() + "'"},
		{200, "ucceeded"}} {
		if got := c.do("GET", async, ""); got.status != d.status || !strings.Contains(got.body, d.body) {
			t.Errorf("poll %d: %d %s", i, got.status, got.body)
		}
	}
	clean(t, cloud)
}

// TestRefusalsOfOtherShapes have no code where one looks for it.
func TestRefusalsOfOtherShapes(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	for name, d := range map[string]struct {
		fault  strictarm.PatchFault
		status int
		body   string
	}{
		"bare":    {strictarm.NotAcceptable, 406, ""},
		"wrapped": {strictarm.RefusedWrapped, 400, `"Message":{"Language":"en-us","Value":"`},
		"inner":   {strictarm.RefusedInner, 400, `"innererror":{"code":"UserErrorSettingsNotValid"`},
	} {
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: name}).Patch(d.fault)
		if got := c.change(v); got.status != d.status || !strings.Contains(got.body, d.body) || name == "bare" &&
			got.body != "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	clean(t, cloud)
}

// TestRolesAreManyAsRecorded, from the root down.
func TestRolesAreManyAsRecorded(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: strictarm.KeyVaultRBAC})
	got := c.do("GET",
		v.ID()+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=atScope()", "")
	list, _ := got.json(t)["value"].([]any)
	for _, scope := range []string{`"scope":"/"`, `"scope":"/providers/Microsoft.Management/managementGroups/`,
		`"scope":"/subscriptions/` + subA + `"`, `"scope":"` + v.ID() + `"`} {
		if !strings.Contains(got.body, scope) {
			t.Errorf("none has %s", scope)
		}
	}
	if len(list) < 180 || strings.Count(got.body, `"condition":null`) != len(list) {
		t.Errorf("%d assignments", len(list))
	}
	clean(t, cloud)
}
