package emulator

import (
	"strings"
	"testing"
)

// TestRoleOfTheScenario: what it does not allow is refused in the Resource
// Manager's own words, the following of an operation and Resource Graph too.
func TestRoleOfTheScenario(t *testing.T) {
	t.Parallel()
	const words = "does not have authorization to perform action '"
	rsv, kv := estate()[0], estate()[1]
	role := []string{"Microsoft.RecoveryServices/vaults/read", "microsoft.recoveryservices/vaults/WRITE",
		"Microsoft.RecoveryServices/*/operationResults/read",
		"Microsoft.KeyVault/*", "Microsoft.Authorization/permissions/read"}
	c := todaysCloud(t, Scenario{Role: role, Changes: Changes{Duration: Duration{Constant: "1h"}}})
	cl := inMemory(t, c)
	wantStatus(t, cl.read(rsv), 200)
	a := cl.patch(rsv, alertsBody)
	wantStatus(t, a, 202)
	for header, want := range map[string]int{"Azure-AsyncOperation": 403, "Location": 202} {
		path, version, _ := strings.Cut(a.header.Get(header)[strings.Index(a.header.Get(header), "/subscriptions"):],
			"?api-version=")
		if got := cl.arm(path, version); got.status != want || want == 403 &&
			!strings.Contains(got.body, words+"Microsoft.RecoveryServices/vaults/operationStatus/read' over scope '"+
				pathOf(rsv)) {
			t.Errorf("%s: %d %s", header, got.status, got.body)
		}
	}
	for path, action := range map[string]string{
		pathOf(rsv) + "/providers/Microsoft.Authorization/locks?2020-05-01": "Microsoft.Authorization/locks/read",
		pathOf(rsv) +
			"/backupResourceGuardProxies?2025-08-01": "Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/read",
		"/subscriptions/" + prod + "?2022-12-01": "Microsoft.Resources/subscriptions/read",
	} {
		path, version, _ := strings.Cut(path, "?")
		wantStatus(t, cl.arm(path, version), 403, `"AuthorizationFailed"`, words+action+"'")
	}
	wantStatus(t, cl.arm(pathOf(rsv)+"/providers/Microsoft.Authorization/permissions", "2022-04-01"), 200,
		`"Microsoft.RecoveryServices/*/operationResults/read"`)
	wantStatus(t, cl.patch(kv, rbacBody), 403, `"InsufficientPermissions"`)
	wantStatus(t, cl.patch(kv, `{"properties":{"enabledForDeployment":true}}`), 200)
	if s := c.Summary(); s.Accepted != 2 || s.Mistakes != 0 {
		t.Errorf("%+v", s)
	}
}
