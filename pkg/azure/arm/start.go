package arm

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Prepare does what must come before the change, signs in, waits for its turn
// and returns the start of a vault, ready to go. Its errors are *fleet.CallError;
// class CallConflict says that the vault is to be checked again.
func (u *Upgrader) Prepare(ctx context.Context, v *fleet.Vault, seen fleet.Sighting) (fleet.PreparedStart, error) {
	op := "change vault " + v.Ref()
	var none fleet.PreparedStart
	again := func(why string) error {
		return &fleet.CallError{Op: op, Class: fleet.CallConflict, Message: why + ": it is checked again"}
	}
	res, err := u.change.resource(seen)
	switch {
	case err != nil:
		return none, again(err.Error())
	case res == nil:
		return none, again("the vault itself was not read")
	case seen.Record != nil:
		return none, again("the vault is as it should be")
	case !res.Settled():
		return none, again("an operation is under way on the vault")
	case u.change.misshapen(u.Kind, v, res) != "":
		return none, again("what is read of the vault is not understood any more")
	case u.change.Judge != nil && fleet.HasSeverity(u.change.Judge(u.Kind, res.State()), fleet.SeverityError),
		u.change.Look != nil && fleet.HasSeverity(u.change.Look(u.Kind, v, res), fleet.SeverityError):
		return none, again("the vault is not as it was when it was checked")
	}
	body, err := u.change.body(u.Kind, v)
	if err != nil {
		return none, again(err.Error())
	}
	path, err := u.vaultPath(v)
	if err != nil {
		return none, &fleet.CallError{Op: op, Class: fleet.CallRefused, Err: err}
	}
	if u.change.Ready != nil {
		if err := u.change.Ready(ctx, u, v, res); err != nil {
			return none, err
		}
	}
	send := Sending{Body: body}
	if u.change.Complete != nil {
		if err := u.change.Complete(ctx, u, v, res, &send); err != nil {
			return none, err
		}
	}
	once, err := u.once(v.SubscriptionID, op, send.Tenant)
	if err != nil {
		return none, err
	}
	if err := once.Prepare(ctx, op, v.SubscriptionID); err != nil {
		return none, err
	}
	start := azure.Ready(http.MethodPatch, path, azure.JSONHeader(true), send.Body)
	start.Tenant = send.Tenant
	return start, nil
}

// Send makes one PATCH with the operation ID as x-ms-client-request-id and returns
// what the answer means (design.md#rule-3). It waits for nothing but a token,
// where this process has none, and then, as long as may lets it, for a connection and the
// answer; it ends with its context.
func (u *Upgrader) Send(ctx context.Context, v *fleet.Vault, start fleet.PreparedStart,
	may fleet.MayLeave) fleet.StartAnswer {
	op := "change vault " + v.Ref()
	once, err := u.once(v.SubscriptionID, op, start.Tenant)
	if err != nil {
		return azure.NotSent(start, "nobody can sign in", err)
	}
	if path, err := u.vaultPath(v); err != nil || path != start.Path || start.Method != http.MethodPatch {
		return azure.NoStart(start, "it is no change of vault "+v.Ref())
	}
	resp, err := once.Start(ctx, op, v.SubscriptionID, start, may)
	if err != nil {
		return azure.NoStartAnswer(err, start.OperationID)
	}
	return u.answer(v, resp, start.OperationID)
}

// once is what sends a start, in the name of a second tenant too where one is given.
func (u *Upgrader) once(subscription, op, second string) (*azure.Once, error) {
	c, err := u.tenants.Client(u.ResourceManager, subscription, op)
	if err != nil {
		return nil, err
	}
	var other *azure.Client
	if second != "" {
		if other, err = u.ResourceManager.Client(second); err != nil {
			return nil, &fleet.CallError{Op: op, Class: fleet.CallDenied, Err: err}
		}
	}
	return c.Once(other), nil
}

