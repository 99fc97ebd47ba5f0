package rollout

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// settings are what a vault has, by a word; none where there is no word.
func settings(mode string) json.RawMessage {
	if mode == "" {
		return nil
	}
	return json.RawMessage(`{"mode":"` + mode + `"}`)
}

func (s *script) record(state fleet.UpgradeState, op string) *fleet.Record {
	word, presumed := strings.CutSuffix(string(state), "?")
	word, timeless := strings.CutSuffix(word, "-timeless")
	state = fleet.UpgradeState(word)
	r := &fleet.Record{OperationID: op, State: state, StartedAt: s.now, Presumed: presumed}
	switch state {
	case fleet.RecordUpgraded:
		r.EndedAt, r.UpgradedResourceID = s.now, "/by/"+op
	case fleet.RecordFailed:
		r.EndedAt, r.Message = s.now, "the service gave up"
	}
	if timeless {
		r.EndedAt = time.Time{}
	}
	return r
}

func recordState(v fleet.Verdict) fleet.UpgradeState {
	switch v {
	case fleet.VerdictAlready:
		return fleet.RecordUpgraded
	case fleet.VerdictFailed:
		return fleet.RecordFailed
	}
	return fleet.RecordInProgress
}

var scriptAnswers = map[string]fleet.StartAnswer{
	"accepted": {Verdict: fleet.StartAccepted, HTTPStatus: 200},
	"done":     {Verdict: fleet.StartAccepted, HTTPStatus: 200, Done: true},
	"followed": {Verdict: fleet.StartAccepted, HTTPStatus: 202},
	"untold":   {Verdict: fleet.StartAccepted, HTTPStatus: 202},
	"yes":      {Verdict: fleet.StartUnknown, HTTPStatus: 202, Message: "not where to follow it"},
	"blocked": {Verdict: fleet.StartBlocked, HTTPStatus: 409, Code: "ScopeLocked", Message: "a lock holds it",
		Action: "Remove the lock."},
	"unknown":   {Verdict: fleet.StartUnknown, Message: "no answer"},
	"errorbody": {Verdict: fleet.StartUnknown, HTTPStatus: 500, Message: "internal error", ErrorBody: true},
	"busy": {Verdict: fleet.StartBusy, HTTPStatus: 409, Code: "ConflictError",
		Message: "another operation is under way"},
	"forbidden": {Verdict: fleet.StartBlocked, HTTPStatus: 403, Code: "AuthorizationFailed", Message: "no write",
		Action: "Grant the role."},
	"denied-by": {Verdict: fleet.StartBlocked, HTTPStatus: 403, Code: "DenyAssignmentAuthorizationFailed",
		Message: "a deny assignment", Action: "Hold it."},
	"429":     {Verdict: fleet.StartThrottled, HTTPStatus: 429},
	"403":     {Verdict: fleet.StartDenied, HTTPStatus: 403, Message: "no co-administrator"},
	"failed":  {Verdict: fleet.StartFailed, HTTPStatus: 400, Message: "refused"},
	"unsent":  {Verdict: fleet.StartNotSent, Code: fleet.CodeUnreachable, Message: "too many open files"},
	"notsent": {Verdict: fleet.StartNotSent, Message: "no connection"},
}

// listing builds a complete reading of a subscription.
func (s *script) listing(args []string) ([]Observation, error) {
	snap := &fleet.Snapshot{Subscription: s.sub(args[0]), ReadAt: s.now, Vaults: map[fleet.Key]fleet.Sighting{}}
	for i := range s.plan.Vaults {
		if s.plan.Vaults[i].SubscriptionID != snap.Subscription {
			continue
		}
		var seen fleet.Sighting
		if v := &s.m.Vaults[i]; v.Status == fleet.Upgrading {
			seen.Record = s.record(fleet.RecordInProgress, v.OperationID)
		}
		snap.Vaults[s.m.key(i)] = seen
	}
	for _, a := range args[1:] {
		name, how, _ := strings.Cut(a, "=")
		if name == "only" {
			i, err := s.vault(how)
			if err != nil {
				return nil, err
			}
			snap.Only = s.m.key(i)
			seen, there := snap.Vaults[snap.Only]
			snap.Vaults = map[fleet.Key]fleet.Sighting{}
			if there {
				snap.Vaults[snap.Only] = seen
			}
			continue
		}
		if name == "asof" {
			d, err := time.ParseDuration(how)
			if err != nil {
				return nil, err
			}
			snap.ReadAt = s.now.Add(d)
			continue
		}
		i, err := s.vault(name)
		if err != nil {
			return nil, err
		}
		how, what, _ := strings.Cut(how, "+")
		state, op, ok := strings.Cut(how, "@")
		if !ok {
			op = s.m.Vaults[i].OperationID
		}
		switch state {
		case "gone":
			delete(snap.Vaults, s.m.key(i))
		case "none":
			snap.Vaults[s.m.key(i)] = fleet.Sighting{}
		default:
			snap.Vaults[s.m.key(i)] = fleet.Sighting{Record: s.record(fleet.UpgradeState(state), op),
				Reading: scriptReadings[what]}
		}
	}
	return []Observation{ReadDone{*snap}}, nil
}

// scriptReadings are what was read besides of a vault, by a word.
var scriptReadings = map[string]*fleet.LastReading{
	"senseless": {At: scriptStart, What: "not as wanted", Settled: true, Differs: []string{"mode is off, wanted on"},
		Poll: "HTTP 204"},
	"forbidden": {At: scriptStart, What: "not as wanted", Settled: true, Differs: []string{"mode is off, wanted on"},
		Poll: "HTTP 403", Action: "grant it"},
	"untold": {At: scriptStart, What: "not as wanted", Settled: true, Differs: []string{"mode is off, wanted on"},
		Poll: "nothing"},
	"updating": {At: scriptStart, What: "the vault is Updating", Poll: "HTTP 204"},
	"claims": {At: scriptStart, What: "says that it is under way; not as wanted", Settled: true, Running: true,
		Differs: []string{"mode is off, wanted on"}},
	"works": {At: scriptStart, What: "says that it is under way; the vault is Updating", Running: true},
}
