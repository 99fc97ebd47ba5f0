package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Streak is a number of failures in a row with one error code. The row is that
// of the ends in the cloud, not of when they came to be known: one reading may
// show several, and an explanation comes later still.
type Streak struct {
	Code string `json:"code,omitzero"`
	N    int    `json:"n,omitzero"`

	FailedAt time.Time `json:"failedAt,omitzero"` // when the last failure of the row ended
	GoodAt   time.Time `json:"goodAt,omitzero"`   // when the newest upgrade ended well
}

// failed counts a failure. One without a code of the service is told apart by
// nothing, so it continues no row.
func (s *Streak) failed(code string, at time.Time) {
	n := 1
	if code != "" && code == s.Code && !s.GoodAt.After(s.FailedAt) {
		n = s.N + 1
	}
	if code == "" {
		code = fleet.CodeUpgradeFailed
	}
	s.Code, s.N, s.FailedAt = code, n, later(at, s.FailedAt)
}

// succeeded notes an upgrade that ended well: no row goes on across it.
func (s *Streak) succeeded(at time.Time) { s.GoodAt = later(at, s.GoodAt) }
