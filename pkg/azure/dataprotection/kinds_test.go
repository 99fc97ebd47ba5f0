package dataprotection

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestRequests: each kind's one request, to the letter, and whether it can be undone. That of dp-alerts is the
// published example PatchBackupVault without its tags; the others have the properties of the published definitions,
// with the values that were recorded.
func TestRequests(t *testing.T) {
	t.Parallel()
	want := map[fleet.Kind]string{
		"dp-alerts":                `{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}}`,
		"dp-immutability":          `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Unlocked"}}}}`,
		"dp-immutability-lock":     `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Locked"}}}}`,
		"dp-soft-delete":           `{"properties":{"securitySettings":{"softDeleteSettings":{"state":"On","retentionDurationInDays":"{its own}"}}}}`,
		"dp-soft-delete-always-on": `{"properties":{"securitySettings":{"softDeleteSettings":{"state":"AlwaysOn","retentionDurationInDays":"{its own}"}}}}`,
	}
	permanent := []fleet.Kind{"dp-immutability-lock", "dp-soft-delete-always-on"}
	var kinds []fleet.Kind
	for _, c := range arm.Changes(Settings()...) {
		kinds = append(kinds, c.Spec.Kind)
		if _, undoes := c.Spec.Kind.Undoes(); undoes {
			continue
		}
		options, err := c.Spec.Complete(nil)
		if err != nil {
			t.Fatal(err)
		}
		up := c.Spec.Describe(options)
		forEver := slices.Contains(permanent, c.Spec.Kind)
		if string(up.Request.Body) != want[c.Spec.Kind] || up.Request.Method != "PATCH" ||
			up.Request.Path != "{vault}?api-version=2026-06-01" || up.Type != "Microsoft.DataProtection/backupVaults" ||
			up.Permanent != forEver || up.Confirm != forEver || options[fleet.OptionExpected] != "15s" {
			t.Errorf("%s: %+v with %v", c.Spec.Kind, up, options)
		}
		if !slices.Contains(up.Actions, "Microsoft.DataProtection/backupVaults/operationStatus/read") ||
			slices.Contains(up.Actions, "Microsoft.AlertsManagement/actionRules/read") != (c.Spec.Kind == "dp-alerts") {
			t.Errorf("%s needs %v", c.Spec.Kind, up.Actions)
		}
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []fleet.Kind{"dp-alerts", "dp-immutability", "dp-immutability-lock",
		"dp-soft-delete", "dp-soft-delete-always-on", "rollback-dp-alerts", "rollback-dp-immutability",
		"rollback-dp-soft-delete"}) {
		t.Errorf("the kinds are %v", kinds)
	}
}

// TestStates: what each state of a vault means to each kind, there and back.
func TestStates(t *testing.T) {
	t.Parallel()
	const start, more, no = "start", "already", "blocked"
	immutability := func(state string) arm.State {
		return arm.State{sectionImmutability: json.RawMessage(state)}
	}
	soft := func(state string) arm.State { return arm.State{sectionSoftDelete: json.RawMessage(state)} }
	alerts := func(state string) arm.State {
		return arm.State{"monitoringSettings": json.RawMessage(`{"azureMonitorAlertSettings":` + state + `}`)}
	}
	for _, tt := range []struct {
		setting arm.Setting
		now     arm.State
		there   string
		back    string // what puts it back; or, after a "!", why nothing does
	}{
		{Alerts(), alerts(`{"alertsForAllJobFailures":"Disabled"}`), start,
			`{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Disabled"}}}}`},
		{Alerts(), alerts(`{}`), start, "!the service has no way to unset it again"},
		{Alerts(), arm.State{"monitoringSettings": json.RawMessage(`null`)}, start, "!no way to unset it again"},
		{Alerts(), alerts(`{"alertsForAllJobFailures":"Perhaps"}`), no, "!which is not what was changed"},
		{Immutability(), immutability(`{"state":"Disabled"}`), start,
			`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Disabled"}}}}`},
		{Immutability(), immutability(`null`), start,
			`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Disabled"}}}}`},
		{Immutability(), immutability(`{"state":"Locked"}`), more, "!was Locked before"},
		{Immutability(), immutability(`{"state":7}`), no, "!was 7 before"},
		{ImmutabilityLock(), immutability(`{"state":"Unlocked"}`), start, ""},
		{ImmutabilityLock(), immutability(`{"state":"unlocked"}`), no, ""},
		{ImmutabilityLock(), immutability(`{"state":"Disabled"}`), no, ""},
		{ImmutabilityLock(), immutability(`null`), no, ""},
		{SoftDelete(), soft(`{"state":"Off","retentionDurationInDays":30.0}`), start,
			`{"properties":{"securitySettings":{"softDeleteSettings":{"retentionDurationInDays":"{its own}","state":"Off"}}}}`},
		{SoftDelete(), soft(`{"state":"off"}`), start,
			`{"properties":{"securitySettings":{"softDeleteSettings":{"retentionDurationInDays":"{its own}","state":"off"}}}}`},
		{SoftDelete(), soft(`null`), start, "!no way to unset it again"},
		{SoftDelete(), soft(`{"state":"AlwaysOn","retentionDurationInDays":14.0}`), more, "!was AlwaysOn before"},
		{SoftDelete(), soft(`{"state":"Invalid"}`), no, "!was Invalid before"},
		{SoftDeleteAlwaysOn(), soft(`{"state":"On","retentionDurationInDays":14.0}`), start, ""},
		{SoftDeleteAlwaysOn(), soft(`{"state":"ON"}`), start, ""},
		{SoftDeleteAlwaysOn(), soft(`{"state":"on"}`), no, ""},
		{SoftDeleteAlwaysOn(), soft(`{"state":"Off"}`), no, ""},
		{SoftDeleteAlwaysOn(), soft(`null`), no, ""},
	} {
		c := tt.setting.Change()
		got := start
		switch {
		case c.Enough(nil, tt.now) != "":
			got = more
		case fleet.HasSeverity(c.Judge(nil, tt.now), fleet.SeverityError):
			got = no
		}
		if got != tt.there {
			t.Errorf("%s of %s: %s", c.Spec.Kind, tt.now, got)
		}
		if c.Spec.Permanent {
			continue
		}
		raw, err := json.Marshal(tt.now)
		if err != nil {
			t.Fatal(err)
		}
		back := tt.setting.Back()
		body, err := back.Spec.Restore(raw)
		if why, none := strings.CutPrefix(tt.back, "!"); none && (err == nil || !strings.Contains(err.Error(), why)) ||
			!none && (err != nil || string(body) != tt.back) {
			t.Errorf("back from %s of %s: %s, %v", c.Spec.Kind, tt.now, body, err)
		}
	}
}

