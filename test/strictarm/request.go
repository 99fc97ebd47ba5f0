package strictarm

import (
	"fmt"
	"net/http"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Call names one request of the specification.
type Call string

// The calls.
const (
	CallSubscription Call = "subscription" // GET /subscriptions/{id}
	CallProvider     Call = "provider"     // GET …/providers/{namespace}
	CallVault        Call = "vault"        // GET of a vault
	CallPatch        Call = "patch"        // PATCH of a vault
	CallStatus       Call = "status"       // GET …/operationStatus/{id}
	CallResult       Call = "result"       // GET …/operationResults/{id}
	CallLocks        Call = "locks"        // GET …/Microsoft.Authorization/locks
	CallRules        Call = "rules"        // GET …/Microsoft.AlertsManagement/actionRules
	CallAssignments  Call = "assignments"  // GET …/Microsoft.Authorization/roleAssignments
	CallInstances    Call = "instances"    // GET …/Microsoft.Authorization/roleAssignmentScheduleInstances
	CallAssign       Call = "assign"       // PUT …/Microsoft.Authorization/roleAssignments/{guid}
	CallPermissions  Call = "permissions"  // GET …/Microsoft.Authorization/permissions of a group or a vault
	CallGraph        Call = "graph"        // POST /providers/Microsoft.ResourceGraph/resources
	CallOther        Call = "other"        // nothing that the server knows
)

// apiVersions are the versions that are asked for (resource-manager.md#the-request); Config may
// name others.
var apiVersions = map[Call]string{
	CallSubscription: "2022-12-01",
	CallProvider:     "2021-04-01",
	CallLocks:        "2020-05-01",
	CallRules:        "2021-08-08",
	CallAssignments:  "2022-04-01",
	CallInstances:    "2020-10-01",
	CallAssign:       "2022-04-01",
	CallPermissions:  "2022-04-01",
	CallGraph:        "2024-04-01",
}

var providerVersions = map[string]string{recoveryServices: "2026-07-01", keyVault: "2026-02-01",
	dataProtection: "2026-06-01"}

var methods = map[Call]string{CallPatch: http.MethodPatch, CallAssign: http.MethodPut, CallGraph: http.MethodPost}

// request is one request, and what it is about.
type request struct {
	*strict.Request
	call    Call
	sub     *SubscriptionHandle
	vault   *VaultHandle
	op      *operation // with CallStatus and CallResult
	name    string     // with CallAssign the assignment's, with CallProvider the namespace
	filter  string     // with CallAssignments, CallInstances and CallLocks
	page    int        // of a list that goes on
	change  object     // with CallPatch: the body
	version string     // the api-version that it names
}

// where says which request it was, for a violation.
func (in *request) where() string {
	switch {
	case in.vault != nil:
		return fmt.Sprintf("%s of %s", in.call, in.vault)
	case in.call == CallOther:
		return in.Method + " " + in.Path
	case in.sub != nil:
		return fmt.Sprintf("%s of %s", in.call, in.sub.id)
	}
	return string(in.call)
}

// answer is what goes back.
type answer = strict.Answer

// failure is an error in the form of Resource Manager (ErrorResponse of the
// common types, version 3).
func failure(status int, code, message string) answer {
	return strict.JSON(status, object{"error": object{"code": code, "message": message}})
}
