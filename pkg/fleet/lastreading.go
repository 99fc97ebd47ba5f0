package fleet

import (
	"strings"
	"time"
)

// LastReading is what was last read of a vault whose upgrade is followed or in
// doubt, where the reading decides nothing: for the people who wait, and for the
// reason when the wait ends. Its texts are fit to be shown.
type LastReading struct {
	At time.Time `json:"at,omitzero"` // when the request went out
	// What was read, in words: of the vault, or why it could not be read.
	What string `json:"what"`
	// Differs says what of the vault is not as the upgrade wants it, leaf by leaf.
	Differs []string `json:"differs,omitempty"`
	// Poll is what the operation's own address answered, where that says nothing
	// about the operation; empty where it did, or was not asked.
	Poll   string `json:"poll,omitempty"`
	Action string `json:"action,omitempty"` // what to do about it, where that is known
	// Settled: the vault was read, no operation is under way on it, and it is not
	// as the upgrade wants it.
	Settled bool `json:"settled,omitempty"`
	// Running: the operation itself says that it is under way.
	Running bool `json:"running,omitempty"`
}

// Same reports whether two readings tell a person the same. When they were made
// does not count.
func (r *LastReading) Same(o *LastReading) bool {
	return r != nil && o != nil && r.What == o.What && r.Poll == o.Poll && strings.Join(r.Differs, "\n") == strings.Join(o.Differs, "\n")
}

// String says what was read and what differs, without the time.
func (r *LastReading) String() string {
	s := r.What
	if len(r.Differs) > 0 {
		s += ": " + strings.Join(r.Differs, ", ")
	}
	if r.Poll != "" {
		s += "; the operation's address answers " + r.Poll
	}
	return s
}

// Dated is String with the time of the reading, in UTC.
func (r *LastReading) Dated() string {
	if r.At.IsZero() {
		return r.String()
	}
	return r.String() + " (read " + r.At.UTC().Format("2006-01-02 15:04:05") + " UTC)"
}
