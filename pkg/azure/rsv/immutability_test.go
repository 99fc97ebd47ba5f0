package rsv

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func immutable(state string) string {
	return `{"provisioningState":"Succeeded","securitySettings":{"immutabilitySettings":` + state + `}}`
}

// body is what sets a state, with what more is said beside it.
func body(state string, more ...string) string {
	return `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"` + strings.Join(more,
		"") + `}}}}`
}

const perPolicy, thirty = `,"configuration":{"type":"AsPerPolicy"}`,
	`,"configuration":{"type":"TimeBased","durationInDays":30}`

// TestImmutabilityStates: what each kind makes of each state that a vault may be
// in. Nothing leaves a vault whose state is not exactly one that the kind knows.
func TestImmutabilityStates(t *testing.T) {
	t.Parallel()
	const ready, already, blocked = fleet.VerdictReady, fleet.VerdictAlready, fleet.VerdictBlocked
	for _, tt := range []struct {
		properties         string
		unlock, back, lock fleet.Verdict
	}{
		{immutable(`{"state":"Disabled"}`), ready, already, blocked},
		{immutable(`{"state":"disabled"}`), ready, already, blocked},
		{immutable(`null`), ready, already, blocked},
		{immutable(`{}`), ready, already, blocked},
		{immutable(`{"state":null}`), ready, already, blocked},
		{`{"provisioningState":"Succeeded"}`, ready, already, blocked},
		{`{"securitySettings":null}`, ready, already, blocked},
		{immutable(`{"state":"Unlocked","configuration":{"type":"AsPerPolicy","durationInDays":null}}`), already, ready,
			ready},
		{immutable(`{"state":"Unlocked","configuration":{"type":"TimeBased","durationInDays":30}}`), already, ready,
			ready},
		{immutable(`{"state":"unlocked"}`), already, ready, blocked},
		{immutable(`{"state":"Locked"}`), already, blocked, already},
		{immutable(`{"state":"LOCKED"}`), already, blocked, already},
		{immutable(`{"state":""}`), ready, already, blocked},
		{immutable(`{"state":"Half"}`), blocked, blocked, blocked},
		{immutable(`{"state":5}`), blocked, blocked, blocked},
		{immutable(`"Unlocked"`), blocked, blocked, blocked},
		{immutable(`["Unlocked"]`), blocked, blocked, blocked},
	} {
		for _, k := range []struct {
			change arm.Change
			want   fleet.Verdict
		}{{Immutability(), tt.unlock}, {ImmutabilityBack(), tt.back}, {ImmutabilityLock(), tt.lock}} {
			f := newFake(t, tt.properties)
			v := testVault(k.change)
			v.Restore = []byte(body("Disabled"))
			u := f.upgrader(k.change)
			got, seen := checked(t, u, v)
			if got.Verdict != k.want {
				t.Errorf("%s of %s: %+v, want %s", k.change.Spec.Kind, tt.properties, got, k.want)
			}
			for _, fd := range got.Findings {
				known := fd.Code == codeImmutability || fd.Code == "settings-not-understood"
				if fd.Severity == fleet.SeverityError && (fd.Action == "" || !known) {
					t.Errorf("%s of %s: %+v", k.change.Spec.Kind, tt.properties, fd)
				}
			}
			if _, err := u.Prepare(t.Context(), v, seen); (err == nil) != (k.want == ready) {
				t.Errorf("%s of %s may start: %v", k.change.Spec.Kind, tt.properties, err)
			}
			if len(f.came("PATCH")) > 0 {
				t.Errorf("%s of %s: something was sent", k.change.Spec.Kind, tt.properties)
			}
		}
	}
}

