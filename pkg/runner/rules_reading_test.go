package runner_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Rule 7: before each start a reading at most one poll old decides; one listing
// is shared by all that need it.
func TestRule07_WhatIsPlannedIsWhatRuns_AFreshStateDecides(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 12, 1, func(in *plan.Input) { in.Limits.PerSubscription, in.Limits.RequestsPerSecond = 4, 100 })
		n.ends(fleet.ExitOK, fleet.Upgraded)
		lists := n.trace.of("list", sub1) // the audit compares them with the starts
		// Twelve checks and four starts share the first.
		if at := lists[0].at; len(lists) < 2 || lists[1].at.Sub(at) < n.plan.Timings.Poll ||
			n.trace.starts()[3].at.Sub(at) > n.plan.Timings.Poll {
			t.Errorf("the second listing came %v after the first", lists[1].at.Sub(at))
		}
	})
}

// Rule 7: a start that waited long for its turn is looked at again before it
// leaves, and what has changed meanwhile counts.
func TestRule07_WhatIsPlannedIsWhatRuns_AStartThatWaitedIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	for name, drifts := range map[string]bool{"as it was": false, "somebody upgraded it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				// One request in twenty seconds: between a start's reading and its
				// turn stand the checks of the others.
				n := scene(t, 6, 1, func(in *plan.Input) { in.Limits.RequestsPerSecond = 0.05 })
				n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
					for _, v := range n.plan.Vaults {
						if drifts && time.Since(n.began) > 4*time.Minute &&
							len(n.trace.of("upgrade", n.refs[v.Key])) == 0 {
							show(vs, v.Key, &fleet.Record{OperationID: "theirs", State: fleet.RecordUpgraded})
						}
					}
				})
				n.finish()
				n.check(n.lastCode, nil)
				if cs := n.trace.starts(); drifts && len(cs) > 0 &&
					cs[len(cs)-1].at.Sub(n.began) > 4*time.Minute+n.plan.Timings.Poll {
					t.Errorf("%s was sent although somebody had upgraded it", cs[len(cs)-1])
				}
			})
		})
	}
}

// hourly signs in with tokens that are good for an hour.
type hourly struct{ issued *sync.Map }

func (h hourly) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now := time.Now()
	token := fmt.Sprint("token-", now.UnixNano())
	h.issued.Store("Bearer "+token, now)
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, nil
}

// Rule 7: a start that a long pause overtook at the door goes out on a new
// reading, and with a token that is still good.
func TestRule07_WhatIsPlannedIsWhatRuns_APauseAtTheDoor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 3, 1, func(in *plan.Input) {
			in.Limits.RequestsPerSecond, in.Timings.Poll = 0.05, 10*time.Minute // only the start's turn is waited for
		})
		var issued sync.Map
		n.sides = func(o *azure.Options) {
			o.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "https://sm.contoso.example",
				ResourceManager: "https://rm.contoso.example"}
			o.NewCredential = func(fleet.CredentialKind, string) (azcore.TokenCredential,
				error) {
				return hourly{&issued}, nil
			}
		}
		checks, paused := 0, false
		n.answer = func(req *http.Request, c *call) (*http.Response, error) {
			at, ok := issued.Load(req.Header.Get("Authorization"))
			if !ok || time.Since(at.(time.Time)) > time.Hour {
				t.Errorf("%s went out with a token of %v", c, at)
			}
			if c.kind == "prereqs" {
				if checks++; checks == 2 {
					paused = true
					return says(429, "text/plain", "later", "Retry-After", "7200"), nil
				}
			}
			return nil, nil
		}
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
		if !paused {
			t.Error("there was no pause: the test proves nothing")
		}
	})
}

// Rule 7: a vault that has drifted since its check is not sent; the reason is
// kept.
func TestRule07_WhatIsPlannedIsWhatRuns_ADriftedVaultIsDropped(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]struct {
		tilt func(map[fleet.Key]fleet.Sighting, fleet.Key)
		ends fleet.Status
	}{
		"somebody upgraded it": {func(vs map[fleet.Key]fleet.Sighting, k fleet.Key) {
			show(vs, k, &fleet.Record{OperationID: "theirs", State: fleet.RecordUpgraded})
		}, fleet.Already},
		"somebody's upgrade failed": {func(vs map[fleet.Key]fleet.Sighting, k fleet.Key) {
			show(vs, k, &fleet.Record{OperationID: "theirs", State: fleet.RecordFailed})
		}, fleet.Failed},
		"it is gone": {func(vs map[fleet.Key]fleet.Sighting, k fleet.Key) { delete(vs, k) }, fleet.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 2, 1, oneAtATime)
				// Both are checked at once, and one starts; then the other drifts.
				var waits int
				n.tilt(func(vs map[fleet.Key]fleet.Sighting) {
					if cs := n.trace.starts(); len(cs) > 0 {
						if waits = 0; cs[0].vault == v00 {
							waits = 1
						}
						drift.tilt(vs, n.plan.Vaults[waits].Key)
					}
				})
				n.finish()
				st := n.state()
				v := &st.Vaults[waits]
				if v.Status != drift.ends || len(v.Findings) == 0 && v.Reason == "" ||
					st.Vaults[1-waits].Status != fleet.Upgraded {
					t.Errorf("it ended %s (%q, %v), expected %s", v.Status, v.Reason, v.Findings, drift.ends)
				}
				n.sent(n.refs[n.plan.Vaults[waits].Key], 0)
			})
		})
	}
}

