package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// SchemaVersion is the version of every JSON document of this package. Fields
// may be added to a version; none is renamed or removed.
const SchemaVersion = 1

// Time is a time as JSON shows it: RFC 3339, UTC, milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"`), nil
}

// TimeOrNull returns a time for JSON, nil for none.
func TimeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// Value returns the time, zero for none.
func (t *Time) Value() time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// StringOrNull returns a string for JSON, nil for none.
func StringOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func ValueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Finding is a reason a check gave, as JSON shows it.
type Finding struct {
	Severity fleet.Severity `json:"severity"`
	Category *string        `json:"category"`
	Code     *string        `json:"code"`
	Message  *string        `json:"message"`
	Action   *string        `json:"action"`
	Items    []string       `json:"items"`

	said string // by the cloud itself, for whoever is asked about it
}

func FindingsOf(fs []fleet.Finding) []Finding {
	out := make([]Finding, len(fs))
	for i, f := range fs {
		out[i] = Finding{f.Severity, StringOrNull(f.Category), StringOrNull(f.Code), StringOrNull(f.Message),
			StringOrNull(f.Action), ListOrEmpty(f.Items), f.Said}
	}
	return out
}

// ListOrEmpty returns an empty list for none: an array is never null.
func ListOrEmpty(ss []string) []string {
	if ss == nil {
		return []string{}
	}
	return ss
}

func labels(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
