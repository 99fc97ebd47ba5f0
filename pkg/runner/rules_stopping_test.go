package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Rule 8: the troubles of some vaults keep no other from its upgrade, and are
// outcomes, not errors.
func TestRule08_OneVaultsTroubleNeverStopsTheOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		troubles := []emulator.Fault{
			{Kind: "blocked"}, {Kind: "start-refused"}, {Kind: "fails"}, {Kind: "failed-before"}, {Kind: "already"},
			{Kind: "target-exists"}, {Kind: "foreign", For: "30m", Ends: "Failed"}, {Kind: "vanished", After: "start"},
			{Kind: "busy", For: "9h"}, {Kind: "garbage"}, {Kind: "hang"},
			{Kind: "denied", Calls: []string{"upgrade"}, Times: 1},
			{Kind: "server-error", Calls: []string{"prereqs"}, Times: -1},
		}
		for i := range troubles {
			troubles[i].Vault = []string{"v00", "v01", "v02", "v03", "v04", "v05", "v06", "v07", "v08", "v09", "v10",
				"v11", "v12"}[i]
		}
		n := scene(t, 20, 1, nil, troubles...)
		n.ends(fleet.ExitFailures, fleet.Blocked, fleet.Failed, fleet.Failed, fleet.Failed, fleet.Already,
			fleet.Blocked, fleet.Blocked, fleet.Upgraded, fleet.Blocked, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded,
			fleet.Blocked,
			fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded,
			fleet.Upgraded)
	})
}

// Rule 8: a reading that fails when a start is being prepared is nobody's
// failure: the start is prepared again.
func TestRule08_OneVaultsTroubleNeverStopsTheOthers_AFailedReadingIsNoOutcome(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 401, 403, 404, 429, 503} { // 200: garbage
		inBubble(t, func(t *testing.T) {
			// The checks take longer than a reading serves.
			n := scene(t, 3, 1, nil, emulator.Fault{Kind: "slow", Rate: 1, Calls: []string{"prereqs"}, Delay: "40s"})
			failed := 0
			n.answer = func(_ *http.Request, c *call) (*http.Response, error) {
				if since := time.Since(n.began); c.kind == "list" && since > 0 && since < 4*time.Minute {
					failed++
					return says(status, "text/plain", "not now"), nil
				}
				return nil, nil
			}
			n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
			if failed == 0 {
				t.Error("no reading failed: the test proves nothing")
			}
		})
	}
}

// Rule 9: facts are on disk before anything depends on them: what a person is
// shown is what the journal says, no start of a wave goes out before the last
// upgrade of the wave before it is written down as verified, and no vault is
// verified before the end of its upgrade is written down.
func TestRule09_EveryStateChangeIsAFactBeforeAnythingDependsOnIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		waves := []plan.WaveSpec{{Name: "canary", Match: map[string]string{"ring": "0"}},
			{Name: "rest", CatchAll: true}}
		n := newNight(t, fleetOf(t, 6, 2, waves, nil),
			emulator.Scenario{Seed: 1, Duration: emulator.Duration{Min: "10m", Max: "30m"}})
		n.progress = func(st *rollout.State, events []fleet.Event) {
			// Intents are committed last: until then the rest is shown without them.
			said := n.state()
			for i := range st.Vaults {
				got, want := st.Vaults[i].Status, said.Vaults[i].Status
				if got != want && got != fleet.Validating && got != fleet.Starting {
					t.Errorf("%s is shown as %s, and the journal says %s", n.plan.Vaults[i].Ref(), got, want)
				}
			}
		}
		n.ends(fleet.ExitOK, fleet.Upgraded)
		written := map[string]map[string]int{} // fact → vault or wave → step
		for _, c := range n.trace.commits {
			for _, e := range c.events {
				if written[e.Fact.Name()] == nil {
					written[e.Fact.Name()] = map[string]int{}
				}
				switch f := e.Fact.(type) {
				case fleet.VaultFact:
					written[e.Fact.Name()][n.refs[f.VaultKey()]] = c.step
				case fleet.WaveDone:
					written[e.Fact.Name()][f.Wave] = c.step
				}
			}
		}
		for i := range n.plan.Vaults {
			v := &n.plan.Vaults[i]
			ref := name(v)
			if v.Wave == 0 && (written["Verified"][ref] == 0 ||
				written["Verified"][ref] > written["WaveDone"]["canary"]) {
				t.Errorf("the wave was closed before %s was verified", ref)
			}
			if c := n.trace.of("upgrade", ref)[0]; v.Wave == 1 && c.step < written["WaveDone"]["canary"] {
				t.Errorf("%s went out before the canary was done", c)
			}
			reads := n.trace.of("target", ref)
			if last := reads[len(reads)-1]; last.step < written["Observed"][ref] ||
				written["Verified"][ref] < last.doneStep {
				t.Errorf("%s was read at %d, its end written down at %d, verified at %d", ref, last.step,
					written["Observed"][ref], written["Verified"][ref])
			}
		}
	})
}