// TestImmutabilityOutBackAndLocked: the requests of resource-manager.md#immutability. Unset before
// counts as Disabled; Locked stays.
func TestImmutabilityOutBackAndLocked(t *testing.T) {
	t.Parallel()
	f := newFake(t, `{"provisioningState":"Succeeded"}`)
	out, back, lock := Immutability(), ImmutabilityBack(), ImmutabilityLock()
	v, w, x := testVault(out), testVault(back), testVault(lock)
	before := changed(t, f.upgrader(out), v)
	restore, err := back.Spec.Restore(before)
	if err != nil || string(restore) != body("Disabled") {
		t.Fatalf("restores %s, %v", restore, err)
	}
	w.Restore = restore
	changed(t, f.upgrader(back), w)
	before = changed(t, f.upgrader(out), v)
	if got, err := back.Spec.Restore(before); err != nil || string(got) != body("Disabled") {
		t.Errorf("recorded %s, which restores %s, %v", before, got, err)
	}
	changed(t, f.upgrader(lock), x)
	if got, _ := checked(t, f.upgrader(back), w); got.Verdict != fleet.VerdictBlocked ||
		!strings.Contains(got.Findings[0].Message, "Locked") {
		t.Errorf("taking back what is locked: %+v", got)
	}
	if got, _ := checked(t, f.upgrader(out), v); got.Verdict != fleet.VerdictAlready ||
		!strings.Contains(got.Findings[0].Message, "more than Unlocked") {
		t.Errorf("unlocking what is locked: %+v", got)
	}
	if got, want := f.bodies(), []string{body("Unlocked", perPolicy), body("Disabled"), body("Unlocked", perPolicy),
		body("Locked", perPolicy)}; !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
	for recorded, problem := range map[string]string{
		`{"securitySettings.immutabilitySettings":{"state":"Unlocked"}}`: "was Unlocked before",
		`{"securitySettings.immutabilitySettings":{"state":"Locked"}}`:   "was Locked before",
		`{"securitySettings.immutabilitySettings":7}`:                    "unreadable",
		`nonsense`: "cannot be read",
	} {
		if b, err := back.Spec.Restore([]byte(recorded)); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s restores %s, %v", recorded, b, err)
		}
	}
}

// TestKinds: which can be undone, and which must be named.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change             arm.Change
		kind               fleet.Kind
		permanent, confirm bool
		actions            string // besides those of every kind
	}{
		{Alerts(), "rsv-alerts", false, false, "Microsoft.AlertsManagement/actionRules/read"},
		{AlertsBack(), "rollback-rsv-alerts", false, false, ""},
		{Immutability(), "rsv-immutability", false, false, ""},
		{ImmutabilityBack(), "rollback-rsv-immutability", false, false,
			"Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/read"},
		{ImmutabilityLock(), "rsv-immutability-lock", true, true, ""},
	} {
		s := tt.change.Spec
		options, err := s.Complete(fleet.Options{"apiVersion": "2025-08-01",
			"resourceGuardTenant": "{72F988BF-86F1-41AF-91AB-2D7CD011DB47}", "ledger": "x"})
		if _, undoes := s.Kind.Undoes(); !undoes {
			options, err = s.Complete(fleet.Options{"apiVersion": "2025-08-01",
				"resourceGuardTenant": "{72F988BF-86F1-41AF-91AB-2D7CD011DB47}"})
		}
		if err != nil {
			t.Fatal(err)
		}
		if options["resourceGuardTenant"] != "72f988bf-86f1-41af-91ab-2d7cd011db47" {
			t.Errorf("options %v", options)
		}
		up := s.Describe(options)
		if s.Kind != tt.kind || s.Title == "" || up.Permanent != tt.permanent || up.Confirm != tt.confirm ||
			up.Type != "Microsoft.RecoveryServices/vaults" ||
			up.Request.Path != "{vault}?api-version=2025-08-01" {
			t.Errorf("%s: %+v", tt.kind, up)
		}
		usual := "Microsoft.Authorization/locks/read Microsoft.Authorization/permissions/read " +
			"Microsoft.RecoveryServices/vaults/operationResults/read " +
			"Microsoft.RecoveryServices/vaults/operationStatus/read Microsoft.RecoveryServices/vaults/read " +
			"Microsoft.RecoveryServices/vaults/write Microsoft.ResourceGraph/resources/read " +
			"Microsoft.Resources/subscriptions/providers/read Microsoft.Resources/subscriptions/read"
		want := strings.Fields(tt.actions + " " + usual)
		slices.Sort(want)
		if !slices.Equal(up.Actions, want) {
			t.Errorf("%s needs %v", tt.kind, up.Actions)
		}
	}
}
