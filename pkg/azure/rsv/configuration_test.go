package rsv

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Versions of the API on both sides of the one that brought configurations.
var (
	versionsWithout = []string{"2024-04-01", "2025-08-01", "2026-02-01", "2026-03-31-preview", "2026-05-01-preview"}
	versionsWith    = []string{"2026-05-01", "2026-05-31-preview", "2026-07-01", "2027-01-01"}
)

// planned is the request of a plan for a vault.
func planned(t *testing.T, c arm.Change, v *fleet.Vault, options ...string) string {
	t.Helper()
	given := fleet.Options{}
	for i := 0; i < len(options); i += 2 {
		given[options[i]] = options[i+1]
	}
	if _, undoes := c.Spec.Kind.Undoes(); undoes {
		given[fleet.OptionLedger] = "fleet.db"
	}
	complete, err := c.Spec.Complete(given)
	if err != nil {
		t.Fatal(err)
	}
	return string(c.Spec.Describe(complete).Request.Of(v).Body)
}

// TestConfigurationByVersion: each version of the API is sent what it wants and
// nothing that it does not know, on the way there and back, and the plan shows it.
// A state that was recorded in one version is put back in any other.
func TestConfigurationByVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		versions []string
		days     string
		more     string // beside the state of Unlocked
	}{
		{versionsWithout, "", ""}, {versionsWith, "", perPolicy}, {versionsWith, "30", thirty},
		{versionsWith, "0365", `,"configuration":{"type":"TimeBased","durationInDays":365}`},
	} {
		for _, version := range tt.versions {
			for _, recorded := range []string{`{"state":"Disabled"}`, `null`,
				`{"state":"Disabled","configuration":{"type":"TimeBased","durationInDays":40}}`} {
				f := newFake(t, immutable(recorded))
				out, back := Immutability(), ImmutabilityBack()
				options := []string{fleet.OptionAPIVersion, version}
				if tt.days != "" {
					options = append(options, optionDays, tt.days)
				}
				v, w := testVault(out), testVault(back)
				before := changed(t, f.upgrader(out, options...), v)
				if got, _ := checked(t, f.upgrader(out, options...), v); got.Verdict != fleet.VerdictAlready {
					t.Errorf("%s: once changed: %+v", version, got)
				}
				restore, err := back.Spec.Restore(before)
				if err != nil {
					t.Fatal(err)
				}
				w.Restore = restore
				for _, other := range []string{version, "2025-08-01", "2026-07-01"} {
					if got := planned(t, back, w, fleet.OptionAPIVersion, other); got != body("Disabled") {
						t.Errorf("from %s back in %s: the plan shows %s", version, other, got)
					}
				}
				changed(t, f.upgrader(back, fleet.OptionAPIVersion,
					map[bool]string{true: "2025-08-01", false: "2026-07-01"}[version > "2026-05"]), w)
				if got := planned(t, out, v, options...); got != body("Unlocked", tt.more) {
					t.Errorf("%s %s: the plan shows %s", version, tt.days, got)
				}
				if got, want := f.bodies(),
					[]string{body("Unlocked", tt.more), body("Disabled")}; !slices.Equal(got, want) {
					t.Errorf("%s %s: sent %v, want %v", version, tt.days, got, want)
				}
			}
		}
	}
}

