package strictarm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

const (
	app   = "11111111-aaaa-4000-8000-000000000001"
	group = "22222222-aaaa-4000-8000-000000000002"

	secretsUser    = "4633458b-17de-408a-b874-0445c86b69e6"
	secretsOfficer = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
	cryptoUser     = "12338af0-0e69-4776-bea7-57ae8d297424"
	administrator  = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
	contributor    = "f25e0fa2-a7c8-4377-a976-54943a77a395" // manages key vaults; gives no data
)

func (c *client) assignments(v *strictarm.VaultHandle, filter string) reply {
	c.t.Helper()
	return c.do("GET", v.ID()+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"+filter, "")
}

func (c *client) instances(v *strictarm.VaultHandle, filter string) reply {
	c.t.Helper()
	return c.do("GET",
		v.ID()+"/providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01"+filter, "")
}

func (c *client) assign(v *strictarm.VaultHandle, name, role, principal, kind string) reply {
	c.t.Helper()
	body :=
		fmt.Sprintf(
			`{"properties":{"roleDefinitionId":"/subscriptions/%s/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":"%s","principalType":"%s"}}`,
			v.Spec().Subscription, role, principal, kind)
	if kind == "" {
		body = strings.Replace(body, `,"principalType":""`, "", 1)
	}
	return c.do("PUT", v.ID()+"/providers/Microsoft.Authorization/roleAssignments/"+name+"?api-version=2022-04-01",
		body)
}

func newKeyVault(t *testing.T, policies ...strictarm.AccessPolicy) (*strictarm.Server, *client,
	*strictarm.VaultHandle) {
	t.Helper()
	cloud, c := newCloud(t, strictarm.Config{})
	return cloud, c, cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "kv1",
		Kind: strictarm.KeyVaultRBAC}).Policies(policies...)
}

var reader = strictarm.AccessPolicy{Principal: app, Secrets: []string{"Get", "List"}}

// Roles are made, seen, and only then does the key vault follow them.
func TestKeyVault(t *testing.T) {
	t.Parallel()
	cloud, c, v := newKeyVault(t, reader,
		strictarm.AccessPolicy{Principal: group, PrincipalType: "Group", Keys: []string{"get", "wrapKey", "unwrapKey"}})
	v.AssignLag(20 * time.Millisecond)
	name, other := newGUID(), newGUID()
	if got := c.assign(v, name, secretsUser, app, ""); got.status != http.StatusCreated {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	if got := c.assign(v, name, secretsUser, app, "ServicePrincipal"); got.status != http.StatusOK {
		t.Fatalf("the same again: %d %s", got.status, got.body)
	}
	if got := c.assign(v, other, cryptoUser, group, "User"); got.status != 400 ||
		!strings.Contains(got.body, "UnmatchedPrincipalType") {
		t.Fatalf("another type: %d %s", got.status, got.body)
	}
	c.assign(v, other, cryptoUser, group, "Group")
	for !strings.Contains(c.assignments(v, "&$filter=atScope()").body, other) {
		time.Sleep(5 * time.Millisecond)
	}
	if got := c.change(v); got.status != 200 {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	clean(t, cloud)
	r := v.Report()
	if r.Properties["enableRbacAuthorization"] != true || len(r.Assignments) != 2 || r.Assignments[0] !=
		(strictarm.Assignment{Name: name, Role: "Key Vault Secrets User", Principal: app, Ours: true, Puts: 2}) {
		t.Errorf("%+v", r)
	}
	if n := len(r.Properties["accessPolicies"].([]any)); n != 2 {
		t.Errorf("%d access policies are left", n)
	}
}

// A PATCH takes away what no role that was seen gives.
func TestCover(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		policy strictarm.AccessPolicy
		role   string // empty: none
		says   string
	}{
		"nothing": {reader, "", "secrets/getSecret/action"},
		"too little": {strictarm.AccessPolicy{Principal: app, Secrets: []string{"get", "set"}},
			"Key Vault Secrets User", "secrets/setSecret/action"},
		"another's": {strictarm.AccessPolicy{Principal: group, Secrets: []string{"get"}}, "Key Vault Secrets User",
			"before " + group},
		"enough": {reader, "Key Vault Secrets User", ""},
		"more":   {reader, "Key Vault Administrator", ""},
		"all": {strictarm.AccessPolicy{Principal: app, Keys: []string{"all"}}, "Key Vault Crypto Officer",
			""},
		"not all": {strictarm.AccessPolicy{Principal: app, Keys: []string{"all"}}, "Key Vault Crypto User",
			"keys/*"},
		"only reading": {strictarm.AccessPolicy{Principal: app, Keys: []string{"list"},
			Certificates: []string{"get"}}, "Key Vault Reader", ""},
		"rotation": {strictarm.AccessPolicy{Principal: app, Keys: []string{"GetRotationPolicy"}},
			"Key Vault Crypto Officer", ""},
		"issuers": {strictarm.AccessPolicy{Principal: app,
			Certificates: []string{"manageissuers", "managecontacts"}}, "Key Vault Certificates Officer", ""},
		"storage": {strictarm.AccessPolicy{Principal: app, Storage: []string{"get"}}, "Key Vault Administrator",
			"loses storage get, and nobody consented"},
		"compound": {strictarm.AccessPolicy{Principal: app, Application: group, Secrets: []string{"get"}},
			"Key Vault Secrets User", "no role can do"},
		"unknown": {strictarm.AccessPolicy{Principal: app, Keys: []string{"teleport"}},
			"Key Vault Administrator", "keys teleport"},
		"nothing needed": {strictarm.AccessPolicy{Principal: app}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c, v := newKeyVault(t, d.policy)
			if d.role != "" {
				v.Assigned(app, d.role, "")
			}
			c.assignments(v, "")
			c.instances(v, "")
			c.change(v)
			if d.says == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.says)
			}
		})
	}
	t.Run("not looked at", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := newKeyVault(t, reader)
		v.Assigned(app, "Key Vault Secrets User", "/subscriptions/"+subA)
		c.change(v)
		complains(t, cloud, "before "+app+" was seen to have a role")
	})
}