// TestWhatCannotBeTakenBack: a vault that somebody made permanent meanwhile is left alone on the way back, and so is
// one that is as it was.
func TestWhatCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		setting     arm.Setting
		state, says string
	}{
		{Immutability(), `{"securitySettings.immutabilitySettings":{"state":"Unlocked"}}`, ""},
		{Immutability(), `{"securitySettings.immutabilitySettings":{"state":"Locked"}}`,
			"immutability is Locked, and only Unlocked can be taken back"},
		{SoftDelete(), `{"securitySettings.softDeleteSettings":{"state":"ON"}}`, ""},
		{SoftDelete(), `{"securitySettings.softDeleteSettings":{"state":"AlwaysOn"}}`,
			"soft delete is AlwaysOn, and only On can be taken back"},
		{Alerts(), `{"monitoringSettings":null}`, "the alert of failed jobs is not set, and only Enabled is taken back"},
	} {
		var now arm.State
		if err := json.Unmarshal([]byte(tt.state), &now); err != nil {
			t.Fatal(err)
		}
		back := tt.setting.Back()
		found := back.Judge(nil, now)
		if tt.says == "" && len(found) > 0 || tt.says != "" && (len(found) != 1 || found[0].Message != tt.says) {
			t.Errorf("%s: %+v", tt.state, found)
		}
	}
	s := Immutability()
	back := s.Back()
	if why := back.Enough(nil, arm.State{sectionImmutability: json.RawMessage("null")}); why !=
		"immutability is not set, which is as good as Disabled" {
		t.Errorf("%q", why)
	}
}

// TestVersions: an API version of before what a kind relies on, or with more of it than the kind knows, is refused
// where the inventory is read.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		setting       arm.Setting
		version, says string
	}{
		{Alerts(), "2022-12-01", ""}, {Alerts(), "2026-07-01", ""},
		{Alerts(), "2022-11-01-preview", "does not know monitoringSettings."},
		{Immutability(), "2026-06-01", ""}, {SoftDelete(), "2026-07-01", ""},
		{Immutability(), "2026-07-01", "2026-07-01 has more in " +
			"securitySettings.immutabilitySettings.state than dp-immutability knows of; versions before 2026-07-01 do"},
		{ImmutabilityLock(), "2026-08-31-preview", "has more in"},
		{ImmutabilityLock(), "2026-07-01-preview", "has more in"},
		{SoftDeleteAlwaysOn(), "2022-09-01-preview", "does not know securitySettings.softDeleteSettings.state"},
	} {
		c := tt.setting.Change()
		_, err := c.Spec.Complete(fleet.Options{fleet.OptionAPIVersion: tt.version})
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s in %s: %v", c.Spec.Kind, tt.version, err)
		}
	}
	back := SoftDelete()
	c := back.Back()
	old := fleet.Options{fleet.OptionAPIVersion: "2023-01-01", fleet.OptionLedger: "x.db"}
	if _, err := c.Spec.Complete(old); err == nil ||
		!strings.Contains(err.Error(), "resourceGuardOperationRequests") {
		t.Errorf("a version that has no way to name a guard: %v", err)
	}
}
