package test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayVersions rolls immutability out, back and to its lock in versions of
// the API on both sides of the one that wants its configuration: each is sent what
// it knows, and nothing else. The way back may speak another version than the way
// there.
func TestTodayVersions(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		there, back string
		days        float64
	}{
		{"2025-08-01", "2026-07-01", 0}, {"2026-07-01", "2025-08-01", 0}, {"2026-05-01", "2026-05-31-preview", 0},
		{"2026-02-01", "2026-03-31-preview", 0}, {"2026-07-01", "2026-07-01", 90},
	} {
		t.Run(fmt.Sprintf("%s back in %s, days %v", v.there, v.back, v.days), func(t *testing.T) {
			t.Parallel()
			in := func(version string) map[strictarm.Call]string {
				return map[strictarm.Call]string{strictarm.CallVault: version, strictarm.CallPatch: version}
			}
			w := newToday(t, strictarm.Config{Timings: quick(), APIVersions: in(v.there)})
			for i := range 3 {
				w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("v%d", i),
					Kind: strictarm.Immutability, Days: v.days}).
					Takes(time.Duration(i) * 50 * time.Millisecond).RetryAfter(0)
			}
			options := ", apiVersion: " + v.there
			if v.days > 0 {
				options += fmt.Sprintf(", durationInDays: %v", v.days)
			}
			w.write(strictarm.Inventory{Kind: strictarm.Immutability, Options: options,
				Waves: []strict.Wave{{Name: "all"}}})
			w.start("run", w.inv, "--yes").ends(0)
			w.start("run", w.inv, "--yes").ends(0).says("3 by earlier runs")
			w.cloud.Speak(in(v.back))
			for _, vault := range w.cloud.Vaults() {
				vault.RollBack()
			}
			forth := filepath.Base(w.db)
			w.inv, w.db = filepath.Join(w.dir, "back.yaml"), filepath.Join(w.dir, "back.db")
			w.write(strictarm.Inventory{Kind: strictarm.Immutability, Rollback: true,
				Options: ", ledger: " + forth + ", apiVersion: " + v.back, Waves: []strict.Wave{{Name: "all"}}})
			w.start("run", w.inv, "--yes").ends(0)
			w.judgeProofs()
			r := w.cloud.Report()
			for _, broken := range r.Violations {
				t.Errorf("violation: %s", broken)
			}
			for _, vault := range r.Vaults {
				if len(vault.Accepted) != 2 || !vault.Wanted {
					t.Errorf("%s was sent %+v", vault.Vault.Name, vault.Patches)
				}
			}
		})
		if v.days > 0 {
			continue // asked for when it is unlocked, and kept when it is locked
		}
		t.Run("locked in "+v.there, func(t *testing.T) {
			t.Parallel()
			w := newToday(t, strictarm.Config{Timings: quick(),
				APIVersions: map[strictarm.Call]string{strictarm.CallVault: v.there, strictarm.CallPatch: v.there}})
			for i := range 4 {
				vault := w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("v%d", i),
					Kind: strictarm.ImmutabilityLock, AcceptWarnings: i == 3}).RetryAfter(0)
				if i > 1 { // immutable since before there were configurations; one is locked by consent
					vault.Property("securitySettings.immutabilitySettings.configuration", nil)
				}
			}
			w.write(strictarm.Inventory{Kind: strictarm.ImmutabilityLock, Options: ", apiVersion: " + v.there,
				Waves: []strict.Wave{{Name: "all"}}})
			want, code := map[string]string{"v0": "upgraded", "v1": "upgraded", "v2": "blocked", "v3": "upgraded"}, 7
			if v.there < "2026-05" {
				want["v2"], code = "upgraded", 0
			}
			w.start("run", w.inv, "--yes", "--confirm-irreversible", string(strictarm.ImmutabilityLock)).ends(code)
			stands := w.status(w.db)
			for _, vault := range w.judge().Vaults {
				if got := stands.find(t, vault.Vault.Name); got.Status != want[vault.Vault.Name] {
					t.Errorf("%s is %s: %s", vault.Vault.Name, got.Status, got.why())
				}
			}
		})
	}
}
