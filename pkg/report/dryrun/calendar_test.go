package dryrun_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// events reads a calendar as RFC 5545 says: lines that end in CR LF and have 75 bytes at
// the most go on behind a blank, and texts escape what would part them.
func events(t *testing.T, data []byte) (all []map[string]string) {
	t.Helper()
	text := string(data)
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
		t.Error("a line does not end in CR LF")
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
	unfolded := strings.NewReplacer("\r\n ", "", "\r\n\t", "").Replace(text)
	var open []string
	for line := range strings.SplitSeq(strings.TrimSuffix(unfolded, "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		switch {
		case !ok || !regexp.MustCompile(`^[A-Z-]+$`).MatchString(name):
			t.Errorf("%q is no property", line)
		case name == "BEGIN":
			open = append(open, value)
			if value == "VEVENT" {
				all = append(all, map[string]string{})
			}
		case name == "END":
			if len(open) == 0 || open[len(open)-1] != value {
				t.Fatalf("%s ends in %v", value, open)
			}
			open = open[:len(open)-1]
		case slices.Contains(open, "VEVENT"):
			bare := strings.NewReplacer(`\\`, "", `\,`, "", `\;`, "", `\n`, "").Replace(value)
			if strings.ContainsAny(bare, `\,;`) {
				t.Errorf("%s is not escaped: %q", name, value)
			}
			all[len(all)-1][name] = strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\n`, "\n").Replace(value)
		}
	}
	if len(open) > 0 {
		t.Errorf("%v does not end", open)
	}
	return all
}

// TestCalendar: an event a night, whose name in a calendar stays when the plan is made anew.
func TestCalendar(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.Inventory = "fleets/a, b; the nights of the whole company and all that belongs to it.yaml"
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 30, 0, 0, reporttest.Sydney) }
	f := &rollout.Forecast{EndsAt: at(18, 1), Waves: []rollout.Span{{StartsAt: at(16, 22), EndsAt: at(18, 1)}},
		Nights: []rollout.Night{{From: at(16, 22), Until: at(17, 4), Starts: 40}, {From: at(17, 22), Until: at(18, 4),
			Starts: 1}}}
	o := dryrun.PlanOptions{Now: at(15, 9), Zone: reporttest.Sydney, P50: f, P90: f}
	write := func() (out []map[string]string) {
		t.Helper()
		var b bytes.Buffer
		n, err := dryrun.Calendar(&b, p, o)
		if out = events(t, b.Bytes()); err != nil || n != len(out) {
			t.Errorf("%d events, %v; read %d", n, err, len(out))
		}
		return out
	}
	first := write()
	if len(first) != 2 {
		t.Fatalf("%d events", len(first))
	}
	for name, want := range map[string]string{"DTSTART": "20260316T113000Z", "DTEND": "20260316T173000Z",
		"DTSTAMP": "20260314T223000Z", "STATUS": "TENTATIVE",
		"SUMMARY": "fleetup a, b; the nights of the whole company and all that belongs to it: night 1 of 2, " +
			"40 vaults to start",
		"DESCRIPTION": "By plan 7f3a9c21, a forecast (p90): a run may start other vaults, or none.\n" +
			"All is over by 2026-03-18 01:30:00 AEDT."} {
		if got := first[0][name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	o.Now, p.Fingerprint = at(15, 10), strings.Repeat("0", 64)
	f.Nights[0].Starts = 39
	if again := write(); again[0]["UID"] != first[0]["UID"] || again[1]["UID"] == again[0]["UID"] {
		t.Errorf("UIDs %s, then %s and %s", first[0]["UID"], again[0]["UID"], again[1]["UID"])
	}
	f.Nights = nil
	if whole := write(); len(whole) != 1 || whole[0]["DTSTART"] != "20260316T113000Z" ||
		whole[0]["DTEND"] != "20260317T143000Z" {
		t.Errorf("without windows: %v", whole)
	}
}
