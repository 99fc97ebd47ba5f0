package arm

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A 429 to a start says either that the vault is busy, or that the subscription
// is asked too often.
func TestBusyStartIsToldFromThrottledOne(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]fleet.StartVerdict{
		`{"error":{"code":"RetryableErrorDueToAnotherOperation","message":"Another operation is updating the resource."}}`: fleet.StartBusy,
		`{"error":{"code":"RetryableError","message":"m","details":[{"code":"ReferencedResourceNotProvisioned"}]}}`:        fleet.StartBusy,
		`{"error":{"code":"SubscriptionRequestsThrottled","message":"Please try again after '9' seconds."}}`:               fleet.StartThrottled,
		`{"error":{"code":"NobodyKnows","message":"m"}}`:                                                                   fleet.StartThrottled,
		``: fleet.StartThrottled,
	} {
		resp := &azure.Response{Status: 429, Body: []byte(body), RetryAfter: 9 * time.Second}
		if a := (&Upgrader{}).answer(&fleet.Vault{}, resp, "op"); a.Verdict != want || a.RetryAfter != 9*time.Second {
			t.Errorf("%s: %+v, want %s", body, a, want)
		}
	}
}
