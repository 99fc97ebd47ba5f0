package classic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Prepare signs in, waits for its turn and returns the start of a vault, ready
// to go. Its errors are *fleet.CallError.
func (u *Upgrader) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
	op := "start the upgrade of vault " + v.Ref()
	var none fleet.PreparedStart
	id := subscriptionID(v.SubscriptionID)
	if seen.Address == "" {
		return none, &fleet.CallError{Op: op, Class: fleet.CallGarbled, Code: fleet.CodeGarbled,
			Message: noAddress(v).Message}
	}
	c, err := u.client(u.o.ServiceManagement, id, op)
	if err != nil {
		return none, err
	}
	if err := c.Once(nil).Prepare(ctx, op, id); err != nil {
		return none, err
	}
	return azure.Ready(http.MethodPost, seen.Address+upgradeCall, upgradeInputHeader(""), upgradeInput(v)), nil
}

// Send makes one POST (classic-service.md#the-three-calls) with the operation ID as
// x-ms-client-request-id and returns what the answer means (design.md#rule-3). It
// waits for nothing but a token, where this process has none, and then, as long as may
// lets it, for a connection and the answer; it ends with its context.
func (u *Upgrader) Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart,
	may fleet.MayLeave) fleet.StartAnswer {
	op := "start the upgrade of vault " + v.Ref()
	id := subscriptionID(v.SubscriptionID)
	c, err := u.client(u.o.ServiceManagement, id, op)
	if err != nil {
		return azure.NotSent(start, "nobody can sign in", err)
	}
	if !isStart(v, start) {
		return azure.NoStart(start, "it is no start of vault "+v.Ref())
	}
	resp, err := c.Once(nil).Start(ctx, op, id, start, may)
	if err != nil {
		return azure.NoStartAnswer(err, start.OperationID)
	}
	return u.startAnswer(resp, start.OperationID)
}

// isStart reports whether what was made ready is the start of a vault, as far as its
// path tells.
func isStart(v *fleet.Vault, start fleet.PreparedStart) bool {
	vault := "/" + url.PathEscape(v.Name) + upgradeCall
	return start.Method == http.MethodPost &&
		strings.HasPrefix(start.Path, "/"+url.PathEscape(subscriptionID(v.SubscriptionID))+"/") &&
		strings.HasSuffix(strings.ToLower(start.Path), strings.ToLower(vault))
}

// startAnswer is the table of design.md#rule-3.
func (u *Upgrader) startAnswer(resp *azure.Response, operationID string) fleet.StartAnswer {
	a := fleet.StartAnswer{HTTPStatus: resp.Status, RequestID: resp.RequestID, RetryAfter: resp.RetryAfter}
	switch s := resp.Status; {
	case s >= 200 && s <= 299:
		u.startTaken(&a, resp, operationID)
		if a.Message != "" && !a.ErrorBody {
			a.Message = azure.Named(a.Message, a.RequestID, operationID)
		}
		return a
	case s == http.StatusConflict:
		a.Verdict = fleet.StartBusy
	case s == http.StatusTooManyRequests:
		a.Verdict = fleet.StartThrottled
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		a.Verdict = fleet.StartDenied
	case s >= 400 && s <= 499 && s != http.StatusRequestTimeout:
		a.Verdict = fleet.StartFailed
	default: // 1xx as an end, 3xx, 408, 5xx and what no standard knows
		a.Verdict = fleet.StartUnknown
	}
	u.startRefused(&a, resp)
	if !a.ErrorBody {
		a.Message = azure.Named(a.Message, a.RequestID, operationID)
	}
	return a
}

// startTaken reads a 2xx. One that names our operation says accepted, and so does any
// other success of the service's own: no listing that does not show our operation takes
// that back (design.md#rule-3). A 2xx of somebody else says nothing.
func (u *Upgrader) startTaken(a *fleet.StartAnswer, resp *azure.Response, operationID string) {
	u.readTaken(a, resp, operationID)
	if a.Verdict == fleet.StartUnknown && !a.ErrorBody && resp.Success() {
		*a = fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: a.HTTPStatus, RequestID: a.RequestID,
			Operation: &fleet.Operation{Unfollowed: a.Message, RetryAfter: a.RetryAfter}}
	}
}

// readTaken reads what a 2xx says.
func (u *Upgrader) readTaken(a *fleet.StartAnswer, resp *azure.Response, operationID string) {
	a.Verdict = fleet.StartUnknown
	n, err := parse(resp.Body)
	if err != nil || resp.BodyErr != nil {
		a.Code, a.Message = fleet.CodeGarbled, "the answer cannot be read: "+describe(resp)
		return
	}
	if e, ok := readServiceError(n); ok {
		u.fill(a, e)
		return
	}
	// The namespace is not asked for: an ID that only we knew is proof enough.
	id := n.value("OperationId")
	switch {
	case n.local != "ResourceUpgradeDetails":
		a.Code, a.Message = fleet.CodeGarbled, "the answer is none of the service's: "+describe(resp)
	case sameOperation(id, operationID):
		a.Verdict = fleet.StartAccepted
	case id == "":
		a.Code, a.Message = fleet.CodeGarbled, "the answer names no operation"
	default:
		a.Code, a.Message = fleet.CodeGarbled, "the answer names another operation: "+text.Clean(id, text.MaxID)
	}
}

// startRefused completes an answer that accepted nothing, as far as it says.
func (u *Upgrader) startRefused(a *fleet.StartAnswer, resp *azure.Response) {
	e, ok := parseServiceError(resp.Body)
	switch {
	case ok && resp.BodyErr == nil:
		u.fill(a, e)
	case resp.Status/100 == 3:
		a.Code, a.Message = fleet.CodeGarbled, fmt.Sprintf("HTTP %d: a redirect, which is not followed", resp.Status)
	default:
		a.Code, a.Message = fleet.CodeGarbled, describe(resp)
		// Of whoever answered in the service's place. Its words are kept; they do not
		// count as the service's own.
		if said := azure.ReadErrorBody(resp.Body); resp.BodyErr == nil && said.Code != "" {
			a.Code, a.Message, a.Action = said.Code, said.Message, said.Advice
			if a.Message == "" {
				a.Message = describe(resp)
			}
		}
	}
	switch resp.Status {
	case http.StatusUnauthorized:
		a.Action = "Sign in again for the " + u.o.ServiceManagement.Name() + " side, then resume."
	case http.StatusForbidden:
		a.Action = u.sidePermission(u.o.ServiceManagement)
	}
}

// fill takes over what the service itself said.
func (u *Upgrader) fill(a *fleet.StartAnswer, e serviceError) {
	a.ErrorBody = true
	a.Findings = e.findings(u.guide)
	a.Code = text.Clean(e.code, text.MaxID)
	a.Message = text.Clean(e.message, text.MaxMessage)
	a.Action = text.Clean(e.action, text.MaxMessage)
	first := a.Findings[0]
	a.Code = cmp.Or(a.Code, first.Code)
	a.Message = cmp.Or(a.Message, first.Message)
	a.Action = cmp.Or(a.Action, first.Action)
}
