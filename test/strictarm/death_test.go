package strictarm_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// What was answered just before a client died may not have reached it: its next
// process is held to what it can know.
func TestClientDied(t *testing.T) {
	t.Parallel()
	t.Run("accepted, then failed", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA,
			Name: "v1"}).Takes(5 * time.Millisecond).Ends(strictarm.Fails("NoDisk", "full"))
		c.change(v)
		cloud.ClientDied()
		c.prove(v)
		c.change(v)
		clean(t, cloud)
	})
	t.Run("accepted, unproved", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA,
			Name: "v1"}).Takes(time.Nanosecond).Ends(strictarm.Fails("NoDisk", "full"))
		c.change(v)
		cloud.ClientDied()
		c.change(v)
		complains(t, cloud, "without proof")
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(strictarm.BadRequest)
		c.change(v)
		cloud.ClientDied()
		c.prove(v)
		c.change(v)
		clean(t, cloud)
	})
	t.Run("throttled", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		read := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(strictarm.SlowDown(0))
		c.change(read)
		cloud.ClientDied()
		c.change(read) // it may have read that it was throttled, and waited
		clean(t, cloud)
		unread := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v2"}).Patch(strictarm.SlowDown(time.Minute))
		c.change(unread)
		cloud.ClientDied()
		c.change(unread)
		complains(t, cloud, "without proof")
	})
}
