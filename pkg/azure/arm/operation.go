package arm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// status is the body of an Azure-AsyncOperation URL.
type status struct {
	Status    string          `json:"status"`
	StartTime string          `json:"startTime"`
	EndTime   string          `json:"endTime"`
	Error     json.RawMessage `json:"error"`
}

// failure is what an operation that failed said: it comes back with the sighting in
// Explain.
func failure(said azure.ErrorBody) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityError, Code: said.Code, Message: said.Message, Action: said.Advice}
}

// standing is how an operation stands by what one of its addresses answered.
type standing int

const (
	silent  standing = iota // the answer says nothing about the operation, or there was none
	gone                    // the service knows no such operation (any more)
	running                 // under way
	done                    // ended well, it says
	failed                  // ended badly, it says
)

// polled is what the addresses of an operation answered.
type polled struct {
	standing
	at         time.Time     // when the request went out
	next       time.Duration // how long to leave it alone; 0: as usual
	start, end time.Time
	why        fleet.Finding // where it failed, or was refused
	answer     string        // in words, where it says nothing
	refused    bool          // for want of a permission or a sign-in
	asks       bool          // to be left alone: nothing else is asked now
	err        error         // with asks
}

// follow asks how our operation on a vault stands. An operation's status has the
// first word, and its result the last one where the rule says so, and the only one
// where there is no status (any more).
//
// What the addresses do answer is not always about the operation: a refusal for
// want of operationStatus/read, an empty 200 or 204, the resource itself, a page of
// a gateway, a 404 for an operation that is under way (Azure/azure-rest-api-specs,
// issue 27869; hashicorp/go-azure-sdk, issue 740). Nothing is concluded from that:
// the vault tells.
func (u *Upgrader) follow(ctx context.Context, f fleet.Followed) polled {
	p := polled{standing: gone}
	if f.Operation.StatusURL != "" {
		p = u.ask(ctx, f, f.Operation.StatusURL, readStatus)
	}
	if f.Operation.ResultURL == "" || p.standing != gone &&
		(p.standing != done || f.Operation.Final != fleet.FinalLocation) {
		return p
	}
	r := u.ask(ctx, f, f.Operation.ResultURL, readResult)
	switch {
	case r.standing != gone && r.standing != silent, r.asks:
		r.start, r.end = p.start, p.end
		return r
	case p.standing == done: // the status had said so; Verify sees whether it is
		return p
	}
	if p.answer != "" && r.standing == gone {
		r.answer = p.answer
	}
	return r
}

// unasked is what is known of an operation without an address: nothing, where the
// service accepted it and named none; else that it is not to be found.
func unasked(f fleet.Followed) *polled {
	if f.Unfollowed == "" {
		return &polled{standing: gone}
	}
	return &polled{answer: "nothing, as the start's answer named none that is asked"}
}

// ask reads one of an operation's addresses.
func (u *Upgrader) ask(ctx context.Context, f fleet.Followed, url string,
	read func(*fleet.Vault, *azure.Response) polled) polled {
	path, err := u.ResourceManager.PathOf(url)
	if err != nil { // of another cloud's endpoints: no token goes there
		return polled{standing: gone, answer: "nothing, as it is not asked: " + err.Error()}
	}
	op := "follow the operation on vault " + f.Vault.Ref()
	resp, err := u.Do(ctx, f.Vault.SubscriptionID, op, http.MethodGet, path, nil)
	if err != nil {
		p := polled{answer: "with no answer: " + brief(err), refused: fleet.ClassOf(err) == fleet.CallDenied}
		if ctx.Err() != nil || fleet.RetryAfterOf(err) > 0 {
			p.asks, p.err = true, err
		}
		return p
	}
	said := azure.ReadErrorBody(resp.Body)
	p := polled{at: resp.SentAt, why: failure(said)}
	switch s := resp.Status; {
	case s/100 == 2:
		p = read(f.Vault, resp)
		p.at = resp.SentAt
	case s == http.StatusNotFound && said.Manager, s == http.StatusGone:
		p.standing = gone
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		p.refused = true
	case s == http.StatusTooManyRequests && !resp.Busy(), s/100 == 5 && resp.RetryAfter > 0:
		p.asks, p.err, p.answer = true, Error(resp, op), heard(resp, said)
	default:
		if s/100 == 4 {
			failedBy := read(f.Vault, resp)
			p.standing = failedBy.standing
		}
	}
	if p.standing == silent || p.standing == gone {
		p.answer = heard(resp, said)
	}
	return p
}

