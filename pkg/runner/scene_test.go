package runner_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// What the tests of the rules have in common: subscription 1 and 2, and a
// fleet whose upgrades take twenty minutes each.
const (
	sub1 = "00000001-0000-4000-8000-000000000000"
	sub2 = "00000002-0000-4000-8000-000000000000"
	v00  = sub1 + "/v00"
	v01  = sub1 + "/v01"
	took = 20 * time.Minute
)

// scene is a night with scripted troubles. Vaults go to the subscriptions in
// turn: v00 to the first, v01 to the second if there are two.
func scene(t *testing.T, vaults, subs int, edit func(*plan.Input), faults ...emulator.Fault) *night {
	t.Helper()
	return newNight(t, fleetOf(t, vaults, subs, []plan.WaveSpec{{Name: "all", CatchAll: true}}, edit),
		emulator.Scenario{Seed: 1,
			Duration: emulator.Duration{Constant: took.String()}, Faults: faults})
}

// oneAtATime lets a subscription have one upgrade.
func oneAtATime(in *plan.Input) { in.Limits.PerSubscription = 1 }

// budgetOf halts the run at one failure more than n.
func budgetOf(n int) func(*plan.Input) {
	return func(in *plan.Input) { in.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: n} }
}

// ends runs the night to its end and holds everything against the rules.
func (n *night) ends(code fleet.ExitCode, statuses ...fleet.Status) {
	n.t.Helper()
	before := n.posts()
	if got := n.finish(); got != code {
		n.t.Errorf("exit %d, expected %d", got, code)
	}
	n.check(code, before)
	n.stand(statuses...)
}

// stand compares where the vaults stand.
func (n *night) stand(statuses ...fleet.Status) {
	n.t.Helper()
	st := n.state()
	for i, want := range statuses {
		if v := &st.Vaults[i]; v.Status != want {
			n.t.Errorf("%s is %s (%s), expected %s", n.plan.Vaults[i].Ref(), v.Status, v.Reason, want)
		}
	}
	if n.t.Failed() {
		n.t.Logf("%s:\n%s", n.runID, strings.Join(n.story(), "\n"))
	}
}

// sent compares how often a vault's start was sent.
func (n *night) sent(vault string, times int) []*call {
	n.t.Helper()
	cs := n.trace.of("upgrade", vault)
	if len(cs) != times {
		n.t.Fatalf("the start of %s was sent %d times, expected %d", vault, len(cs), times)
	}
	return cs
}

// facts are the journal's facts of a kind, with their times.
func facts[F fleet.Fact](n *night) (fs []F, at []time.Time) {
	for _, e := range n.journal() {
		if f, ok := e.Fact.(F); ok {
			fs, at = append(fs, f), append(at, e.At)
		}
	}
	return fs, at
}

// says is an answer from nowhere: the cloud does not hear of the request.
func says(status int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body))}
}

// once answers the first start of a vault in the cloud's place.
func (n *night) once(vault string, answer func(*http.Request) (*http.Response, error)) {
	done := false
	n.answer = func(req *http.Request, c *call) (*http.Response, error) {
		if c.kind != "upgrade" || c.vault != vault || done {
			return nil, nil
		}
		done = true
		return answer(req)
	}
}

// errReset is a connection that broke.
var errReset = errors.New("connection reset by peer")

func reset(*http.Request) (*http.Response, error) { return nil, errReset }

// tilted shows another listing than the cloud gave.
type tilted struct {
	runner.Upgrader
	tilt func(map[fleet.Key]fleet.Sighting)
}

func (u tilted) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	s, err := u.Upgrader.Read(ctx, subscription, vaults)
	if err != nil {
		return nil, err
	}
	own := *s
	own.Vaults = maps.Clone(s.Vaults)
	u.tilt(own.Vaults)
	return &own, nil
}

// tilt changes every listing that processes read from now on.
func (n *night) tilt(tilt func(map[fleet.Key]fleet.Sighting)) {
	n.upgrader = func(u runner.Upgrader) runner.Upgrader { return tilted{u, tilt} }
}

// show replaces a vault's record in a listing.
func show(vaults map[fleet.Key]fleet.Sighting, k fleet.Key, r *fleet.Record) {
	s := vaults[k]
	s.Record = r
	vaults[k] = s
}
