package arm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Codes of what the checks of a Resource Manager vault find.
const (
	codeElsewhere    = "vault-elsewhere"
	codeProvisioning = "provisioning-failed"
	codeLocked       = "vault-locked"
	codeNotRecorded  = "nothing-recorded"
	codeMisshapen    = "settings-not-understood"
)

// Validate makes every check of a vault and returns all findings together. A
// vault that is as it should be costs no call but the one that read it.
func (u *Upgrader) Validate(ctx context.Context, v *fleet.Vault, seen fleet.Sighting, present bool,
	_ []string) fleet.Validation {
	var r check.Report
	res, err := u.change.resource(seen)
	if present && (err != nil || res == nil) { // the reading was of an operation
		if res, _, err = u.get(ctx, v); err != nil {
			u.Failed(&r, err)
			return r.Validation(v, nil)
		}
	}
	if res == nil {
		r.Error(fleet.CodeNotFound, "there is no vault "+v.ResourceID(),
			"Check the name, the resource group and the subscription in the inventory, or whether the vault was "+
				"deleted.", "")
		return r.Validation(v, nil)
	}
	res.Learned = seen.Learned
	val := u.checks(ctx, v, res, &r)
	val.State = res.raw
	return val
}

func (u *Upgrader) checks(ctx context.Context, v *fleet.Vault, res *Resource, r *check.Report) fleet.Validation {
	if said := u.change.misshapen(u.Kind, v, res); said != "" {
		r.Error(codeMisshapen, "what was read of the vault is not understood: "+said,
			"Nothing is sent to it. Look at the vault in the portal, and hold it; a newer version of fleetup may "+
				"know its settings.", res.RequestID)
		return r.Validation(v, nil)
	}
	reached := u.change.reached(u.Kind, v, res)
	if reached != "" && res.Settled() {
		return fleet.Validation{Verdict: fleet.VerdictAlready,
			Findings: []fleet.Finding{{Severity: fleet.SeverityInfo, Code: fleet.CodeAlready,
				Message: reached + ": nothing is sent"}}}
	}
	if fleet.NormalizeLocation(res.Location) != fleet.NormalizeLocation(v.Location) {
		r.Error(codeElsewhere,
			fmt.Sprintf("the vault is in %s, and the inventory says %s", res.Location,
				text.Clean(v.Location, text.MaxID)),
			"Correct its location in the inventory: limits and reports go by it.", res.RequestID)
	}
	if _, err := u.change.body(u.Kind, v); err != nil {
		r.Error(codeNotRecorded, err.Error(),
			"Only what a run has changed can be put back, from the ledger of that run.", "")
	}
	u.checkProvisioning(res, r)
	if u.change.Judge != nil && reached == "" {
		for _, f := range u.change.Judge(u.Kind, res.State()) {
			r.Add(f, res.RequestID)
		}
	}
	if u.change.Look != nil && reached == "" {
		for _, f := range u.change.Look(u.Kind, v, res) {
			r.Add(f, res.RequestID)
		}
	}
	if r.Blocked {
		return r.Validation(v, nil) // nothing that could still be learnt would change that
	}
	if u.checkLocks(ctx, v, r); r.Stop() {
		return r.Validation(v, nil)
	}
	if u.change.Check != nil {
		u.change.Check(ctx, u, v, res, r)
	}
	return r.Validation(v, nil)
}

func (u *Upgrader) checkProvisioning(res *Resource, r *check.Report) {
	f := fleet.Finding{Severity: fleet.SeverityError,
		Message: "the vault's provisioning state is " + res.ProvisioningState}
	switch {
	case res.Settled():
	case res.broken():
		f.Code, f.Action = codeProvisioning,
			"Find out in the vault's activity log what failed, mend it, then validate again."
		r.Add(f, res.RequestID)
	default:
		f.Code = fleet.CodeBusy
		f.Action = "Nothing: it is validated again when the other operation may have ended, by this run or the next."
		r.Hold(f, res.RequestID)
	}
}

// lock is a management lock, as far as the check needs it.
type lock struct {
	Name       string `json:"name"`
	Properties struct {
		Level string `json:"level"`
		Notes string `json:"notes"`
	} `json:"properties"`
}

// checkLocks looks for a lock that would refuse the change: one of level
// ReadOnly, on the vault or on anything above it.
func (u *Upgrader) checkLocks(ctx context.Context, v *fleet.Vault, r *check.Report) {
	locks, err := List[lock](ctx, u, v.SubscriptionID, "read the locks of vault "+v.Ref(), readLocks.At(v))
	if err != nil {
		u.Failed(r, err)
		return
	}
	for _, l := range locks {
		if strings.EqualFold(l.Properties.Level, "ReadOnly") {
			msg := "a ReadOnly lock holds the vault: " + text.Clean(l.Name, text.MaxID)
			if l.Properties.Notes != "" {
				msg += " (" + text.Clean(l.Properties.Notes, text.MaxMessage) + ")"
			}
			r.Error(codeLocked, msg,
				"Remove the lock for the time of the change, or hold the vault.", "")
		}
	}
}

// Failed adds a check that did not give what was asked.
func (u *Upgrader) Failed(r *check.Report, err error) {
	r.Failed(u.ResourceManager, u.permission(), err)
}

