package rsv

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const guardID = "/subscriptions/c999d45b-944f-418c-a0d8-c3fcfd1802c8/resourceGroups/guards/providers/Microsoft.DataProtection/resourceGuards/Guard1"

// multi is a vault under multi-user authorization, or not.
func multi(word string) string {
	return `{"provisioningState":"Succeeded","securitySettings":{"immutabilitySettings":{"state":"Unlocked"},"multiUserAuthorization":"` + word + `"}}`
}

func proxies(operations ...string) string {
	var details []string
	for _, o := range operations {
		details = append(details, `{"vaultCriticalOperation":"`+o+`","defaultResourceRequest":"`+guardID+`/`+
			o[strings.LastIndexAny(o, "#/")+1:]+`Requests/default"}`)
	}
	return `{"value":[{"properties":{"resourceGuardResourceId":"` + guardID + `","resourceGuardOperationDetails":[` +
		strings.Join(details, ",") + `]}}]}`
}

// TestGuardedRollback: where a resource guard protects the vault, the request that
// takes immutability back names the guard's resource for that, and carries a token
// of the guard's tenant; elsewhere neither is sent, and nothing more is asked.
func TestGuardedRollback(t *testing.T) {
	t.Parallel()
	const reduce, pin = "Microsoft.RecoveryServices/vaults/write#reduceImmutabilityState",
		"Microsoft.RecoveryServices/vaults/backupSecurityPIN/action"
	named := `{"properties":{"resourceGuardOperationRequests":["` + guardID +
		`/reduceImmutabilityStateRequests/default"],"securitySettings":{"immutabilitySettings":{"state":"Disabled"}}}}`
	for name, tt := range map[string]struct {
		multi, proxies, tenant string
		body                   string
		auxiliary              bool
		asked                  int
	}{
		"not protected": {multi: "Disabled", proxies: proxies(reduce),
			tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47", body: body("Disabled")},
		"in the same tenant": {multi: "Enabled", proxies: proxies(pin, reduce), body: named, asked: 2},
		"in another tenant": {multi: "enabled", proxies: proxies(strings.ToLower(reduce)),
			tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47",
			body:   strings.ReplaceAll(named, "reduceImmutabilityState", "reduceimmutabilitystate"), auxiliary: true,
			asked: 2},
		"not against this": {multi: "Enabled", proxies: proxies(pin),
			tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47", body: body("Disabled"), auxiliary: true, asked: 2},
		"a guard that is gone":     {multi: "Enabled", proxies: `{"value":[]}`, body: body("Disabled"), asked: 2},
		"two ways to the same one": {multi: "Enabled", proxies: proxies(reduce, reduce), body: named, asked: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, multi(tt.multi))
			f.lists[guardsURL] = tt.proxies
			back := ImmutabilityBack()
			v := testVault(back)
			v.Restore = []byte(body("Disabled"))
			var options []string
			if tt.tenant != "" {
				options = []string{fleet.OptionGuardTenant, tt.tenant}
			}
			changed(t, f.upgrader(back, options...), v)
			patches := f.came("PATCH")
			if len(patches) != 1 || patches[0].body != tt.body || (patches[0].auxiliary != "") != tt.auxiliary {
				t.Errorf("sent %+v", patches)
			}
			n := 0
			for _, r := range f.came("GET") {
				if r.auxiliary != "" {
					t.Errorf("%s carries a second token", r.uri)
				}
				if r.uri == guardsURL {
					n++
				}
			}
			if n != tt.asked {
				t.Errorf("asked for guards %d times", n)
			}
		})
	}
}

// TestGuardIsNamedBefore the rollback starts, and what may not be read blocks it
// then.
func TestGuardIsNamedBefore(t *testing.T) {
	t.Parallel()
	f := newFake(t, multi("Enabled"))
	f.lists[guardsURL] = proxies(reduceImmutability)
	back := ImmutabilityBack()
	v := testVault(back)
	v.Restore = []byte(body("Disabled"))
	got, _ := checked(t, f.upgrader(back), v)
	if got.Verdict != fleet.VerdictReady || len(got.Findings) != 1 || got.Findings[0].Code != arm.CodeGuarded ||
		!strings.Contains(got.Findings[0].Message, guardID) {
		t.Errorf("got %+v", got)
	}
	f.lists[guardsURL] = `{"error":{"code":"AuthorizationFailed","message":"m"}}`
	if got, _ := checked(t, f.upgrader(back), v); got.Verdict != fleet.VerdictBlocked ||
		got.Findings[0].Code != fleet.CodeNoPermission {
		t.Errorf("got %+v", got)
	}
}

// TestOtherKindsUnderAGuard send the guard's tenant's token where it is told, and
// do not ask for what no guard is known to protect.
func TestOtherKindsUnderAGuard(t *testing.T) {
	t.Parallel()
	for _, c := range []arm.Change{Alerts(), ImmutabilityLock()} {
		f := newFake(t, strings.Replace(multi("Enabled"), `"state":"Unlocked"`, `"state":"Unlocked"`+perPolicy, 1))
		changed(t, f.upgrader(c, fleet.OptionGuardTenant, "72f988bf-86f1-41af-91ab-2d7cd011db47"), testVault(c))
		if p := f.came("PATCH"); len(p) != 1 || p[0].auxiliary == "" || strings.Contains(p[0].body, "resourceGuard") {
			t.Errorf("%s sent %+v", c.Spec.Kind, p)
		}
		if slices.ContainsFunc(f.came("GET"), func(r request) bool { return r.uri == guardsURL }) {
			t.Errorf("%s asked for guards", c.Spec.Kind)
		}
	}
}