// Rule 7: a check that is older than validationMaxAge is made again before the
// start.
func TestRule07_WhatIsPlannedIsWhatRuns_AnOldCheckIsMadeAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 6, 1, oneAtATime)
		n.ends(fleet.ExitOK, fleet.Upgraded)
		again := 0
		for _, c := range n.trace.starts() {
			checks := n.trace.of("prereqs", c.vault)
			again += len(checks) - 1
			if last := checks[len(checks)-1]; c.at.Sub(last.at) > n.plan.Timings.ValidationMaxAge {
				t.Errorf("%s was checked %v before", c, c.at.Sub(last.at))
			}
		}
		if again == 0 || again > 4 {
			t.Errorf("%d checks were made again in a run of two hours", again)
		}
	})
}

// Rule 11: however many vaults wait, are checked, started and followed, a
// subscription is read once a tick.
func TestRule11_TheCloudIsAskedSparingly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 30, 2, func(in *plan.Input) { in.Limits.PerSubscription = 5 },
			emulator.Fault{Kind: "reset-before", Rate: 0.3}, emulator.Fault{Kind: "foreign", Rate: 0.1, For: "30m"})
		n.finish()
		n.check(n.lastCode, nil) // the audit compares all readings of a subscription
		ticks := int(time.Since(n.began)/n.plan.Timings.Poll) + 1
		for _, s := range []string{sub1, sub2} {
			if lists := len(n.trace.of("list", s)); lists > ticks {
				t.Errorf("%d listings of %s in %d ticks", lists, s, ticks)
			}
		}
		for i := range n.plan.Vaults {
			own := 0
			for _, kind := range []string{"upgrade", "prereqs", "target", "result"} {
				own += len(n.trace.of(kind, name(&n.plan.Vaults[i])))
			}
			if v := n.vault(i); v.Attempt <= 1 && own > 8 {
				t.Errorf("%s took %d requests of its own", n.plan.Vaults[i].Ref(), own)
			}
		}
	})
}

// Rule 11: a Retry-After of any length is honoured, whatever call it answers,
// for its subscription alone, and by a resume too.
func TestRule11_TheCloudIsAskedSparingly_RetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	const long = 2 * time.Hour
	for name, row := range map[string]struct {
		kind   string
		status int
		after  time.Duration // since the beginning
		resume bool
	}{
		"429 to a listing":            {"list", 429, 0, false},
		"503 to a listing":            {"list", 503, 0, false},
		"503 to a poll":               {"list", 503, 5 * time.Minute, false},
		"429 to a poll":               {"list", 429, 5 * time.Minute, false},
		"429 to a poll, and a resume": {"list", 429, 5 * time.Minute, true},
		"429 to a check":              {"prereqs", 429, 0, false},
		"429 to a start":              {"upgrade", 429, 0, false},
		"429 to a start, and resume":  {"upgrade", 429, 0, true},
		"429 to a read of the target": {"target", 429, 10 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 6, 2, oneAtATime)
				var from time.Time
				n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
					if c.kind != row.kind || c.subscription != sub1 || !from.IsZero() ||
						time.Since(n.began) < row.after {
						return nil, nil
					}
					from = time.Now()
					return says(row.status, "text/plain", "later", "Retry-After", "7200"), nil
				}
				if row.resume {
					n.crash = func(p int) crash { return map[int]crash{0: {stopAt: 30 * time.Minute}}[p] }
				}
				n.finish()
				n.check(n.lastCode, nil)
				if from.IsZero() {
					t.Fatal("the call was never made")
				}
				next := time.Duration(1<<63 - 1)
				for _, c := range n.trace.calls {
					if c.subscription == sub1 && c.at.After(from) {
						next = min(next, c.at.Sub(from))
					}
				}
				if next < long || next > long+2*n.plan.Timings.Poll {
					t.Errorf("the subscription was asked again after %v", next)
				}
				if cs := n.sent(sub2+"/v01", 1); len(cs) == 1 && cs[0].at.Sub(n.began) > time.Hour {
					t.Errorf("the other subscription waited too: %v", cs[0].at.Sub(n.began))
				}
			})
		})
	}
}
