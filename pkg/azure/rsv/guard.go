package rsv

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// guardTenant is where a resource guard lives that protects the vaults, if that is
// another tenant: its owner must have allowed the operation to the identity that
// is signed in there (Microsoft, "Configure multi-user authorization using
// Resource Guard").
var guardTenant = fleet.Option{Key: fleet.OptionGuardTenant, Type: fleet.OptionGUID,
	Doc: "the tenant of the resource guard that protects the vaults, where it is another than theirs: its token goes " +
		"along with the change"}

// reduceImmutability is the one operation of these kinds that is known to be
// guarded, as guards name it (Azure CLI and Azure PowerShell, their tables of
// critical operations).
const reduceImmutability = "Microsoft.RecoveryServices/vaults/write#reduceImmutabilityState"

// readGuards lists how a vault is tied to resource guards (azure-rest-api-specs,
// RecoveryServicesBackup, ResourceGuardProxies_Get).
var readGuards = arm.Call{Method: http.MethodGet, Path: "{vault}/backupResourceGuardProxies?api-version=2025-08-01",
	Action: "Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/read",
	Why:    "whether a resource guard protects the change, and what to ask it for"}

// guardProxy ties a vault to a resource guard.
type guardProxy struct {
	Properties struct {
		Operations []struct {
			Operation string `json:"vaultCriticalOperation"`
			Request   string `json:"defaultResourceRequest"`
		} `json:"resourceGuardOperationDetails"`
	} `json:"properties"`
}

// guarded completes the request for a vault that a resource guard protects: with a
// token of the guard's tenant, and, where the operation is one that guards know,
// with the guard's own resource for it, on which the Resource Manager checks the
// access. Other vaults are sent neither.
func guarded(operation string) func(context.Context, *arm.Upgrader, *fleet.Vault, *arm.Resource, *arm.Sending) error {
	return func(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource, s *arm.Sending) error {
		if !strings.EqualFold(multiUser(res), "Enabled") {
			return nil
		}
		s.Tenant = u.Kind[fleet.OptionGuardTenant]
		if operation == "" {
			return nil
		}
		requests, err := guards(ctx, u, v, operation)
		if err == nil && len(requests) > 0 {
			s.Body, err = withRequests(s.Body, requests)
		}
		return err
	}
}

// checkGuard says whether a resource guard has a word to say when immutability is
// taken back.
func checkGuard(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource, r *check.Report) {
	if !strings.EqualFold(multiUser(res), "Enabled") {
		return
	}
	requests, err := guards(ctx, u, v, reduceImmutability)
	if err != nil {
		u.Failed(r, err)
		return
	}
	for _, request := range requests {
		r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Code: codeGuarded,
			Message: "a resource guard must allow it: " + arm.Word(request),
			Action:  "Have its owner allow the operation to who is signed in, for the time of the run."}, "")
	}
}

// codeGuarded is the finding about a vault that a resource guard protects.
const codeGuarded = "resource-guard"

// guards are the resources of the guards of a vault for an operation; none where
// no guard protects it.
func guards(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, operation string) ([]string, error) {
	proxies, err := arm.List[guardProxy](ctx, u, v.SubscriptionID, "read the resource guards of vault "+v.Ref(),
		readGuards.At(v))
	var requests []string
	for _, p := range proxies {
		for _, o := range p.Properties.Operations {
			if strings.EqualFold(o.Operation, operation) && o.Request != "" && !slices.Contains(requests, o.Request) {
				requests = append(requests, o.Request)
			}
		}
	}
	return requests, err
}

// multiUser is what a vault says of its multi-user authorization, which a resource
// guard is.
func multiUser(res *arm.Resource) string {
	properties, _ := res.Properties.(map[string]any)
	security, _ := properties["securitySettings"].(map[string]any)
	word, _ := security["multiUserAuthorization"].(string)
	return word
}

// withRequests adds the resources of guards to a body.
func withRequests(body json.RawMessage, requests []string) (json.RawMessage, error) {
	var b struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	list, err := json.Marshal(requests)
	if err != nil {
		return nil, err
	}
	b.Properties["resourceGuardOperationRequests"] = list
	return json.Marshal(b)
}
