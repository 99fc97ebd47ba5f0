package arm

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// status is the body of an Azure-AsyncOperation URL.
type status struct {
	Status    string `json:"status"`
	StartTime string `json:"startTime"`
	EndTime   string `json:"endTime"`
	Error     struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// failure is what an operation that failed said: opaque to the engine, it comes
// back with the sighting in Explain.
type failure struct{ code, message string }

// follow asks how our operation on a vault stands, and adds what it was told to
// the snapshot. known is false where the service knows the operation no more:
// then only the vault can tell.
func (u *Upgrader) follow(ctx context.Context, f fleet.Followed, snap *fleet.Snapshot) (known bool, err error) {
	rec := &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress}
	sighting := fleet.Sighting{Record: rec}
	var why failure
	op := "follow the operation on vault " + f.Vault.Ref()
	o := f.Operation
	done, known := false, false
	if o.StatusURL != "" {
		resp, ok, err := u.ask(ctx, f, op, o.StatusURL)
		if err != nil {
			return false, err
		}
		snap.ReadAt = resp.SentAt
		if ok {
			known = true
			snap.Next = resp.RetryAfter
			if done, why, err = readStatus(resp, op, rec); err != nil {
				return false, err
			}
		}
	}
	// The result has the last word where the rule says so, and the only one where
	// there is no status (any more).
	if o.ResultURL != "" && (done && o.Final == fleet.FinalLocation || !known) {
		resp, ok, err := u.ask(ctx, f, op, o.ResultURL)
		if err != nil {
			return false, err
		}
		if snap.ReadAt.IsZero() {
			snap.ReadAt = resp.SentAt
		}
		if ok {
			known = true
			if done = resp.Status != http.StatusAccepted; !done {
				snap.Next = resp.RetryAfter
			} else if resp.Status >= 400 {
				why.code, why.message = errorOf(resp.Body)
				rec.State = fleet.RecordFailed
			}
		}
	}
	switch {
	case !known:
		return false, nil
	case rec.State == fleet.RecordFailed:
		if why.message == "" {
			why.message = "the service gave no reason"
		}
		rec.Message, sighting.Detail = strings.TrimPrefix(why.code+": "+why.message, ": "), why
	case done:
		rec.State = fleet.RecordUpgraded
		rec.UpgradedResourceID = f.Vault.ResourceID()
	}
	snap.Vaults[f.Vault.Key] = sighting
	return true, nil
}

// ask reads a polling URL. ok is false where the service does not know it any
// more. An answer in the four hundreds that is about the operation and not about
// the asking is an answer.
func (u *Upgrader) ask(ctx context.Context, f fleet.Followed, op, url string) (resp *azure.Response, ok bool, err error) {
	path, err := u.ResourceManager.PathOf(url)
	if err != nil { // of another cloud's endpoints: the vault must tell
		return &azure.Response{SentAt: time.Now()}, false, nil
	}
	resp, err = u.Do(ctx, f.Vault.SubscriptionID, op, http.MethodGet, path, nil)
	if err != nil {
		return nil, false, err
	}
	code, _ := errorOf(resp.Body)
	switch s := resp.Status; {
	case s == http.StatusOK, s == http.StatusAccepted, s == http.StatusCreated, s == http.StatusNoContent:
		return resp, true, nil
	case s == http.StatusNotFound && code != "", s == http.StatusGone:
		return resp, false, nil
	case s/100 == 4 && code != "" && s != http.StatusUnauthorized && s != http.StatusForbidden && s != http.StatusRequestTimeout &&
		s != http.StatusTooManyRequests && s != http.StatusNotFound:
		return resp, true, nil
	}
	return nil, false, Error(resp, op)
}

// readStatus reads how an operation stands into a record. done means that it
// succeeded.
func readStatus(resp *azure.Response, op string, rec *fleet.Record) (done bool, why failure, err error) {
	if resp.Status >= 400 { // in place of a status that says Failed
		rec.State = fleet.RecordFailed
		why.code, why.message = errorOf(resp.Body)
		return false, why, nil
	}
	var s status
	if json.Unmarshal(resp.Body, &s) != nil || s.Status == "" {
		if resp.Status == http.StatusAccepted {
			return false, why, nil
		}
		return false, why, resp.Garbled(op, "the answer does not say how the operation stands")
	}
	rec.StartedAt, rec.EndedAt = parseTime(s.StartTime), time.Time{}
	switch { // OperationResource describes the words otherwise than the examples have them
	case strings.EqualFold(s.Status, "Succeeded"), strings.EqualFold(s.Status, "Success"):
		rec.EndedAt = parseTime(s.EndTime)
		return true, why, nil
	case strings.EqualFold(s.Status, "Failed"), strings.EqualFold(s.Status, "Canceled"), strings.EqualFold(s.Status, "Cancelled"):
		rec.State, rec.EndedAt = fleet.RecordFailed, parseTime(s.EndTime)
		why = failure{text.Clean(s.Error.Code, text.MaxID), text.Clean(s.Error.Message, text.MaxMessage)}
		if why.message == "" {
			why.message = "the operation ended as " + text.Clean(s.Status, text.MaxID)
		}
	}
	return false, why, nil // whatever else it says: it is under way
}

// parseTime reads a time stamp; zero where it is none that a journal could hold.
// Times are shown, nothing is decided by them.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if y := t.UTC().Year(); err != nil || y < 2000 || y >= 9999 {
		return time.Time{}
	}
	return t.UTC()
}
