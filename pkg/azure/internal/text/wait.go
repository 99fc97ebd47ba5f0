package text

import (
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// MaxWait is the most that a sentence is believed: what a service means by
// more is not a pause between two requests.
const MaxWait = time.Hour

// What a throttled caller is told in words alone: "Please try again after '2'
// seconds", "Retry after 00:01:30", "try again in 5 minutes". Microsoft
// documents the header for throttled requests ("Understand how Azure Resource
// Manager throttles requests"). The sentence is reported in Azure/azqr, issue 34
// (after the span of the limit, which is no wait), and answers without the header
// in hashicorp/terraform-provider-azurerm, issue 19146.
var (
	saidWait = lazyregexp.New(`(?i)\b(?:re-?tr(?:y|ying|ied)|try\s(?:[a-z]+\s){0,4}again|wait|available|resubmit|resend|repeat)\b[^.;!?0-9]{0,80}?['"(]?` +
		`(?:(\d{1,3})\.)?(\d{1,9})(?:(:\d{2}:\d{2}(?:\.\d+)?)\b['"]?(\s*(?:[ap]m|utc|gmt|z)\b)?|(\.\d+)?['")]?\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b)`)
	saidUntil = lazyregexp.New(`(?i)\b(?:re-?try|again|until|after|wait|available)\b[^.;!?0-9]{0,80}?(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))`)
)

// WaitIn is how long a message asks to wait, at most MaxWait; 0 where it does
// not say.
func WaitIn(message string, now time.Time) time.Duration {
	if m := saidUntil().FindStringSubmatch(message); m != nil {
		if at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(m[1])); err == nil {
			return min(max(at.Sub(now), 0), MaxWait)
		}
	}
	m := saidWait().FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	days, whole, clock, ofDay, fraction, unit := m[1], m[2], m[3], m[4], m[5], strings.ToLower(m[6])
	if clock != "" { // a span of .NET: [days.]hours:minutes:seconds
		if ofDay != "" {
			return 0 // a time of day: of which, nobody says
		}
		parts := strings.Split(strings.TrimPrefix(clock, ":"), ":")
		d := amount(days, 24*time.Hour) + amount(whole, time.Hour) + amount(parts[0], time.Minute) + amount(parts[1],
			time.Second)
		return min(d, MaxWait)
	}
	if days != "" { // "1.5 minutes" is no day
		whole, fraction = days, "."+whole
	}
	size := time.Second
	switch {
	case strings.HasPrefix(unit, "mil"), strings.HasPrefix(unit, "ms"):
		size = time.Millisecond
	case strings.HasPrefix(unit, "m"):
		size = time.Minute
	case strings.HasPrefix(unit, "h"):
		size = time.Hour
	}
	return min(amount(whole+fraction, size), MaxWait)
}

// amount reads a number of units, at most a year of hours: more is cut later.
func amount(number string, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, 1e4) * float64(unit))
}