// refusals are error codes that say that nothing was changed, and that a person
// must mend something first: the vault waits for the next run, and is no
// failure. The Resource Manager's own: a lock, a policy, a resource guard that the
// change is linked to, a subscription that may only be read, a deny assignment; and
// key vaults', which let only those change the permission model who may assign
// roles. Seen in github.com/Azure/bicep/issues/13541 (InsufficientPermissions),
// github.com/Azure/migAz/issues/266 (the deny assignment) and
// github.com/microsoft/microsoft-foundry-for-vscode/issues/292 (by Azure itself).
//
// Of Backup vaults: what was recorded of changes against a lock, and of many in a row
// (resource-manager.md#backup-vaults).
var refusals = map[string]string{
	"CloudDosTimeboudLimitReached": "The service takes no more changes of the vault for some hours, because there " +
		"were several in a row: run again then.",
	"UserErrorDisableSoftDeleteNotAllowed": "Hold the vault: its soft delete is on for ever, or is in this region.",
	"DenyAssignmentAuthorizationFailed": "Have the owner of the deployment stack or managed application whose deny " +
		"assignment it names allow the change, or hold the vault.",
	"InsufficientPermissions": "Grant the identity Microsoft.Authorization/roleAssignments/write on the vault too, " +
		"as Owner and User Access Administrator have it: " +
		"a key vault lets nobody else change its permission model.",
	"RequestDisallowedByAzure": "Ask Azure support why the subscription may not make this change, or hold the " +
		"vault.",
	"ScopeLocked":               "Remove the ReadOnly lock for the time of the change, or hold the vault.",
	"RequestDisallowedByPolicy": "Have the policy's owner exempt the vault, or hold it.",
	"LinkedAuthorizationFailed": "Have the owner of what it names, a resource guard perhaps, allow the change; " +
		"if that is in another tenant, say which (upgrade.resourceGuardTenant). Or hold the vault.",
	"ReadOnlyDisabledSubscription": "Have the subscription enabled, then run again.",
	"MissingSubscriptionRegistration": "Have the vault's resource provider registered in the subscription, then run " +
		"again.",
}

// Refusal is the advice for an error code by which the Resource Manager refuses any
// change of a vault until a person has mended something.
func Refusal(code string) (action string, known bool) {
	action, known = refusals[code]
	return action, known
}

// answer is the table of design.md#rule-3, for a PATCH.
func (u *Upgrader) answer(v *fleet.Vault, resp *azure.Response, operationID string) fleet.StartAnswer {
	a := fleet.StartAnswer{HTTPStatus: resp.Status, RequestID: resp.RequestID, RetryAfter: resp.RetryAfter}
	advice := ""
	if resp.BodyErr == nil {
		said := azure.ReadErrorBody(resp.Body)
		a.Code, a.Message, advice = said.Code, said.Message, said.Advice
		a.ErrorBody = a.Code != "" && resp.Status >= 400
	}
	action, refused := refusals[a.Code]
	switch s := resp.Status; {
	case s == http.StatusAccepted:
		u.accepted(&a, resp)
	case (s == http.StatusOK || s == http.StatusCreated) && u.underWay(&a, resp):
	case (s == http.StatusOK || s == http.StatusCreated) && u.shows(v, resp):
		a.Verdict, a.Done = fleet.StartAccepted, true // Verify sees whether it is
	case s >= 400 && s <= 499 && refused, s == http.StatusLocked:
		a.Verdict, a.Action = fleet.StartBlocked, action
		a.Action = cmp.Or(a.Action, "Find out what locks the vault, then run again.")
	case s == http.StatusConflict, resp.Busy():
		a.Verdict = fleet.StartBusy
	case s == http.StatusTooManyRequests:
		a.Verdict = fleet.StartThrottled
	case s == http.StatusUnauthorized:
		a.Verdict, a.Action = fleet.StartDenied, "Sign in again for the "+u.ResourceManager.Name()+" side, then resume."
	case s == http.StatusForbidden:
		// The vault has just been read: whoever asks may come in, and not change it.
		a.Verdict, a.Action = fleet.StartBlocked, u.permission()
	case s >= 400 && s <= 499 && s != http.StatusRequestTimeout:
		a.Verdict = fleet.StartFailed
		a.Action = "Correct this, then fleetup reopen permits another try."
	case resp.Success():
		unfollowed(&a, "the answer is a success, and does not show the vault: "+heard(resp, azure.ErrorBody{}))
	default: // 1xx as an end, 3xx, 408, 5xx, a 2xx of a proxy and what no standard knows
		a.Verdict = fleet.StartUnknown
	}
	switch {
	case a.Message != "" && a.Code == "" && a.Verdict != fleet.StartAccepted:
		a.Code, a.Message = fmt.Sprintf("HTTP%d", resp.Status),
			fmt.Sprintf("HTTP %d %s: %s", resp.Status, http.StatusText(resp.Status), a.Message)
	case a.Message != "":
	case a.Code != "":
		a.Message = "the service gave no text for this code"
	case a.Verdict != fleet.StartAccepted:
		a.Code, a.Message = fleet.CodeGarbled,
			fmt.Sprintf("HTTP %d %s with %s", resp.Status, http.StatusText(resp.Status), text.Excerpt(resp.Body))
	}
	a.Action = strings.TrimSpace(advice + " " + a.Action)
	if a.Message != "" && !a.ErrorBody {
		a.Message = azure.Named(a.Message, a.RequestID, operationID)
	}
	return a
}

