package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The answers that a fault's `answer` chooses: error bodies, and what the addresses
// of an operation say in place of how it stands. Each was met on the real service:
// the shape of ErrorCode and the bare 406 are those of older services behind the
// Resource Manager, innererror is in the guidelines for REST APIs
// (microsoft/api-guidelines) and in Data Protection's answers
// (MicrosoftDocs/azure-docs, articles/backup).
const (
	answerError     = "error"      // {"error": {"code", "message"}}
	answerBare      = "bare"       // no code, no body
	answerPage      = "page"       // a gateway's page
	answerWrapped   = "wrapped"    // {"ErrorCode", "Message": {"Language", "Value"}, "Values"}
	answerInner     = "inner"      // what is useful stands in an inner error
	answerDenied    = "denied"     // 403
	answerGone      = "gone"       // 404
	answerNoContent = "no-content" // 204
	answerEmpty     = "empty"      // an empty 200
	answerVault     = "vault"      // the vault itself
)

// errorAs is an error with one of the bodies; the empty one is the usual.
func errorAs(answer string, status int, code, message string) reply {
	switch answer {
	case answerBare:
		return reply{status: status}
	case answerPage:
		title := fmt.Sprintf("%d %s", status, http.StatusText(status))
		return reply{status: status, content: "text/html",
			body: []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
				"</h1></center>\r\n<hr><center>Microsoft-Azure-Application-Gateway/v2</center>\r\n</body>\r\n</html>\r\n")}
	case answerWrapped:
		return reply{status: status, body: asJSON(object{"ErrorCode": code,
			"Message": object{"Language": "en-us", "Value": message}, "Values": object{}})}
	case answerInner:
		return reply{status: status, body: asJSON(object{"error": object{
			"code": "BadRequest", "message": "The request could not be carried out.", "target": "", "details": nil,
			"innererror": object{"code": code, "message": message},
		}})}
	}
	return armError(status, code, message)
}

// internalError are the words for a 500: those of Azure Backup, where it is asked
// (an article of the portal's help is named after CloudInternalError, "Microsoft Azure
// Backup encountered an internal error"), else the Resource Manager's.
func (q *request) internalError() (code, message string) {
	if q.resource == nil || !q.resource.kind.long {
		return "InternalServerError", "Encountered internal server error."
	}
	return "CloudInternalError",
		"Microsoft Azure Backup encountered an internal error. Wait for a few minutes and then try the operation " +
			"again. If the issue persists, please contact Microsoft support."
}

// misled answers a poll with what says nothing of the operation, nil if it is to be
// answered.
func (c *Cloud) misled(q *request, ch *change, l *line) *reply {
	f := c.strike(q, l, func(f *fault) bool {
		return f.Kind == kindBadStatus && !l.At.Before(ch.AcceptedAt.Add(f.lasts))
	})
	if f == nil {
		return nil
	}
	var rep reply
	switch f.Answer {
	case answerDenied:
		rep = c.unauthorized(q)
	case answerGone:
		rep = armError(http.StatusNotFound, "ResourceNotFound", "The operation '"+ch.ID+"' was not found."+c.more())
	case answerNoContent:
		rep = reply{status: http.StatusNoContent}
	case answerEmpty:
		rep = reply{status: http.StatusOK}
	case answerVault:
		rep = ok(c.show(q.resource, l.At))
	case answerPage:
		rep = errorAs(answerPage, http.StatusBadGateway, "", "")
	case answerWrapped:
		rep = errorAs(answerWrapped, http.StatusBadRequest, "OperationNotFound", "The operation is not known here.")
	}
	rep.fault = f.Kind
	return &rep
}

// caller is who sends the requests, as refusals name it.
func (c *Cloud) caller() string { return guid(c.seed, "caller") }