// TestLockKeepsTheConfiguration that each vault has: nobody can correct it
// afterwards. One that shows none is locked only by consent.
func TestLockKeepsTheConfiguration(t *testing.T) {
	t.Parallel()
	const ready, blocked = fleet.VerdictReady, fleet.VerdictBlocked
	for has, tt := range map[string]struct {
		want fleet.Verdict
		more string // that is sent where the version has it
		code string
	}{
		perPolicy: {ready, perPolicy, ""},
		thirty:    {ready, thirty, ""},
		`,"configuration":{"type":"asperpolicy","durationInDays":null}`: {ready, perPolicy, ""},
		`,"configuration":{"type":"timebased","durationInDays":36135}`: {ready,
			`,"configuration":{"type":"TimeBased","durationInDays":36135}`, ""},
		``:                                      {blocked, perPolicy, codeConfiguration},
		`,"configuration":null`:                 {blocked, perPolicy, codeConfiguration},
		`,"configuration":{}`:                   {blocked, perPolicy, codeConfiguration},
		`,"configuration":"odd"`:                {blocked, "", codeImmutability}, // the state is read with it
		`,"configuration":{"type":"TimeBased"}`: {blocked, "", codeConfiguration},
		`,"configuration":{"type":"TimeBased","durationInDays":0}`:       {blocked, "", codeConfiguration},
		`,"configuration":{"type":"TimeBased","durationInDays":30.5}`:    {blocked, "", codeConfiguration},
		`,"configuration":{"durationInDays":30}`:                         {blocked, "", codeConfiguration},
		`,"configuration":{"type":"Rolling\u202e","durationInDays":400}`: {blocked, "", codeConfiguration},
	} {
		properties := immutable(`{"state":"Unlocked"` + has + `}`)
		lock := ImmutabilityLock()
		f := newFake(t, properties)
		v := testVault(lock)
		got, _ := checked(t, f.upgrader(lock), v)
		if got.Verdict != tt.want || tt.code != "" &&
			!slices.ContainsFunc(got.Findings,
				func(fd fleet.Finding) bool { return fd.Code == tt.code && fd.Action != "" }) &&
			tt.code != codeImmutability {
			t.Errorf("%s: %+v", has, got)
		}
		v.AcceptWarnings = true
		if got, seen := checked(t, f.upgrader(lock), v); (got.Verdict == ready) != (tt.more != "") {
			t.Errorf("%s, with consent: %+v", has, got)
		} else if tt.more == "" {
			if _, err := f.upgrader(lock).Prepare(t.Context(), v, seen); err == nil {
				t.Errorf("%s: may start", has)
			}
			continue
		}
		if shown := planned(t, lock, v); shown != body("Locked", `,"configuration":"{its own}"`) {
			t.Errorf("the plan shows %s", shown)
		}
		changed(t, f.upgrader(lock), v)
		for _, version := range versionsWithout {
			g := newFake(t, properties)
			changed(t, g.upgrader(lock, fleet.OptionAPIVersion, version), testVault(lock))
			if got := append(g.bodies(), planned(t, lock, v, fleet.OptionAPIVersion, version)); !slices.Equal(got,
				[]string{body("Locked"), body("Locked")}) {
				t.Errorf("%s in %s: %v", has, version, got)
			}
		}
		if got := f.bodies(); !slices.Equal(got, []string{body("Locked", tt.more)}) {
			t.Errorf("%s: sent %v", has, got)
		}
	}
}

// TestWhatIsThereIsLeftAlone: a vault that is immutable keeps the configuration
// that it has, which somebody has chosen. Where the inventory asks for days, one
// that keeps as many is enough, and no other is changed.
func TestWhatIsThereIsLeftAlone(t *testing.T) {
	t.Parallel()
	const already, blocked = fleet.VerdictAlready, fleet.VerdictBlocked
	for _, tt := range []struct {
		is         string
		free, days fleet.Verdict // without durationInDays, and with 30
		says       string
	}{
		{`{"state":"Unlocked"` + perPolicy + `}`, already, blocked, "AsPerPolicy"},
		{`{"state":"Unlocked"` + thirty + `}`, already, already, "TimeBased, 30 days"},
		{`{"state":"Unlocked","configuration":{"type":"TimeBased","durationInDays":31}}`, already, already,
			"TimeBased, 31 days"},
		{`{"state":"Unlocked","configuration":{"type":"TimeBased","durationInDays":29}}`, already, blocked,
			"TimeBased, 29 days"},
		{`{"state":"Unlocked"}`, already, blocked, "Unlocked"},
		{`{"state":"Locked"` + perPolicy + `}`, already, blocked, "Locked"},
		{`{"state":"Locked"` + thirty + `}`, already, already, "more than Unlocked"},
		{`{"state":"Locked"}`, already, blocked, "Locked"},
	} {
		f := newFake(t, immutable(tt.is))
		out := Immutability()
		free, _ := checked(t, f.upgrader(out), testVault(out))
		asked, _ := checked(t, f.upgrader(out, optionDays, "30"), testVault(out))
		if free.Verdict != tt.free || asked.Verdict != tt.days ||
			!strings.Contains(free.Findings[0].Message+asked.Findings[0].Message, tt.says) {
			t.Errorf("%s: %+v and with days %+v", tt.is, free, asked)
		}
		if asked.Verdict == blocked && (asked.Findings[0].Code != codeImmutability ||
			!strings.Contains(asked.Findings[0].Action, optionDays)) {
			t.Errorf("%s: %+v", tt.is, asked)
		}
		if len(f.came("PATCH")) > 0 {
			t.Errorf("%s: something was sent", tt.is)
		}
	}
}

