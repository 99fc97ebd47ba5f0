package strictcloud

import (
	"fmt"
	"strings"
	"time"
)

// The trigger types of an upgrade (classic-service.md#the-listing).
const (
	UserTriggered = "UserTriggered"
	ForcedUpgrade = "ForcedUpgrade"
)

// Failure says how an upgrade failed.
type Failure struct {
	Code    string
	Message string
	Steps   []string // details of job steps, for upgradeOperationResult
}

// record is one upgrade of a vault. Its state is worked out from the time.
type record struct {
	id       string
	trigger  string
	foreign  bool      // not started through this server's POST
	start    time.Time // when the service took it; later than the POST for a late one
	end      time.Time
	unknown  time.Duration // its status is Unknown for so long
	failure  *Failure
	duration time.Duration
}

// foreignUpgrade is somebody else's upgrade that begins with the first look.
type foreignUpgrade struct {
	duration time.Duration
	failure  *Failure
	begun    bool
}

func (r *record) state(now time.Time) string {
	switch {
	case now.Before(r.start):
		return ""
	case now.Before(r.start.Add(r.unknown)) && now.Before(r.end):
		return "Unknown"
	case now.Before(r.end):
		return "InProgress"
	case r.failure != nil:
		return "Failed"
	}
	return "Upgraded"
}

func (r *record) running(now time.Time) bool { return now.Before(r.end) }

// record returns the newest upgrade that the service knows of at a time, nil
// where there is none.
func (v *VaultHandle) record(now time.Time) *record {
	for i := len(v.records) - 1; i >= 0; i-- {
		if r := &v.records[i]; !now.Before(r.start) {
			return r
		}
	}
	return nil
}

// pending returns an upgrade that the service will know of later.
func (v *VaultHandle) pending(now time.Time) *record {
	for i := range v.records {
		if r := &v.records[i]; now.Before(r.start) {
			return r
		}
	}
	return nil
}

// beginForeign lets a scripted foreign upgrade begin.
func (v *VaultHandle) beginForeign(now time.Time) {
	if f := v.foreign; f != nil && !f.begun {
		f.begun = true
		v.records = append(v.records, record{
			id: v.otherID(now), trigger: UserTriggered, foreign: true,
			start: now, end: now.Add(f.duration), failure: f.failure, duration: f.duration,
		})
	}
}

// accept takes a start: the truth of an upgrade of ours.
func (v *VaultHandle) accept(now time.Time, id string, late time.Duration) *record {
	r := record{
		id: id, trigger: UserTriggered, start: now.Add(late), unknown: v.unknownFor,
		end: now.Add(late + v.duration), duration: v.duration,
	}
	if len(v.failures) > 0 {
		f := v.failures[0]
		v.failures, r.failure = v.failures[1:], &f
	}
	v.records = append(v.records, r)
	v.permits = max(v.permits-1, 0)
	v.targetCleared = false
	delete(v.sub.missingGroups, v.groupKey()) // the service creates it
	v.s.acceptedOverall++
	if n := v.s.signOutAfter; n > 0 && v.s.acceptedOverall >= n {
		v.s.signedOut = true
	}
	return &v.records[len(v.records)-1]
}

func (v *VaultHandle) oldRecord(trigger string, failure *Failure) record {
	now := time.Now()
	start := now.Add(-30 * 24 * time.Hour)
	return record{
		id: v.otherID(start), trigger: trigger, foreign: true,
		start: start, end: start.Add(17 * time.Minute), failure: failure, duration: 17 * time.Minute,
	}
}

// otherID is an operation ID that no client of this server chose.
func (v *VaultHandle) otherID(at time.Time) string {
	h := hash(v.String(), fmt.Sprint(len(v.records), len(v.starts)))
	return fmt.Sprintf("%08x-0f0e-4a1b-8c2d-%012x-%s-P", h, v.index, at.UTC().Format("2006-01-02 15:04:05Z"))
}

func (v *VaultHandle) groupKey() string { return strings.ToLower(v.spec.Group) }

// targetPath is the NewResourcePath of classic-service.md#the-three-calls.
func (v *VaultHandle) targetPath() string {
	return "/subscriptions/" + v.sub.id + "/resourceGroups/" + v.spec.Group +
		"/providers/Microsoft.RecoveryServices/Vaults/" + v.spec.Name
}