// unauthorized is the Resource Manager's 403, in its own words ("Troubleshoot Azure
// RBAC" and many public reports, such as MicrosoftDocs/azure-docs,
// articles/azure-arc/data).
func (c *Cloud) unauthorized(q *request) reply {
	action, scope := q.action()
	return armError(http.StatusForbidden, "AuthorizationFailed",
		fmt.Sprintf("The client '%[1]s' with object id '%[1]s' does not have authorization to perform action '%s' "+
			"over scope '%s' "+
			"or the scope is invalid. If access was recently granted, please refresh your credentials.", c.caller(),
			action, scope))
}

// denyAssigned is the refusal by a deny assignment, such as a deployment stack makes
// (MicrosoftDocs and public reports of DenyAssignmentAuthorizationFailed).
func (c *Cloud) denyAssigned(q *request) reply {
	action, scope := q.action()
	id := strings.ReplaceAll(guid(c.seed, "deny", q.resource.key), "-", "")
	group := "/subscriptions/" + q.sub.id + "/resourceGroups/" + q.resource.ResourceGroup
	return armError(http.StatusForbidden, "DenyAssignmentAuthorizationFailed",
		fmt.Sprintf("The client '%[1]s' with object id '%[1]s' has permission to perform action '%[2]s' on scope "+
			"'%[3]s'; "+
			"however, the access is denied because of the deny assignment with name 'Deny assignment '%[4]s' created "+
			"by Deployment Stack '%[5]s/providers/Microsoft.Resources/deploymentStacks/platform'.' and Id '%[4]s' at "+
			"scope '%[5]s'.",
			c.caller(), action, scope, id, group))
}

// throttled is the Resource Manager's 429 in the place of an answer: of a vault's
// calls for the action, of others for the subscription. As in the wild the wait
// stands in the message (Azure/azqr, issue 34: ResourceRequestsThrottled;
// MicrosoftDocs/azure-docs, issue 105248: SubscriptionRequestsThrottled).
func (c *Cloud) throttled(q *request, f *fault) reply {
	if q.call == callGraph {
		return armError(http.StatusTooManyRequests, "RateLimiting", rateLimited)
	}
	again := ""
	if f.RetryAfter > 0 {
		again = fmt.Sprintf(" Please try again after '%d' seconds.", f.RetryAfter)
	}
	if q.resource != nil {
		action, _ := q.action()
		return armError(http.StatusTooManyRequests, "ResourceRequestsThrottled",
			"Number of requests for action '"+action+"' exceeded the limit of '50' for time interval '00:05:00'."+again)
	}
	kind := "read"
	if q.call.writes() {
		kind = "write"
	}
	return armError(http.StatusTooManyRequests, "SubscriptionRequestsThrottled",
		fmt.Sprintf("Number of '%s' requests for subscription '%s' actor '%s' exceeded.%s", kind, q.sub.id, c.caller(),
			again))
}

// engaged is the refusal of a change of a vault that is being changed. A key vault's
// is documented by those who met it (Azure/bicep issue 4364,
// scylladb/scylla-cluster-tests issue 13184); a Recovery Services vault's is in no
// source, and so chosen.
func (r *resource) engaged() (code, message string) {
	if r.kind.long {
		return "AnotherOperationInProgress", "Another operation on the vault '" + r.Name + "' is in progress."
	}
	return "ConflictError",
		"A conflict occurred that prevented the operation from completing. The operation failed because the Key " +
			"Vault '" + r.Name +
			"' changed from the point the operation began. This can happen if parallel operations are being " +
			"performed on the Key Vault. To prevent this error, serialize the operations so that only one operation " +
			"is performed on the Key Vault at a time. Follow this link for more information: " +
			"https://go.microsoft.com/fwlink/?linkid=2147741"
}

// being reports whether a vault is still being made.
func (c *Cloud) being(r *resource, at time.Time) bool {
	f := r.fault(c, kindBeingMade)
	return f != nil && at.Before(c.createdAt.Add(f.lasts))
}
