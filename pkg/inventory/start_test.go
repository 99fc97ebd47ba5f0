package inventory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestParseWindow(t *testing.T) {
	t.Parallel()
	const any = ""
	for text, want := range map[string]string{
		"any":                              any,
		" Any ":                            any,
		"22:00-06:00":                      `{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: "22:00", end: "06:00", timezone: "Asia/Tokyo"}`,
		"Mon-Fri 22:00-06:00":              `{days: [Mon, Tue, Wed, Thu, Fri], start: "22:00", end: "06:00", timezone: "Asia/Tokyo"}`,
		"fri-MON 00:00-24:00 Europe/Paris": `{days: [Fri, Sat, Sun, Mon], start: "00:00", end: "24:00", timezone: "Europe/Paris"}`,
		"Sat,Wed 01:30-02:00 UTC":          `{days: [Sat, Wed], start: "01:30", end: "02:00", timezone: UTC}`,
	} {
		if got, err := ParseWindow(text, "Asia/Tokyo"); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"":                           "is no window such as",
		"12":                         "is no window such as",
		"Mon":                        "is no window such as",
		"any Mon":                    "are no days",
		"Mon-Fri 22:00":              "is no window such as",
		"22:00-06:00 UTC UTC":        "is no window such as",
		"Mon,Fri-Tue 22:00-06:00":    `has Mon twice`,
		"Montag 22:00-06:00":         "are no days",
		"Mon 22-06":                  "start must be a time of day",
		"Mon 22:00-6:00":             "end must be a time of day",
		"Mon 22:00-06:00 Mars":       `timezone "Mars" is not known`,
		`Mon 22:00-06:00 "},{days:`:  "timezone",
		`Mon 22:00-06:00}],x:[{a: b`: "end must be a time of day",
	} {
		if got, err := ParseWindow(text, "UTC"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %s, %v; want %s", text, got, err, why)
		}
	}
}

// TestRollout: however many vaults are found, each wave takes one, and the inventory is
// good as it stands.
func TestRollout(t *testing.T) {
	t.Parallel()
	window, err := ParseWindow("Sat 22:00-06:00", "Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	waves := map[Care]map[int]string{
		Careful:  {1: "rest", 2: "first rest", 20: "first rest", 21: "first pilot rest", 400: "first pilot rest"},
		Balanced: {1: "rest", 2: "first rest", 20: "first rest", 21: "first pilot rest", 400: "first pilot rest"},
		Fast:     {1: "rest", 3: "rest", 4: "first rest", 400: "first rest"},
	}
	for _, care := range Cares() {
		if care.Says() == "" {
			t.Errorf("%s says nothing", care)
		}
		for n, want := range waves[care] {
			f := Found{Cloud: fleet.Cloud{Name: fleet.AzurePublic}, TargetResourceGroup: "rg",
				Rollout: &Rollout{Care: care, Window: window}, Subscriptions: []FoundSubscription{
					{ID: "00000000-0000-4000-8000-000000000001", Name: "prod"}}}
			for i := range n {
				f.Subscriptions[0].Vaults = append(f.Subscriptions[0].Vaults, FoundVault{Vault: fleet.Vault{
					Name: fmt.Sprintf("v%d", i), Location: "West Europe", ResourceType: fleet.BackupVault}})
			}
			p, err := Parse("fleet.yaml", Write(&f), time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatalf("%s, %d vaults: %v", care, n, err)
			}
			var got []string
			for _, w := range p.Waves {
				got = append(got, w.Name)
			}
			if strings.Join(got, " ") != want || p.Calendar == nil || len(p.Calendar.Windows) != 1 {
				t.Errorf("%s, %d vaults: waves %v, want %s; calendar %+v", care, n, got, want, p.Calendar)
			}
		}
	}
}