// underWay reads a 201 or 200 that names where its operation is followed: the vault
// in it is on its way to what it says. Every recorded creation of a Recovery Services
// vault is answered so (Azure/azure-cli, …/backup/tests/latest/recordings,
// test_vault_soft_delete_basic.yaml: 201, Provisioning, Azure-AsyncOperation alone).
// A Location beside it is the resource's own, not the operation's.
func (u *Upgrader) underWay(a *fleet.StartAnswer, resp *azure.Response) bool {
	given := resp.Header.Get("Azure-AsyncOperation")
	if given == "" {
		return false
	}
	path, err := u.ResourceManager.PathOf(given)
	if err != nil { // of another host: the vault must tell
		return false
	}
	a.Verdict, a.RetryAfter = fleet.StartAccepted, 0
	a.Operation = &fleet.Operation{StatusURL: path, Final: fleet.FinalStatus, RetryAfter: resp.RetryAfter}
	return true
}

// shows reports whether an answer is the vault as it is now.
func (u *Upgrader) shows(v *fleet.Vault, resp *azure.Response) bool {
	if resp.BodyErr != nil {
		return false
	}
	_, err := u.parse(v, resp, "change vault "+v.Ref())
	return err == nil
}

// accepted reads a 202.
func (u *Upgrader) accepted(a *fleet.StartAnswer, resp *azure.Response) {
	o := fleet.Operation{Final: fleet.FinalLocation, RetryAfter: resp.RetryAfter}
	var bad []string
	for _, h := range []struct {
		name string
		url  *string
	}{{"Azure-AsyncOperation", &o.StatusURL}, {"Location", &o.ResultURL}} {
		given := resp.Header.Get(h.name)
		if given == "" {
			continue
		}
		// Kept as what it is below the endpoint: no token goes anywhere else.
		path, err := u.ResourceManager.PathOf(given)
		if err != nil {
			bad = append(bad, fmt.Sprintf("its %s is not followed: %v", h.name, err))
			continue
		}
		*h.url = path
	}
	if o.ResultURL == "" {
		o.Final = fleet.FinalStatus
	}
	a.RetryAfter = 0 // of the operation, not of the subscription
	if o.StatusURL == "" && o.ResultURL == "" {
		bad = append([]string{"the answer says accepted, and not where to follow it"}, bad...)
		unfollowed(a, strings.Join(bad, "; "))
		a.Operation.RetryAfter = o.RetryAfter
		return
	}
	a.Verdict, a.Operation = fleet.StartAccepted, &o
}

// unfollowed makes an acceptance of an answer that names nothing to follow, and why.
func unfollowed(a *fleet.StartAnswer, why string) {
	a.Verdict, a.Code, a.Message, a.RetryAfter = fleet.StartAccepted, "", "", 0
	a.Operation = &fleet.Operation{Unfollowed: text.Clean(why, maxAnswer)}
}

// permission is the advice where a permission is missing.
func (u *Upgrader) permission() string {
	return "Grant the identity the role that fleetup permissions prints, then validate again."
}
