package runner_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// Rule 2: after a commit's error nothing more is sent, whether the transaction
// reached the disk or not; the next start reads and reconciles.
func TestRule02_ACommitErrorDoesNotMeanNotCommitted(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("reached=%t", after), func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at++ {
				over := false
				inBubble(t, func(t *testing.T) {
					n := scene(t, 3, 1, oneAtATime)
					n.crash = func(p int) crash {
						if p > 0 {
							return crash{}
						}
						return crash{atCommit: at, after: after, lives: true}
					}
					code, err := n.process()
					if over = err == nil; over {
						return // fewer commits than that: every one has had its turn
					}
					if !errors.Is(err, runner.ErrCommit) || !errors.Is(err, errDisk) || code != fleet.ExitInternal {
						t.Fatalf("commit %d failed: exit %d, %v", at, code, err)
					}
					if !strings.Contains(err.Error(), "nothing more was sent") {
						t.Errorf("the error does not say what was not done: %v", err)
					}
					last := n.trace.commits[len(n.trace.commits)-1]
					for _, c := range n.trace.starts() {
						if c.at.After(last.at) {
							t.Errorf("commit %d failed, and then %s was sent", at, c)
						}
					}
					if last.err == nil {
						t.Errorf("commit %d failed, and then another was made", at)
					}
					if n.state().Run.Closed == nil {
						n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
					}
				})
				if over {
					if at < 15 {
						t.Errorf("only %d commits were tried", at)
					}
					return
				}
			}
		})
	}
}

const (
	xmlError = `<Error xmlns="http://schemas.microsoft.com/windowsazure"><Code>Sorry</Code><Message>not today</Message></Error>`
	other    = `<ResourceUpgradeDetails xmlns="http://schemas.microsoft.com/windowsazure"><OperationId>another</OperationId><Status>InProgress</Status></ResourceUpgradeDetails>`
)

// Rule 3: what each answer to a start means.
func TestRule03_AStartGoesOutOnce_TheTableOfAnswers(t *testing.T) {
	t.Parallel()
	plainText := func(status int, header ...string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return says(status, "text/plain", "words", append(header, "Location", "http://127.0.0.1:1/elsewhere")...),
				nil
		}
	}
	inXML := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return says(status, "application/xml", body), nil }
	}
	for name, row := range map[string]struct {
		answer  func(*http.Request) (*http.Response, error) // nil: the cloud's
		verdict fleet.StartVerdict
		ends    fleet.Status
		sent    int
		pause   time.Duration // before it is sent again, at least
	}{
		"2xx with our ID":   {nil, fleet.StartAccepted, fleet.Upgraded, 1, 0},
		"2xx, another ID":   {inXML(200, other), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"202 without an ID": {plainText(202), fleet.StartAccepted, fleet.Unknown, 1, 0}, // no reading takes it back
		"2xx without an ID": {plainText(200), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"302":               {plainText(302), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"307":               {plainText(307), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"308":               {plainText(308), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"408":               {plainText(408), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"500":               {plainText(500), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"502":               {plainText(502), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"503":               {plainText(503), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"503, Retry-After": {plainText(503, "Retry-After", "5400"), fleet.StartUnknown, fleet.Upgraded, 2,
			90 * time.Minute},
		"504":               {plainText(504), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"500 with an error": {inXML(500, xmlError), fleet.StartUnknown, fleet.Failed, 1, 0},
		"503 with an error": {inXML(503, xmlError), fleet.StartUnknown, fleet.Failed, 1, 0},
		"no answer":         {reset, fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"garbage":           {inXML(200, "<<<"), fleet.StartUnknown, fleet.Upgraded, 2, 5 * time.Minute},
		"409":               {inXML(409, xmlError), fleet.StartBusy, fleet.Upgraded, 2, 5 * time.Minute},
		"429":               {plainText(429), fleet.StartThrottled, fleet.Upgraded, 2, 30 * time.Second},
		"429, Retry-After": {plainText(429, "Retry-After", "7200"), fleet.StartThrottled, fleet.Upgraded, 2,
			2 * time.Hour},
		"401": {plainText(401, "WWW-Authenticate", "Bearer"), fleet.StartDenied, fleet.Upgraded, 2,
			0},
		"403": {plainText(403), fleet.StartDenied, fleet.Upgraded, 2, 0},
		"400": {inXML(400, xmlError), fleet.StartFailed, fleet.Failed, 1, 0},
		"404": {plainText(404), fleet.StartFailed, fleet.Failed, 1, 0},
		"422": {plainText(422), fleet.StartFailed, fleet.Failed, 1, 0},
		"no connection is made": {func(*http.Request) (*http.Response, error) {
			return nil,
				&net.OpError{Op: "dial", Err: errReset}
		}, fleet.StartNotSent, fleet.Upgraded, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 1, 1, nil)
				if row.answer != nil {
					n.once(v00, row.answer)
				}
				n.ends(map[fleet.Status]fleet.ExitCode{fleet.Upgraded: fleet.ExitOK,
					fleet.Failed: fleet.ExitFailures, fleet.Unknown: fleet.ExitFailures}[row.ends], row.ends)
				cs := n.sent(v00, row.sent)
				if len(cs) == 2 && cs[1].at.Sub(cs[0].at) < row.pause {
					t.Errorf("sent again after %v", cs[1].at.Sub(cs[0].at))
				}
				var got fleet.StartVerdict
				if fs, _ := facts[fleet.StartAnswered](n); len(fs) > 0 {
					got = fs[0].Answer.Verdict
				}
				if ns, _ := facts[fleet.NotSent](n); len(ns) > 0 {
					got = fleet.StartNotSent
				}
				if got != row.verdict {
					t.Errorf("the answer was taken for %q, expected %q", got, row.verdict)
				}
				for _, c := range n.trace.calls {
					if c.subscription == "elsewhere" {
						t.Error("a redirect was followed")
					}
				}
			})
		})
	}
}

// Rule 3: at most three starts a vault and run; the next run may go on.
func TestRule03_AStartGoesOutOnce_AtMostThreeAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 2, 1, nil, emulator.Fault{Kind: "reset-before", Vault: "v00", Calls: []string{"upgrade"},
			Times: 4})
		n.ends(fleet.ExitNotUpgraded, fleet.Blocked, fleet.Upgraded)
		n.sent(v00, 3)
		n.open("run-2")
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Already)
		n.sent(v00, 5)
	})
}

// Rule 3: what was refused for now did not arrive, and costs no attempt.
func TestRule03_AStartGoesOutOnce_RefusalsCostNoAttempt(t *testing.T) {
	t.Parallel()
	for _, f := range []emulator.Fault{{Kind: "throttled", Vault: "v00", Calls: []string{"upgrade"}, Times: 7,
		RetryAfter: 60}, {Kind: "start-busy", Vault: "v00", Times: 7}} {
		t.Run(f.Kind, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 2, 1, nil, f)
				n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded)
				n.sent(v00, 8)
				if v := n.vault(0); v.Attempt != 1 || v.Sent != 8 {
					t.Errorf("%d attempts of %d starts", v.Attempt, v.Sent)
				}
			})
		})
	}
}

