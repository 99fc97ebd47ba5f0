package web

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSentencesAreInThePagesZone: whatever a journal or a service says of a vault, the
// page tells its times in its own zone, and its durations in its own form. A message to
// support keeps UTC.
func TestSentencesAreInThePagesZone(t *testing.T) {
	t.Parallel()
	const said = "refused since 2026-03-16T12:30:00Z (read 2026-03-16 12:30:05 UTC), for 2h0m0s"
	v := troubledNight(60)
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Reason != nil {
			x.Reason = ptr(said)
		}
		for j := range x.Findings {
			x.Findings[j].Message, x.Findings[j].Action = ptr(said), ptr(said)
		}
		if l := x.LastReading; l != nil {
			l.What, l.Differs, l.Poll, l.Action = said, []string{said}, ptr(said), ptr(said)
		}
		for j := range x.Reads {
			x.Reads[j].Detail = ptr(said)
		}
	}
	for i := range v.Timeline.Entries {
		v.Timeline.Entries[i].Text, v.Timeline.Entries[i].Detail = said, ptr(said)
	}
	page := string(frozen(t, v))
	if n := strings.Count(page, "refused since Mon 16 Mar 23:30 (read Mon 16 Mar 23:30), for 2h"); n < 40 {
		t.Errorf("%d sentences are in the page's zone", n)
	}
	copied := regexp.MustCompile(`(?s)"support":"(?:[^"\\]|\\.)*"|<pre[^>]*>.*?</pre>`)
	if !strings.Contains(strings.Join(copied.FindAllString(page, -1), ""), "2026-03-16T12:30:00Z") {
		t.Error("no message to support has its times as they were written")
	}
	for _, m := range regexp.MustCompile(`.{80}(?:T12:30:00Z|12:30:05 UTC|2h0m0s).{20}`).FindAllString(copied.ReplaceAllString(page, ""), 5) {
		t.Errorf("as it was written: %s", m)
	}
}

// TestYearWhereItIsAnother: a day of another year than the page's, in the page's zone, says
// which.
func TestYearWhereItIsAnother(t *testing.T) {
	t.Parallel()
	c := clock{zone: time.FixedZone("AEDT", 11*3600), now: time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)}
	for at, want := range map[time.Time]string{
		time.Date(2026, 12, 31, 12, 30, 0, 0, time.UTC): "Thu 31 Dec 23:30",
		time.Date(2026, 12, 31, 13, 30, 0, 0, time.UTC): "Fri 1 Jan 2027 00:30",
		time.Date(2025, 11, 30, 1, 0, 0, 0, time.UTC):   "Sun 30 Nov 2025 12:00",
	} {
		if got := c.minute(at); got != want {
			t.Errorf("%v reads %q, want %q", at, got, want)
		}
	}
}