// readStatus reads the answer of an Azure-AsyncOperation URL.
func readStatus(_ *fleet.Vault, resp *azure.Response) polled {
	var s status
	if resp.Status >= 300 || json.Unmarshal(resp.Body, &s) != nil || s.Status == "" {
		if resp.Status == http.StatusAccepted {
			return polled{standing: running, next: resp.RetryAfter}
		}
		return polled{}
	}
	p := polled{standing: running, next: resp.RetryAfter, start: parseTime(s.StartTime)}
	switch { // OperationResource describes the words otherwise than the examples have them
	case strings.EqualFold(s.Status, "Succeeded"), strings.EqualFold(s.Status, "Success"):
		p.standing, p.end = done, parseTime(s.EndTime)
	case strings.EqualFold(s.Status, "Failed"), strings.EqualFold(s.Status, "Canceled"),
		strings.EqualFold(s.Status, "Cancelled"):
		said := azure.ReadErrorBody(resp.Body)
		p.standing, p.end, p.why = failed, parseTime(s.EndTime), failure(said)
		if p.why.Message == "" {
			p.why.Message = "the operation ended as " + text.Clean(s.Status, text.MaxID)
		}
	}
	return p // whatever else it says: it is under way
}

// readResult reads the answer of a Location URL: 202 while the operation is under
// way; then what the request itself would have been answered, which is an error
// where it failed (Azure/azure-resource-manager-rpc, "Asynchronous Operations").
func readResult(v *fleet.Vault, resp *azure.Response) polled {
	said := azure.ReadErrorBody(resp.Body)
	switch s := resp.Status; {
	case s == http.StatusAccepted:
		return polled{standing: running, next: resp.RetryAfter}
	case s >= 400 && said.Manager && s != http.StatusRequestTimeout && s != http.StatusTooManyRequests:
		return polled{standing: failed, why: failure(said)}
	case s >= 300:
		return polled{}
	case len(strings.TrimSpace(string(resp.Body))) == 0:
		return polled{standing: done}
	}
	if p := readStatus(v, resp); p.standing != silent {
		return p
	}
	var doc struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(resp.Body, &doc) == nil && strings.EqualFold(doc.ID, v.ResourceID()) {
		return polled{standing: done}
	}
	return polled{}
}

// heard says in words what an address answered.
func heard(resp *azure.Response, said azure.ErrorBody) string {
	s := fmt.Sprintf("HTTP %d", resp.Status)
	switch {
	case said.Code != "" && said.Message != "":
		s += " " + said.Code + ": " + said.Message
	case said.Code+said.Message != "":
		s += " " + said.Code + said.Message
	default:
		s += " with " + text.Excerpt(resp.Body)
	}
	return text.Clean(s, maxAnswer)
}

// brief says in words why there is no answer, without what differs from try to
// try.
func brief(err error) string { return text.Clean(fleet.Brief(err), maxAnswer) }

// maxAnswer is how many characters of a poll's answer are kept: a ledger has it
// once for each vault and change.
const maxAnswer = 600

// record is what a poll that says something about the operation makes of it.
func (p *polled) record(f fleet.Followed) fleet.Sighting {
	rec := &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress, StartedAt: p.start, EndedAt: p.end}
	s := fleet.Sighting{Record: rec}
	switch p.standing {
	case failed:
		p.why.Message = cmp.Or(p.why.Message, "the service gave no reason")
		rec.State, rec.Message, s.Failure = fleet.RecordFailed, strings.TrimPrefix(p.why.Code+": "+p.why.Message, ": "),
			&p.why
	case done:
		rec.State, rec.UpgradedResourceID = fleet.RecordUpgraded, f.Vault.ResourceID()
	}
	return s
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
