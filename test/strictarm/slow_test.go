package strictarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// Answers that do not come, or come late.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	c.http.Timeout = 300 * time.Millisecond
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(strictarm.HangNotAccepted)
	if got := c.change(v); got.status != 0 || len(v.Report().Accepted) != 0 || v.Report().Patches[0].Status != 0 {
		t.Errorf("answered %d", got.status)
	}
	v = cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v2"}).Patch(strictarm.HangAccepted)
	if got := c.change(v); got.status != 0 || len(v.Report().Accepted) != 1 {
		t.Errorf("answered %d", got.status)
	}
	v = cloud.AddVault(strictarm.Vault{Subscription: subA,
		Name: "v3"}).Patch(strictarm.SlowAnswer(50 * time.Millisecond)).Reads(strictarm.ReadHang)
	if got := c.read(v); got.status != 0 {
		t.Errorf("the read was answered %d", got.status)
	}
	if began := time.Now(); c.change(v).status != 202 || time.Since(began) < 50*time.Millisecond {
		t.Error("the slow answer did not take its time")
	}
	clean(t, cloud)
}

// Somebody else's change shows, ends, and is not counted as the client's.
func TestForeign(t *testing.T) {
	t.Parallel()
	for name, applies := range map[string]bool{"made": true, "unmade": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Foreign(40*time.Millisecond, applies)
			if !strings.Contains(c.read(v).body, "Updating") {
				t.Error("it does not show")
			}
			if got := c.do("PATCH", v.ID()+version(v), alertsBody); got.status != 409 {
				t.Errorf("a PATCH meanwhile was answered %d", got.status)
			}
			for strings.Contains(c.read(v).body, "Updating") {
				time.Sleep(5 * time.Millisecond)
			}
			if r := v.Report(); r.Wanted != applies || len(r.Accepted) != 0 {
				t.Errorf("%+v", r)
			}
			complains(t, cloud, "read as Updating")
		})
	}
}
