package inventory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// TestNotBefore: the date of a wave is a moment, by the wall clock of its zone: of an hour
// that is left out when the clocks go forward it is the moment of the change, of one that
// comes twice the first. What cannot be is told with its place, and so is what has no effect.
func TestNotBefore(t *testing.T) {
	t.Parallel()
	const head = `apiVersion: fleetup/v1
cloud: AzurePublic
defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions:
  - id: 11111111-1111-4111-8111-111111111111
    name: prod
    vaults: [{name: one}, {name: two}, {name: three}]
waves:
  - {name: first, size: 1}
`
	at := func(text string) string { return head + "  - {name: rest, notBefore: " + text + "}\n" }
	for text, want := range map[string]string{
		`{at: "2027-06-05T22:00", timezone: Europe/London}`:    "2027-06-05T21:00:00Z",
		`{at: "2027-06-05", timezone: Australia/Sydney}`:       "2027-06-04T14:00:00Z",
		`{at: 2027-06-05, timezone: UTC}`:                      "2027-06-05T00:00:00Z",
		`{at: "2027-03-28T01:30", timezone: Europe/London}`:    "2027-03-28T01:00:00Z", // the clocks go from 1 to 2
		`{at: "2027-10-31T01:30", timezone: Europe/London}`:    "2027-10-31T00:30:00Z", // it comes twice
		`{at: "2027-10-31T01:30", timezone: America/New_York}`: "2027-10-31T05:30:00Z",
	} {
		p, err := inventory.Parse("f.yaml", []byte(at(text)), now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.Waves[1].NotBefore.Format(time.RFC3339); got != want || !p.Waves[0].NotBefore.IsZero() {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`{at: "2027-02-31T22:00", timezone: UTC}`:  `f.yaml:10:34: notBefore.at must be a date or a local time`,
		`{at: "9991-01-01", timezone: UTC}`:        `f.yaml:10:34: notBefore.at is after the year 9990`,
		`{at: "2027-06-05T24:00", timezone: UTC}`:  `notBefore.at must be a date or a local time`,
		`{at: "2027-06-05T22:00Z", timezone: UTC}`: `notBefore.at must be a date or a local time`,
		`{at: "2027-06-05", timezone: Mars}`:       `timezone "Mars" is not known`,
		`{at: "2027-06-05"}`:                       `notBefore has no timezone`,
		`{timezone: UTC}`:                          `notBefore has no at`,
		`{at: "2027-06-05", zone: UTC}`:            `unknown key "zone"`,
		`"2027-06-05T22:00"`:                       `notBefore must be a mapping`,
	} {
		if _, err := inventory.Parse("f.yaml", []byte(at(text)), now); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	dated := func(first, second, third string) string {
		date := func(s string) string {
			if s == "" {
				return ""
			}
			return fmt.Sprintf(", notBefore: {at: %q, timezone: UTC}", s)
		}
		return strings.TrimSuffix(head, "  - {name: first, size: 1}\n") + "  - {name: first, size: 1" + date(first) +
			"}\n  - {name: second, size: 1" + date(second) + "}\n  - {name: third" + date(third) + "}\n"
	}
	const over, idle = "is over, and has no effect", "has no effect: wave"
	for _, c := range []struct{ first, second, third, want string }{
		{"2027-06-05", "2027-06-12", "2027-06-19", ""},
		{"", "2027-06-12", "", ""},
		{"2020-06-05", "2027-06-12", "", `notBefore of wave "first" ` + over},
		{"2020-06-05", "2019-06-12", "", `notBefore of wave "second" ` + over},
		{"2027-06-05", "", "2027-06-05", `notBefore of wave "third" ` + idle + ` "first", before it`},
		{"2027-06-05", "2027-06-04", "2027-06-06", `notBefore of wave "second" ` + idle + ` "first", before it`},
	} {
		path := write(t, "f.yaml", dated(c.first, c.second, c.third))
		_, warnings, err := inventory.Check(path, now)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, w := range warnings {
			all = append(all, w.String())
		}
		got := strings.Join(all, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