// TestVersionsThatKnow: a version of the API that does not know what a kind sends
// or relies on is refused where the inventory is read. The first of each is from
// the published specifications.
func TestVersionsThatKnow(t *testing.T) {
	t.Parallel()
	const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for _, tt := range []struct {
		change       arm.Change
		last, first  string // that does not know, and that does
		option, text string
		key, says    string
	}{
		{Alerts(), "2024-01-01", "2024-02-01", "", "", "apiVersion", "alertsForAllReplicationIssues"},
		{AlertsBack(), "2024-01-01", "2024-04-30-preview", "", "", "apiVersion", "alertsForAllReplicationIssues"},
		{Immutability(), "2022-05-01", "2022-08-01", "", "", "apiVersion", "immutabilitySettings.state"},
		{Immutability(), "2022-05-01", "2022-09-30-preview", "", "", "apiVersion", "immutabilitySettings.state"},
		{Immutability(), "2026-03-31-preview", "2026-05-01", optionDays, "30", optionDays, "2026-05-01 and later do"},
		{Immutability(), "2026-05-01-preview", "2026-05-31-preview", optionDays, "30", optionDays,
			"immutabilitySettings.configuration"},
		{Immutability(), "2023-02-01", "2023-04-01", fleet.OptionGuardTenant, tenant, fleet.OptionGuardTenant,
			"multiUserAuthorization"},
		{ImmutabilityLock(), "2022-05-01", "2022-08-01", "", "", "apiVersion", "rsv-immutability-lock needs"},
		{ImmutabilityBack(), "2024-02-01", "2024-04-01", "", "", "apiVersion", "resourceGuardOperationRequests"},
	} {
		given := fleet.Options{}
		if _, undoes := tt.change.Spec.Kind.Undoes(); undoes {
			given[fleet.OptionLedger] = "fleet.db"
		}
		if tt.option != "" {
			given[tt.option] = tt.text
		}
		given[fleet.OptionAPIVersion] = tt.first
		if _, err := tt.change.Spec.Complete(given); err != nil {
			t.Errorf("%s in %s: %v", tt.change.Spec.Kind, tt.first, err)
		}
		given[fleet.OptionAPIVersion] = tt.last
		if _, err := tt.change.Spec.Complete(given); err == nil ||
			!strings.HasPrefix(err.Error(), "upgrade."+tt.key+": ") || !strings.Contains(err.Error(), tt.says) ||
			!strings.Contains(err.Error(), tt.last) {
			t.Errorf("%s in %s: %v", tt.change.Spec.Kind, tt.last, err)
		}
	}
	for _, c := range []arm.Change{Alerts(), ImmutabilityLock(), ImmutabilityBack()} {
		given := fleet.Options{optionDays: "30", fleet.OptionLedger: "fleet.db"}
		if _, err := c.Spec.Complete(given); err == nil || !strings.Contains(err.Error(), "no option") {
			t.Errorf("%s takes %v: %v", c.Spec.Kind, given, err)
		}
	}
}
