package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestPlanJSON pins the document that programs read: what they were promised is
// there, under its name and in its form.
func TestPlanJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "fleet.yaml")
	if err := os.WriteFile(file, []byte(`
apiVersion: fleetup/v1
cloud: Emulator
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg-vaults}
subscriptions:
  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, vaults: [{name: web}, {name: held, hold: legal freeze}]}
  - {id: 53a3c692-5283-4f0a-baf6-49412f5ebefe, name: prod, vaults: [{name: aa, protectedItems: 40}, {name: bb}, {name: cc}]}
waves:
  - {name: canary, size: 1, maxFailures: 0, soak: 30m, approval: after}
  - {name: rest, maxFailures: 40%}
windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: "22:00", end: "06:00", timezone: Australia/Sydney}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := try(t, "plan", file, "-o", "json")
	if code != fleet.ExitOK || stderr != "" {
		t.Fatalf("plan exited %d: %s", code, stderr)
	}
	var doc struct {
		SchemaVersion int
		Fingerprint   string
		Waves         []struct {
			Name        string
			Vaults      []struct{ Vault string }
			MaxFailures *int
			Forecast    struct{ StartsAt, EndsAtP50, EndsAtP90 time.Time }
		}
		Excluded []struct{ Vault, Reason string }
		Findings []any
		Forecast struct {
			EndsAtP50, EndsAtP90 time.Time
			Nights               *int
			LowerBoundSeconds    float64
			Ratio                float64
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"schemaVersion", "fingerprint", "waves", "excluded", "findings", "forecast"} {
		if len(keys[k]) == 0 || string(keys[k]) == "null" {
			t.Errorf("there is no %s; there are %v", k, slices.Sorted(maps.Keys(keys)))
		}
	}
	if doc.SchemaVersion != 1 || len(doc.Fingerprint) != 64 || len(doc.Waves) != 2 || doc.Findings == nil {
		t.Errorf("the document says %+v", doc)
	}
	canary, rest, f := doc.Waves[0], doc.Waves[1], doc.Forecast
	if canary.Name != "canary" || len(canary.Vaults) != 1 || canary.MaxFailures == nil || *canary.MaxFailures != 0 {
		t.Errorf("the canary is %+v", canary)
	}
	if len(rest.Vaults) != 3 || rest.MaxFailures == nil || *rest.MaxFailures != 1 {
		t.Errorf("the rest is %+v; 40 %% of 3 vaults are 1", rest)
	}
	if len(doc.Excluded) != 1 || doc.Excluded[0].Vault != "dev/held" || doc.Excluded[0].Reason != "legal freeze" {
		t.Errorf("excluded are %+v", doc.Excluded)
	}
	if f.Nights == nil || *f.Nights < 1 || *f.Nights > 2 || f.LowerBoundSeconds <= 0 || f.Ratio < 1 {
		t.Errorf("the forecast is %+v", f)
	}
	c := canary.Forecast
	if !(c.StartsAt.Before(c.EndsAtP50) && c.EndsAtP50.Before(c.EndsAtP90)) ||
		rest.Forecast.StartsAt.Before(c.EndsAtP50.Add(30*time.Minute)) ||
		!rest.Forecast.EndsAtP90.Equal(f.EndsAtP90) || f.EndsAtP90.Before(f.EndsAtP50) {
		t.Errorf("the waves' times do not follow each other: %+v, %+v, %+v", c, rest.Forecast, f)
	}
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range doc.Waves {
		if h := w.Forecast.EndsAtP90.In(sydney).Hour(); h >= 6 && h < 22 {
			t.Errorf("wave %s ends at %s, outside its window", w.Name, w.Forecast.EndsAtP90.In(sydney))
		}
	}
}