// Shared asks once for an answer that several want, such as one about a
// subscription that all its vaults share, and keeps a good one for a while.
func (u *Upgrader) Shared(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	return u.shared.Do(ctx, key, func(ctx context.Context) (any, time.Time, error) {
		got, err := ask(ctx)
		return got, time.Now().Add(sharedMaxAge), err
	})
}

// Call is a kind of request to the Resource Manager, with the action that it
// needs: what a role is made of.
type Call struct {
	Method, Path string // {vault}, {subscription} stand for what is filled in
	Action, Why  string
}

// readLocks lists the locks of a vault, inherited ones included.
var readLocks = Call{http.MethodGet, "{vault}/providers/Microsoft.Authorization/locks?api-version=2020-05-01",
	"Microsoft.Authorization/locks/read", "whether a lock would refuse the change"}

// At is the call's percent-encoded path for a vault.
func (c Call) At(v *fleet.Vault) string {
	return strings.NewReplacer("{vault}", fleet.EscapePath(v.ResourceID()), "{subscription}",
		v.SubscriptionID).Replace(c.Path)
}

var (
	readSubscription = Call{http.MethodGet, "/subscriptions/{subscription}?api-version=2022-12-01",
		"Microsoft.Resources/subscriptions/read", "whether a subscription exists and is enabled"}
	readProvider = Call{http.MethodGet, "/subscriptions/{subscription}/providers/{provider}?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/providers/read", "whether the resource provider is registered"}
)

// SignIns signs in to a tenant and says as whom.
func (u *Upgrader) SignIns(ctx context.Context, tenant string) []fleet.SignIn {
	return []fleet.SignIn{u.ResourceManager.SignIn(ctx, tenant)}
}

// Preflight makes the checks of a subscription that need no vault of its own, and
// reads the first of its vaults: what an identity may see is known before the
// rest is looked at. It reads, and nothing else.
func (u *Upgrader) Preflight(ctx context.Context, subscription string, vaults []*fleet.Vault) []fleet.Check {
	var p check.Checks
	p.Make("subscription", check.Plain(func(r *check.Report) { u.checkSubscription(ctx, r, subscription) }))
	namespace, _, _ := strings.Cut(string(u.change.Spec.Type), "/")
	p.Make("provider "+namespace, check.Plain(func(r *check.Report) {
		u.checkProvider(ctx, r, subscription,
			namespace)
	}))
	for _, v := range ofEachGroup(vaults) {
		p.Make("permissions in "+v.ResourceGroup, check.Plain(func(r *check.Report) { u.checkPermissions(ctx, v, r) }))
	}
	if guard := u.Kind[fleet.OptionGuardTenant]; guard != "" {
		p.Make("resource guard's tenant", func(r *check.Report) string {
			for _, f := range u.ResourceManager.SignIn(ctx, guard).Findings {
				r.Denied = r.Denied || f.Severity == fleet.SeverityError
				r.Add(f, "")
			}
			return guard
		})
	}
	if len(vaults) > 0 {
		v := vaults[0]
		p.Make("vault "+v.Name, func(r *check.Report) string {
			res, _, err := u.get(ctx, v)
			switch {
			case err != nil:
				u.Failed(r, err)
			case res == nil:
				r.Error(fleet.CodeNotFound, "there is no vault "+v.ResourceID(),
					"Check the name, the resource group and the subscription in the inventory.", "")
			default:
				return "could be read"
			}
			return ""
		})
		p.Make("locks of "+v.Name, check.Plain(func(r *check.Report) { u.checkLocks(ctx, v, r) }))
	}
	return p.All
}

// checkSubscription reports whether there is a subscription whose vaults could
// be asked for.
func (u *Upgrader) checkSubscription(ctx context.Context, r *check.Report, id string) bool {
	var sub struct {
		State string `json:"state"`
	}
	v := &fleet.Vault{SubscriptionID: id}
	resp, found, err := u.Get(ctx, id, "read subscription "+id, readSubscription.At(v), &sub)
	switch {
	case err != nil && resp != nil && resp.Status == http.StatusNotFound, err == nil && !found:
		r.Denied = true
		r.Error(fleet.CodeSubscription, "the Resource Manager knows no subscription "+id+", or not for this identity",
			"Check the subscription's id and tenant in the inventory, and who is signed in.", "")
		return false
	case err != nil:
		u.Failed(r, err)
		return true
	case !strings.EqualFold(sub.State, "Enabled"):
		r.Error(fleet.CodeSubscription,
			fmt.Sprintf("subscription %s is not enabled: its state is %q", id, Word(sub.State)),
			"Have the subscription enabled, then validate again.", resp.RequestID)
	}
	return true
}

func (u *Upgrader) checkProvider(ctx context.Context, r *check.Report, id, namespace string) {
	var provider struct {
		State string `json:"registrationState"`
	}
	path := strings.NewReplacer("{subscription}", id, "{provider}", namespace).Replace(readProvider.Path)
	resp, found, err := u.Get(ctx, id, "read the registration of "+namespace+" in subscription "+id, path, &provider)
	if err != nil {
		u.Failed(r, err)
		return
	}
	if !found || !strings.EqualFold(provider.State, "Registered") {
		r.Error(fleet.CodeProvider,
			fmt.Sprintf("resource provider %s is not registered in subscription %s: its state is %q",
				namespace, id, Word(provider.State)),
			"az provider register --namespace "+namespace+" --subscription "+id, resp.RequestID)
	}
}
