package strictcloud

import (
	"fmt"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Call names one request of the protocol.
type Call string

// The calls (classic-service.md#the-listing, #the-three-calls and #the-resource-manager-side).
const (
	CallList         Call = "list"         // GET …/cloudservices
	CallPrereqs      Call = "prereqs"      // POST P/checkPrereqsForUpgrade
	CallStart        Call = "start"        // POST P/upgrade
	CallResult       Call = "result"       // GET P/upgradeOperationResult
	CallSubscription Call = "subscription" // GET /subscriptions/{id}
	CallProvider     Call = "provider"     // GET …/providers/{namespace}
	CallRegister     Call = "register"     // POST …/providers/{namespace}/register
	CallFeature      Call = "feature"      // GET …/features/VaultUpgrade
	CallGroup        Call = "group"        // GET …/resourcegroups/{rg}
	CallTarget       Call = "target"       // GET …/vaults/{name}
	CallOther        Call = "other"        // nothing the protocol knows
)

// request is one request of the protocol, and what it is about.
type request struct {
	*strict.Request
	call     Call
	sub      *SubscriptionHandle
	vault    *VaultHandle
	provider string // with CallProvider and CallRegister, in lower case
	group    string // with CallGroup, in lower case
	badBody  bool
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
	return fmt.Sprintf("%s %s", in.call, in.Path)
}