// Rule 10: the first signal starts nothing new, finishes the starts that are
// out, writes their answers down and leaves with exit 5; upgrades are not
// awaited.
func TestRule10_StoppingIsSafeAtAnyInstant_TheFirstSignal(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		n := scene(t, 6, 1, nil, emulator.Fault{Kind: "slow", Rate: 1, Calls: []string{"upgrade"}, Delay: "40s"})
		const signal = 20 * time.Second
		n.crash = func(p int) crash { return map[int]crash{0: {stopAt: signal}}[p] }
		code, err := n.process()
		if code != fleet.ExitInterrupted || err != nil {
			t.Fatalf("exit %d, %v", code, err)
		}
		if left := time.Since(n.began); left < 40*time.Second || left > 45*time.Second {
			t.Errorf("the process left after %v", left)
		}
		answers, _ := facts[fleet.StartAnswered](n)
		if cs := n.trace.starts(); len(cs) != 2 || len(answers) != 2 {
			t.Errorf("%d starts went out, %d answers are written down", len(cs), len(answers))
		}
		if s := n.state().Run.Suspended; s == nil || s.Why != fleet.SuspendedSignal || s.Code != fleet.ExitInterrupted {
			t.Errorf("the journal says %+v", s)
		}
		for _, c := range n.trace.calls {
			if c.kind != "list" && c.at.Sub(n.began) > signal {
				t.Errorf("%s went out after the signal", c)
			}
		}
		n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded,
			fleet.Upgraded)
	})
}

// Rule 10: an intent that a signal overtakes is written down as not sent.
func TestRule10_StoppingIsSafeAtAnyInstant_NotSentIsWrittenDown(t *testing.T) {
	t.Parallel()
	for after := time.Duration(0); after <= 40*time.Second; after += time.Second {
		inBubble(t, func(t *testing.T) {
			n := scene(t, 2, 1, nil)
			n.disk = slowly
			n.crash = func(p int) crash { return map[int]crash{0: {stopAt: after + time.Millisecond}}[p] }
			if code, err := n.process(); code != fleet.ExitInterrupted || err != nil {
				t.Fatalf("exit %d, %v", code, err)
			}
			for _, c := range n.trace.starts() {
				if c.at.Sub(n.began) > after {
					t.Errorf("%s went out after the signal at %v", c, after)
				}
			}
			if st := n.state(); st.Totals.Of(fleet.Starting)+st.Totals.Of(fleet.Unknown) > 0 {
				t.Errorf("a signal at %v left a start in doubt: %s", after, strings.Join(n.story(), "\n"))
			}
			n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded)
		})
	}
}

// Rule 10: a process that is gone from one instant to the next loses nothing
// but work not begun, whenever that is.
func TestRule10_StoppingIsSafeAtAnyInstant_AnAbruptEnd(t *testing.T) {
	t.Parallel()
	for at := time.Duration(0); at < 30*time.Minute; at += 97 * time.Second {
		inBubble(t, func(t *testing.T) {
			n := scene(t, 4, 2, oneAtATime,
				emulator.Fault{Kind: "slow", Rate: 0.7, Calls: []string{"upgrade"}, Delay: "95s"})
			var gone context.CancelFunc
			n.ctx, gone = context.WithTimeout(t.Context(), at)
			defer gone()
			if code, err := n.process(); code != fleet.ExitInterrupted || err != nil {
				t.Fatalf("exit %d, %v", code, err)
			}
			n.ctx = t.Context()
			n.ends(fleet.ExitOK, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded, fleet.Upgraded)
			for i := range 4 {
				if v := n.vault(i); v.Attempt > 1 {
					t.Errorf("%s was sent %d times", n.plan.Vaults[i].Ref(), v.Attempt)
				}
			}
		})
	}
}

// secret looks as tokens do.
const secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJmbGVldHVwIn0.c2VjcmV0LXNpZ25hdHVyZQ"

type signIn struct{ err error }

func (s signIn) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: secret, ExpiresOn: time.Now().Add(24 * time.Hour)}, s.err
}

// Rule 13: the token is in nothing that is kept or shown, even where the cloud
// or the sign-in throws it back.
func TestRule13_NoSecret(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		signIn error
		throw  string // the kind of call that is answered with the token
		status int
		code   fleet.ExitCode
	}{
		"a good night":                {nil, "", 0, fleet.ExitOK},
		"a refused start":             {nil, "upgrade", 400, fleet.ExitFailures},
		"a start in doubt":            {nil, "upgrade", 500, fleet.ExitOK},
		"a check":                     {nil, "prereqs", 400, fleet.ExitNotUpgraded},
		"a listing":                   {nil, "list", 401, fleet.ExitSignIn},
		"the sign-in's own complaint": {errors.New("no: " + secret), "", 0, fleet.ExitSignIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				n := scene(t, 2, 1, nil)
				sent := false
				n.sides = func(o *azure.Options) {
					o.Cloud = fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "https://sm.contoso.example",
						ResourceManager: "https://rm.contoso.example"}
					o.NewCredential = func(fleet.CredentialKind, string) (azcore.TokenCredential,
						error) {
						return signIn{row.signIn}, nil
					}
				}
				n.answer = func(req *http.Request, c *call) (*http.Response, error) {
					auth := req.Header.Get("Authorization")
					sent = sent || auth == "Bearer "+secret
					if c.kind != row.throw {
						return nil, nil
					}
					return says(row.status, "text/plain", "you said "+auth, "x-ms-request-id", auth), nil
				}
				code, err := n.process()
				if row.signIn == nil && !sent {
					t.Error("the token was never used: the test proves nothing")
				}
				if row.status != 500 && code != row.code || err != nil {
					t.Errorf("exit %d, %v", code, err)
				}
				kept, jerr := json.Marshal(n.journal())
				if jerr != nil {
					t.Fatal(jerr)
				}
				var records []fleet.VaultRecord
				if err := n.ledger.VaultRecords(func(r fleet.VaultRecord) error {
					records = append(records,
						r)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				beside, jerr := json.Marshal(records)
				if jerr != nil {
					t.Fatal(jerr)
				}
				for what, text := range map[string]string{"journal": string(kept), "records": string(beside)} {
					if strings.Contains(text, secret) || strings.Contains(text, secret[:30]) {
						t.Errorf("the token is in the %s: %s", what, text)
					}
				}
			})
		})
	}
}