// What a PUT of a role assignment must not be.
func TestAssignments(t *testing.T) {
	t.Parallel()
	name := newGUID()
	for what, d := range map[string]struct {
		do     func(*client, *strictarm.VaultHandle) reply
		status int
		says   string
	}{
		"no GUID": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, "mine", secretsUser, app,
				"User")
		}, 400, "is not a GUID"},
		"no data role": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, name, contributor, app, "ServicePrincipal")
		}, 400, "no built-in role"},
		"stranger": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, name, secretsUser, group,
				"Group")
		}, 201, "which no access policy names"},
		"too much": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, name, administrator, app, "ServicePrincipal")
		}, 201, "more than its access policy"},
		"same area": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, name, secretsOfficer, app, "ServicePrincipal")
		}, 201, ""},
		"odd type": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v, name, secretsUser, app,
				"Robot")
		}, 400, `"Robot", want one of`},
		"another subscription's role": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.do("PUT", v.ID()+"/providers/Microsoft.Authorization/roleAssignments/"+name+
				"?api-version=2022-04-01",
				`{"properties":{"roleDefinitionId":"/subscriptions/`+subB+
					`/providers/Microsoft.Authorization/roleDefinitions/`+secretsUser+`","principalId":"`+app+`"}}`)
		}, 400, "not the ID of a role in the subscription"},
		"more in the body": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.do("PUT", v.ID()+"/providers/Microsoft.Authorization/roleAssignments/"+name+
				"?api-version=2022-04-01",
				`{"name":"x","properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/`+
					secretsUser+`","principalId":"`+app+`"}}`)
		}, 201, "the body.name has no business"},
		"two names": {func(c *client, v *strictarm.VaultHandle) reply {
			c.assign(v, name, secretsUser, app, "")
			return c.assign(v, newGUID(), secretsUser, app, "")
		}, 409, "was asked for as " + name},
		"one name twice": {func(c *client, v *strictarm.VaultHandle) reply {
			c.assign(v, name, secretsUser, app, "")
			return c.assign(v, name, secretsOfficer, app, "")
		}, 400, "asked for another role before"},
		"exists": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v.Assigned(app, "Key Vault Secrets User", ""), name, secretsUser, app, "")
		}, 409, ""},
		"exists above": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v.Assigned(app, "Key Vault Secrets User", "/subscriptions/"+subA), name, secretsUser, app,
				"")
		}, 201, ""},
		"unknown principal": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v.Assigns(strictarm.PrincipalNotFound), name, secretsUser, app, "")
		}, 400, ""},
		"forbidden": {func(c *client, v *strictarm.VaultHandle) reply {
			return c.assign(v.Assigns(strictarm.AssignForbidden), name, secretsUser, app, "")
		}, 403, ""},
		"throttled": {func(c *client, v *strictarm.VaultHandle) reply {
			c.assign(v.Assigns(strictarm.ReadThrottle(time.Minute)), name, secretsUser, app, "")
			return c.assign(v, name, secretsUser, app, "")
		}, 201, "before Retry-After was over"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cloud, c, v := newKeyVault(t, reader)
			if got := d.do(c, v); got.status != d.status {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if d.says == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.says)
			}
		})
	}
	t.Run("another kind", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		c.assign(cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}), name, secretsUser, app, "")
		complains(t, cloud, "at a vault of another kind")
	})
}

