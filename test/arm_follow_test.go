package test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayAddressesWithoutSense: an operation whose address never makes sense, or
// says for ever that it is under way, comes to an end by what the vault shows: as
// wanted it is upgraded at once, not as wanted it is unknown once it is overdue,
// with what was answered and what differs. Nothing is sent twice.
func TestTodayAddressesWithoutSense(t *testing.T) {
	t.Parallel()
	timings := strict.FastTimings()
	timings.Poll, timings.ReconcileGrace = 150*time.Millisecond, 300*time.Millisecond
	timings.ReconcileDeadline, timings.Overdue = 2*time.Second, 3*time.Second
	w := newToday(t, strictarm.Config{Timings: timings})
	answers := map[string]struct {
		fault strictarm.PollFault
		says  string
	}{
		"forbidden": {strictarm.PollForbidden, "HTTP 403 AuthorizationFailed"},
		"nothing":   {strictarm.PollNoContent, "HTTP 204"},
		"empty":     {strictarm.PollEmpty, "HTTP 200 with an empty body"},
		"page":      {strictarm.PollPage404, `HTTP 404 with a web page titled "404 - File not found"`},
		"gateway":   {strictarm.PollPage502, `HTTP 502 with a web page titled "Bad Gateway"`},
		"vault":     {strictarm.PollVault, "HTTP 200"},
		"shape":     {strictarm.PollWrapped, "HTTP 400 OperationNotFound: The operation is not known here."},
		"claims":    {strictarm.PollStatus("InProgress"), "the operation says that it is under way"},
	}
	all, i := map[string]changed{}, 0
	for name, a := range answers {
		for _, made := range []bool{true, false} {
			k := changed{name: name + "-unmade", want: "unknown", patches: 1}
			v := strictarm.Vault{Subscription: []string{subA, subB, subC}[i%3], Name: k.name}
			if made {
				k.name, k.want = name+"-made", "upgraded"
				v.Name = k.name
			}
			h := w.cloud.AddVault(v).Takes(300 * time.Millisecond).URLs(strictarm.AsyncOnly).RetryAfter(0).PollsAlways(
				a.fault)
			if !made {
				h.Ends(strictarm.Fails("DiskFull", "the disk was full"))
			}
			all[k.name], i = k, i+1
		}
	}
	w.write(strictarm.Inventory{FailureBudget: "100", Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Validations: 16, Upgrades: 20, PerSubscription: 20}})
	w.start("run", w.inv, "--yes").ends(3)
	w.demand("the run", all, func(k changed) string { return k.want })
	for _, v := range w.judge().Vaults {
		if len(v.Patches) != 1 {
			t.Errorf("%s: %d PATCHes were sent", v.Vault.Name, len(v.Patches))
		}
	}
	names := map[string]string{}
	for _, v := range w.cloud.Vaults() {
		names[v.Spec().Name] = v.Spec().Subscription + "/" + v.Spec().Name
	}
	for name, a := range answers {
		out := w.start("show", names[name+"-unmade"], "--state", w.db).ends(0).stdout.String()
		for _, want := range []string{a.says, "LAST READING",
			"monitoringSettings.classicAlertSettings.alertsForCriticalOperations is Enabled, wanted Disabled",
			"not-confirmed"} {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("show of %s does not say %q:\n%s", name, want, out)
			}
		}
	}
}

// TestTodayResumeFollowsSignedAddresses: an operation that the service has taken, and whose
// client has died then, is followed at its signed address by the next one, not by its vault
// alone: that does not tell how it failed.
func TestTodayResumeFollowsSignedAddresses(t *testing.T) {
	t.Parallel()
	w := newToday(t, strictarm.Config{Timings: hasty()})
	w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "signed"}).Takes(300 * time.Millisecond).
		URLs(strictarm.AsyncOnly).RetryAfter(0).Ends(strictarm.Fails("DiskFull", "the disk was full"))
	w.write(strictarm.Inventory{FailureBudget: "100", Waves: []strict.Wave{{Name: "all"}}})
	w.dies(failpoint.AnswerAfter, 1, []string{"run", w.inv, "--yes"})
	polls := func() int {
		t.Helper()
		truth := w.judge()
		v, ok := truth.Find("signed")
		if !ok || len(v.Accepted) != 1 {
			t.Fatalf("the cloud saw %+v", v)
		}
		return v.Accepted[0].Polls
	}
	if n := polls(); n != 0 {
		t.Fatalf("%d polls before the client died", n)
	}
	w.start("resume", "--state", w.db, "--yes").ends(3)
	if polls() == 0 {
		t.Error("the resume never asked at the operation's address")
	}
	stands := w.status(w.db)
	if v := stands.Vaults[0]; v.Status != "failed" || !strings.Contains(v.why(), "DiskFull") {
		t.Errorf("the vault is %s (%s), want failed with what its operation says", v.Status, v.why())
	}
}
