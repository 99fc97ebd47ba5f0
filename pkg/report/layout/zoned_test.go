package layout_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

func TestZoned(t *testing.T) {
	t.Parallel()
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"until 2026-03-16T12:30:00Z":               "until Mon 23:30",
		"until 2026-03-16T12:30:00.1234Z.":         "until Mon 23:30.",
		"until 2026-03-16T12:30Z":                  "until Mon 23:30",
		"until 2026-03-16T14:30:00+02:00":          "until Mon 23:30",
		"read 2026-03-16 12:30:05 UTC":             "read Mon 23:30",
		"since 2026-03-16 09:30 UTC)":              "since Mon 16 Mar 20:30)",
		"still busy after 2h0m0s":                  "still busy after 2h",
		"for 2m39s; the last":                      "for 2m39s; the last",
		"(30m0s) 45s":                              "(30m) 45s",
		"operation 4cc2-2026-03-16 11:02:00Z-P":    "operation 4cc2-2026-03-16 11:02:00Z-P",
		"2026-13-99T12:30:00Z is none":             "2026-13-99T12:30:00Z is none",
		"vault x-5m0s, ticket 2026-03-16 12:30 at": "vault x-5m0s, ticket 2026-03-16 12:30 at",
	} {
		if got := layout.Zoned(in, sydney, now); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