// Rule 3: a start has a timeout of its own, after which it is in doubt.
func TestRule03_AStartGoesOutOnce_ItHasItsOwnTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 1, 1, nil, emulator.Fault{Kind: "hang", Vault: "v00", Accepted: true})
		n.ends(fleet.ExitOK, fleet.Upgraded)
		c := n.sent(v00, 1)[0]
		if took := c.done.Sub(c.at); took != n.plan.Timings.StartTimeout {
			t.Errorf("the start was given up after %v", took)
		}
	})
}

// Rule 3: a start's context is not the run's: neither a signal nor an
// abandoned run cuts it off.
func TestRule03_AStartGoesOutOnce_ItsContextIsNotTheRuns(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(n *night, abandon func()){
		"signal":    func(n *night, _ func()) { n.crash = func(int) crash { return crash{stopAt: 20 * time.Second} } },
		"abandoned": func(n *night, abandon func()) { time.AfterFunc(20*time.Second, abandon) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 1, 1, nil,
					emulator.Fault{Kind: "slow", Vault: "v00", Calls: []string{"upgrade"}, Delay: "40s"})
				var abandon func()
				n.ctx, abandon = context.WithCancel(t.Context())
				defer abandon()
				stop(n, abandon)
				if _, err := n.process(); err != nil {
					t.Fatal(err)
				}
				if c := n.sent(v00, 1)[0]; c.status != 200 || c.done.Sub(c.at) != 40*time.Second {
					t.Errorf("the start ended with %d after %v", c.status, c.done.Sub(c.at))
				}
			})
		})
	}
}

// Rule 3: 401 and 403 suspend the subscription's starts until a read
// succeeds; the others go on, and nothing is branded.
func TestRule03_AStartGoesOutOnce_ADenialSuspendsTheSubscription(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		inBubble(t, func(t *testing.T) {
			n := scene(t, 8, 2, nil)
			denied := false
			n.answer = func(req *http.Request, c *call) (*http.Response, error) {
				switch {
				case c.kind == "upgrade" && c.subscription == sub1 && !denied:
					denied = true
					return says(status, "text/plain", "sign in"), nil
				case c.kind == "list" && c.subscription == sub1 && denied && time.Since(n.began) < 10*time.Minute:
					return says(503, "text/plain", "later"), nil
				}
				return nil, nil
			}
			n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
			// Two were at the door together; after the denial the door stays shut.
			early := map[string]int{}
			for _, c := range n.trace.starts() {
				if c.at.Sub(n.began) < 10*time.Minute {
					early[c.subscription]++
				}
			}
			if early[sub1] > 2 || early[sub2] != 2 {
				t.Errorf("HTTP %d: starts in the first ten minutes: %v", status, early)
			}
		})
	}
}

// Rule 3: when a missing sign-in keeps everything left from going on, the run
// leaves with exit 8, and a resume after a sign-in finishes it.
func TestRule03_AStartGoesOutOnce_ExitEightWithoutASignIn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 4, 1, func(in *plan.Input) { in.FailureBudget = plan.Budget{Unit: plan.UnitCount} })
		expired := false
		n.answer = func(req *http.Request, c *call) (*http.Response, error) {
			if expired = expired || c.kind == "upgrade" && n.started == 1; expired && n.started == 1 {
				return says(401, "text/plain", "expired"), nil
			}
			return nil, nil
		}
		if code, err := n.process(); code != fleet.ExitSignIn || err != nil {
			t.Fatalf("exit %d, %v", code, err)
		}
		if st := n.state(); st.Totals.Of(fleet.Ready)+st.Totals.Of(fleet.Pending) != 4 {
			t.Errorf("a missing sign-in left %+v", st.Totals)
		}
		if why := n.state().Run.Suspended; why == nil || why.Subscription != sub1 {
			t.Errorf("the suspension does not name the subscription: %+v", why)
		}
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
	})
}