// Lists of role assignments: filters and pages.
func TestAssignmentLists(t *testing.T) {
	t.Parallel()
	cloud, c, v := newKeyVault(t)
	v.Assigned(app, "Key Vault Reader", "").Assigned(app, "Key Vault Reader", "/subscriptions/"+subA).Assigned(group,
		"Key Vault Reader", "").RolesPage(2)
	for filter, want := range map[string]int{
		"": 2, "&$filter=atScope()": 2, "&$filter=principalId%20eq%20'" + app + "'": 2,
		"&$filter=principalId+eq+" + group:     1,
		"&$filter=assignedTo('" + group + "')": 1, "&$filter=atScope()+and+assignedTo('" + group + "')": 1,
	} {
		body := c.assignments(v, filter).json(t)
		if list := body["value"].([]any); len(list) != want {
			t.Errorf("%s: %d assignments, want %d", filter, len(list), want)
		}
		next, more := body["nextLink"].(string)
		if more != (filter == "" || filter == "&$filter=atScope()") {
			t.Errorf("%s: next link %q", filter, next)
		}
		if more {
			if list := c.do("GET", next, "").json(t)["value"].([]any); len(list) != 1 {
				t.Errorf("%s: %d assignments on the last page", filter, len(list))
			}
		}
	}
	if got := c.assignments(v.Roles(strictarm.ReadUnavailable), ""); got.status != 503 {
		t.Errorf("answered %d", got.status)
	}
	clean(t, cloud)
	c.assignments(v, "&$filter=roleDefinitionId%20eq%20'x'")
	complains(t, cloud, "which the specification does not name")
}

// A role that ends takes no policy's place; whether one ends must be asked.
func TestCoverThatEnds(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		kind, end string
		ask       bool
		says      string
	}{
		"permanent":         {"", "", true, ""},
		"nobody asked":      {"", "", false, "before " + app + " was seen to have a role"},
		"activated":         {"Activated", "2026-12-01T05:00:00Z", true, "before " + app + " was seen to have a role"},
		"activated, no end": {"Activated", "", true, "before " + app + " was seen to have a role"},
		"given for a time":  {"Assigned", "2026-12-01T05:00:00Z", true, "before " + app + " was seen to have a role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c, v := newKeyVault(t, reader)
			v.AssignedUntil(app, "Key Vault Secrets User", "/", d.kind, d.end)
			c.assignments(v, "&$filter=atScope()")
			if d.ask {
				p := c.instances(v,
					"&$filter=atScope()").json(t)["value"].([]any)[0].(map[string]any)["properties"].(map[string]any)
				if end, _ := p["endDateTime"].(string); end != d.end ||
					(p["assignmentType"] == "Activated") != (d.kind == "Activated") ||
					!strings.HasPrefix(p["originRoleAssignmentId"].(string), "/providers/") {
					t.Errorf("%v", p)
				}
			}
			c.change(v)
			if d.says == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.says)
			}
		})
	}
	cloud, c, v := newKeyVault(t, reader)
	if got := c.instances(v.Instances(strictarm.InstancesUnlicensed, strictarm.InstancesForbidden),
		""); got.status != 400 || !strings.Contains(got.body, "AadPremiumLicenseRequired") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if got := c.instances(v, ""); got.status != 403 {
		t.Errorf("answered %d", got.status)
	}
	clean(t, cloud)
}

// What is lost of managed storage accounts is lost with consent alone.
func TestStorageNeedsConsent(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "kv1", Kind: strictarm.KeyVaultRBAC,
		AcceptWarnings: true}).
		Policies(strictarm.AccessPolicy{Principal: app, Storage: []string{"all"}})
	c.change(v)
	clean(t, cloud)
}
