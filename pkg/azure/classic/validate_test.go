package classic

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func record(state fleet.UpgradeState, op string) *fleet.Record {
	return &fleet.Record{OperationID: op, State: state, Message: "disk full", Trigger: "UserTriggered"}
}

func TestValidateReady(t *testing.T) {
	t.Parallel()
	f, l := newFakeCloud(t), &turns{}
	got := f.paced(l).Validate(t.Context(), testVault(), seen(nil), true, nil)
	if got.Verdict != fleet.VerdictReady || len(got.Findings) != 0 {
		t.Fatalf("got %+v", got)
	}
	var order []string
	for _, s := range f.sent {
		order = append(order, s.line)
	}
	if want := []string{subURL, rsURL, srURL, featureURL, groupURL, targetURL, prereqURL}; !slices.Equal(order, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
	}
	if l.n != len(f.sent) {
		t.Errorf("%d turns for %d requests", l.n, len(f.sent))
	}
	p := f.last(prereqURL)
	if want :=
		`<ResourceUpgradeInput xmlns="http://schemas.microsoft.com/windowsazure"><NewResourcePath>/subscriptions/` +
			sub +
			`/resourceGroups/Contoso(RG)/providers/Microsoft.RecoveryServices/Vaults/Vault Two</NewResourcePath></ResourceUpgradeInput>`; p.body != want {
		t.Errorf("body %s", p.body)
	}
	wantUpgradeHeaders(t, p.header)
	if got := f.last(subURL).header; got.Get("Accept") != "application/json" || got.Get("x-ms-version") != "" ||
		got.Get("x-ms-client-request-id") == "" {
		t.Errorf("ARM headers %v", got)
	}
}

func TestValidateRecordsDecide(t *testing.T) {
	t.Parallel()
	forced := record(fleet.RecordUpgraded, opOld)
	forced.Trigger = fleet.TriggerForced
	for _, tt := range []struct {
		name      string
		rec       *fleet.Record
		disregard []string
		verdict   fleet.Verdict
		codes     string
		words     string
		calls     bool
	}{
		{"upgraded", record(fleet.RecordUpgraded, opOld), nil, fleet.VerdictAlready, "info:already-upgraded", opOld,
			false},
		{"upgraded by Microsoft", forced, nil, fleet.VerdictAlready, "info:already-upgraded", "Microsoft started",
			false},
		{"in progress", record(fleet.RecordInProgress, opOld), nil, fleet.VerdictUpgrading, "", "", false},
		{"unknown", record(fleet.RecordUnknown, opOld), []string{opOld}, fleet.VerdictUpgrading, "", "", false},
		{"failed", record(fleet.RecordFailed, opOld), []string{opOur}, fleet.VerdictFailed, "error:upgrade-failed",
			"disk full (operation " + opOld, false},
		{"failed and re-opened", record(fleet.RecordFailed, opOld), []string{opOur, strings.ToUpper(opOld)},
			fleet.VerdictReady, "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeCloud(t)
			got := f.upgrader(nil).Validate(t.Context(), testVault(), seen(tt.rec), true, tt.disregard)
			if got.Verdict != tt.verdict || codes(got.Findings) != tt.codes || got.Record != tt.rec {
				t.Errorf("got %+v", got)
			}
			if got.Verdict == fleet.VerdictFailed && (tt.rec.Message == "" || got.Findings[0].Said != tt.rec.Message) {
				t.Errorf("the cloud says %q, not %q", tt.rec.Message, got.Findings[0].Said)
			}
			if tt.words != "" && !strings.Contains(got.Findings[0].Message, tt.words) {
				t.Errorf("message %q lacks %q", got.Findings[0].Message, tt.words)
			}
			if (len(f.sent) > 0) != tt.calls {
				t.Errorf("%d requests", len(f.sent))
			}
		})
	}
}

// One deviation from the good cloud each, and what becomes of it.
func TestValidateFindings(t *testing.T) {
	t.Parallel()
	set := func(url string, status int, body string) func(*fakeCloud, *fleet.Vault) {
		return func(f *fakeCloud, _ *fleet.Vault) { f.set(url, status, body) }
	}
	warning := reason("Warning", "BillingConversion", "billing changes", "")
	tests := []struct {
		name    string
		change  func(*fakeCloud, *fleet.Vault)
		verdict fleet.Verdict
		codes   string
		words   string // in the first finding's message or action
	}{
		{"subscription disabled", set(subURL, 200, `{"state":"Disabled"}`), fleet.VerdictBlocked,
			"error:subscription-not-usable", `"Disabled"`},
		{"subscription gone", func(f *fakeCloud, _ *fleet.Vault) {
			for _, url := range []string{subURL, rsURL, srURL, featureURL, groupURL, targetURL} {
				f.set(url, 404, `{"error":{"code":"SubscriptionNotFound"}}`)
			}
		}, fleet.VerdictBlocked, "error:subscription-not-usable", "knows no subscription"},
		{"CSP", set(subURL, 200, `{"state":"Enabled","subscriptionPolicies":{"quotaId":"CSP_2015-05-01"}}`),
			fleet.VerdictBlocked, "error:csp-subscription", "CSP_2015"},
		{"provider not registered", set(rsURL, 200, `{"registrationState":"NotRegistered"}`), fleet.VerdictBlocked,
			"error:provider-not-registered", "az provider register --namespace Microsoft.RecoveryServices"},
		{"other provider unknown", set(srURL, 404, absent), fleet.VerdictBlocked, "error:provider-not-registered",
			"az provider register --namespace Microsoft.SiteRecovery"},
		{"provider registering", set(srURL, 200, `{"registrationState":"Registering"}`), fleet.VerdictBusy,
			"error:provider-not-registered", "Registering"},
		{"provider pending", set(rsURL, 200, `{"registrationState":"Pending"}`), fleet.VerdictBusy,
			"error:provider-not-registered", "Pending"},
		{"feature not registered", set(featureURL, 200, `{"properties":{"state":"NotRegistered"}}`),
			fleet.VerdictBlocked, "error:upgrade-not-enabled", "VaultUpgrade"},
		{"feature unknown", set(featureURL, 404, absent), fleet.VerdictBlocked, "error:upgrade-not-enabled",
			"az feature register"},
		{"group missing", set(groupURL, 404, absent), fleet.VerdictBlocked, "error:resource-group-missing",
			"Contoso(RG)"},
		{"group to be created", func(f *fakeCloud,
			v *fleet.Vault) {
			f.set(groupURL, 404, absent)
			v.CreateResourceGroup = true
		},
			fleet.VerdictReady, "info:resource-group-will-be-created", "Contoso(RG)"},
		{"target exists", set(targetURL, 200, targetJSON("Succeeded", "", "")), fleet.VerdictBlocked,
			"error:target-exists", "Succeeded"},
		{"target of another upgrade", set(targetURL, 200, targetJSON("Succeeded", opOld, "Upgraded")),
			fleet.VerdictBlocked, "error:target-exists", ""},
		{"target in the making", set(targetURL, 200, targetJSON("Provisioning", opOld, "InProgress")),
			fleet.VerdictBusy, "error:upgrade-in-progress", "under way or broke off"},
		{"old agents", set(prereqURL, 400,
			errorXML("Prereq", "see details", reason("Error", "OldAgent", "Machines: web01;2.0.8|sql01;2.0.7", ""))),
			fleet.VerdictBlocked, "error:OldAgent", "retention"},
		{"all reasons", set(prereqURL, 412,
			errorXML("Prereq", "", reason("Error", "A", "a", "do")+warning+reason("Error", "C", "c", "do"))),
			fleet.VerdictBlocked, "error:A warning:BillingConversion error:C", ""},
		{"reasons under a 500", set(prereqURL, 500, errorXML("Prereq", "", reason("Error", "A", "a", "do"))),
			fleet.VerdictBlocked, "error:A", ""},
		{"reasons under a 200", set(prereqURL, 200, errorXML("Prereq", "", reason("Error", "A", "a", "do"))),
			fleet.VerdictBlocked, "error:A", ""},
		{"warning without consent", set(prereqURL, 400, errorXML("P", "", warning)), fleet.VerdictBlocked,
			"warning:BillingConversion info:warnings-not-accepted", ""},
		{"warning with consent", func(f *fakeCloud, v *fleet.Vault) {
			f.set(prereqURL, 400, errorXML("P", "", warning))
			v.AcceptWarnings = true
		},
			fleet.VerdictReady, "warning:BillingConversion", "billing changes"},
		{"consent lifts no error", func(f *fakeCloud, v *fleet.Vault) {
			f.set(prereqURL, 400, errorXML("P", "", warning+reason("Error", "A", "a", "")))
			v.AcceptWarnings = true
		}, fleet.VerdictBlocked, "warning:BillingConversion error:A", ""},
		{"shape 2", set(prereqURL, 400, errorXML("VaultBad", "it is bad", "")), fleet.VerdictBlocked, "error:VaultBad",
			"it is bad"},
		{"shape 3",
			set(prereqURL, 400,
				`<E xmlns="http://schemas.microsoft.com/wars"><ErrorCode>W1</ErrorCode><Message>refused</Message></E>`),
			fleet.VerdictBlocked, "error:W1", "refused"},
		{"prerequisites 401", set(prereqURL, 401, ""), fleet.VerdictDenied, "error:not-signed-in",
			"Sign in again for the Service Management side"},
		{"prerequisites 403", set(prereqURL, 403, errorXML("Forbidden", "no", "")), fleet.VerdictBlocked,
			"error:no-permission", "co-administrator"},
		{"prerequisites 404", set(prereqURL, 404, ""), fleet.VerdictBlocked, "error:vault-not-found", "still exists"},
		{"prerequisites 409", set(prereqURL, 409, errorXML("Conflict", "a job runs", "")), fleet.VerdictBusy,
			"error:operation-in-progress", "a job runs"},
		{"prerequisites 429", set(prereqURL, 429, ""), fleet.VerdictThrottled, "error:throttled", ""},
		{"prerequisites 503", set(prereqURL, 503, "<html>"), fleet.VerdictBusy, "error:unreachable", "<html>"},
		{"prerequisites 500 of shape 2", set(prereqURL, 500, errorXML("Internal", "oops", "")), fleet.VerdictBusy,
			"error:unreachable", "oops"},
		{"prerequisites lost", func(f *fakeCloud,
			_ *fleet.Vault) {
			f.routes[prereqURL] = reply{err: io.ErrUnexpectedEOF}
		}, fleet.VerdictBusy, "error:unreachable", ""},
		{"prerequisites a web page", set(prereqURL, 400, "<html>no"), fleet.VerdictBusy, "error:unreadable-answer",
			"<html>no"},
		{"prerequisites empty", set(prereqURL, 200, ""), fleet.VerdictBusy, "error:unreadable-answer", "empty body"},
		{"prerequisites an empty error", set(prereqURL, 200, `<Error `+xmlNS+`/>`), fleet.VerdictBusy,
			"error:unreadable-answer", ""},
		{"prerequisites nil of another kind", set(prereqURL, 200, `<Other i:nil="true" `+xmlNS+`/>`), fleet.VerdictBusy,
			"error:unreadable-answer", ""},
		{"prerequisites met under another 2xx", set(prereqURL, 202, allMet), fleet.VerdictBusy,
			"error:unreadable-answer", ""},
		{"ARM 401", set(subURL, 401, `{"error":{"code":"ExpiredToken","message":"old"}}`), fleet.VerdictDenied,
			"error:not-signed-in", "ExpiredToken: old"},
		{"ARM 403", set(groupURL, 403, `{"error":{"code":"AuthorizationFailed","message":"no"}}`), fleet.VerdictBlocked,
			"error:no-permission", "Reader"},
		{"ARM 503 that names a time", func(f *fakeCloud, _ *fleet.Vault) {
			f.routes[targetURL] = reply{status: 503, header: map[string]string{"Retry-After": "90"}}
		}, fleet.VerdictThrottled, "error:throttled", ""},
		{"ARM 429", func(f *fakeCloud, _ *fleet.Vault) {
			f.routes[targetURL] = reply{status: 429, header: map[string]string{"Retry-After": "90"}}
		}, fleet.VerdictThrottled, "error:throttled", ""},
		{"ARM 500", set(rsURL, 500, ""), fleet.VerdictBusy, "error:unreachable", ""},
		{"ARM 400", set(featureURL, 400, `{"error":{"code":"BadVersion","message":"no such version"}}`),
			fleet.VerdictBlocked, "error:BadVersion", "no such version"},
		{"ARM no JSON", set(groupURL, 200, "<html>"), fleet.VerdictBusy, "error:unreadable-answer", ""},
		{"target 404 without a word", set(targetURL, 404, ``), fleet.VerdictBusy, "error:unreadable-answer",
			"none of the Resource Manager's"},
		{"group 404 from a proxy", set(groupURL, 404, `{"message":"no route"}`), fleet.VerdictBusy,
			"error:unreadable-answer", "none of the Resource Manager's"},
		{"target 404 from a gateway", func(f *fakeCloud, _ *fleet.Vault) {
			f.routes[targetURL] = reply{status: 404, body: "<html>",
				header: map[string]string{"Content-Type": "text/html"}}
		}, fleet.VerdictBusy, "error:unreadable-answer", "none of the Resource Manager's"},
		{"an error outweighs an unreachable check",
			func(f *fakeCloud, _ *fleet.Vault) { f.set(rsURL, 500, ""); f.set(groupURL, 404, absent) },
			fleet.VerdictBlocked, "error:unreachable error:resource-group-missing", ""},
		{"everything together", func(f *fakeCloud, _ *fleet.Vault) {
			f.set(subURL, 200, `{"state":"Disabled","subscriptionPolicies":{"quotaId":"CSP_1"}}`)
			f.set(rsURL, 200, `{"registrationState":"NotRegistered"}`)
			f.set(srURL, 200, `{}`)
			f.set(featureURL, 404, absent)
			f.set(groupURL, 404, absent)
			f.set(targetURL, 200, targetJSON("Failed", "", ""))
			f.set(prereqURL, 400, errorXML("P", "", reason("Error", "A", "a", "")))
		}, fleet.VerdictBlocked,
			"error:subscription-not-usable error:csp-subscription error:provider-not-registered " +
				"error:provider-not-registered " +
				"error:upgrade-not-enabled error:resource-group-missing error:target-exists error:A", ""},
		{"bad group name, and the rest still asked", func(f *fakeCloud, v *fleet.Vault) {
			v.TargetResourceGroup = "bad/name"
			f.set(prereqURL, 400, errorXML("P", "", reason("Error", "A", "a", "")))
		}, fleet.VerdictBlocked, "error:resource-group-name error:A", ""},
		{"bad type and GUID", func(_ *fakeCloud, v *fleet.Vault) { v.SubscriptionID, v.ResourceType = "x", "Y" },
			fleet.VerdictBlocked, "error:subscription-not-usable error:resource-type", "GUID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, v := newFakeCloud(t), testVault()
				tt.change(f, v)
				got := f.upgrader(nil).Validate(t.Context(), v, seen(nil), true, nil)
				if got.Verdict != tt.verdict || codes(got.Findings) != tt.codes {
					t.Fatalf("got %s: %s\n%+v", got.Verdict, codes(got.Findings), got.Findings)
				}
				if tt.words != "" && !strings.Contains(got.Findings[0].Message+" "+got.Findings[0].Action, tt.words) {
					t.Errorf("%+v lacks %q", got.Findings[0], tt.words)
				}
				if n := f.count(prereqURL); tt.name == "reasons under a 500" && n != 1 {
					t.Errorf("reasons are an answer, and were asked for %d times", n)
				}
				for _, fd := range got.Findings {
					if fd.Message == "" || fd.Severity != fleet.SeverityInfo && fd.Action == "" {
						t.Errorf("%+v does not say what happened or what to do", fd)
					}
				}
				if tt.name == "ARM 429" && got.RetryAfter != 90*time.Second {
					t.Errorf("RetryAfter %v", got.RetryAfter)
				}
			})
		})
	}
}

func TestValidateNotListed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		target  reply
		verdict fleet.Verdict
		codes   string
	}{
		{"nowhere", armNotFound(), fleet.VerdictBlocked, "error:vault-not-found"},
		{"upgraded away", reply{status: 200, body: targetJSON("Succeeded", opOld, "Upgraded")}, fleet.VerdictAlready,
			"info:already-upgraded"},
		{"target is somebody's", reply{status: 200, body: targetJSON("Succeeded", "", "")}, fleet.VerdictBlocked,
			"error:vault-not-found"},
		{"target unreadable", reply{status: 500}, fleet.VerdictBusy, "error:unreachable"},
		{"target forbidden", reply{status: 403}, fleet.VerdictBlocked, "error:no-permission error:vault-not-found"},
		{"not signed in", reply{status: 401}, fleet.VerdictDenied, "error:not-signed-in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.routes[targetURL] = tt.target
				got := f.upgrader(nil).Validate(t.Context(), testVault(), fleet.Sighting{}, false, nil)
				if got.Verdict != tt.verdict || codes(got.Findings) != tt.codes {
					t.Errorf("got %s: %s", got.Verdict, codes(got.Findings))
				}
				if n := f.count(prereqURL); n != 0 {
					t.Errorf("asked the service %d times about a vault it does not list", n)
				}
				if tt.verdict == fleet.VerdictAlready && (got.Record == nil || got.Record.OperationID != opOld) {
					t.Errorf("record %+v", got.Record)
				}
			})
		})
	}
}

func TestValidateReopenedWithHalfMadeTarget(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(targetURL, 200, targetJSON("Provisioning", opOld, "Failed"))
	got := f.upgrader(nil).Validate(t.Context(), testVault(), seen(record(fleet.RecordFailed, opOld)), true,
		[]string{opOld})
	if got.Verdict != fleet.VerdictReady || codes(got.Findings) != "info:target-exists" {
		t.Errorf("got %s: %s", got.Verdict, codes(got.Findings))
	}
}

func TestValidateWithoutAddress(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	got := f.upgrader(nil).Validate(t.Context(), testVault(), fleet.Sighting{}, true, nil)
	if got.Verdict != fleet.VerdictBusy || codes(got.Findings) != "error:unreadable-answer" {
		t.Errorf("got %s: %s", got.Verdict, codes(got.Findings))
	}
}

func TestAllowCSP(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(subURL, 200, `{"state":"Enabled","subscriptionPolicies":{"quotaId":"CSP_2015-05-01"}}`)
	got := f.upgrader(func(o *Options) { o.AllowCSP = true }).Validate(t.Context(), testVault(), seen(nil), true, nil)
	if got.Verdict != fleet.VerdictReady || codes(got.Findings) != "info:csp-subscription" {
		t.Errorf("got %s: %s", got.Verdict, codes(got.Findings))
	}
}

func TestSubscriptionAnswersAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCloud(t)
		u := f.upgrader(nil)
		validate := func() fleet.Validation { return u.Validate(t.Context(), testVault(), seen(nil), true, nil) }
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := validate(); got.Verdict != fleet.VerdictReady {
					t.Errorf("got %+v", got)
				}
			})
		}
		wg.Wait()
		for _, url := range []string{subURL, rsURL, srURL, featureURL, groupURL} {
			if n := f.count(url); n != 1 {
				t.Errorf("%s asked %d times", url, n)
			}
		}
		if n := f.count(prereqURL); n != 50 {
			t.Errorf("prerequisites asked %d times", n)
		}
		time.Sleep(defaultSharedMaxAge + time.Second)
		validate()
		if n := f.count(subURL); n != 2 {
			t.Errorf("after its age: asked %d times", n)
		}
	})
}

// What failed, or passes by itself, must not be remembered; a definite "no" is.
func TestSharedAnswersThatAreNotKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		keep   bool
	}{
		"unreachable": {500, "", false}, "registering": {200, `{"registrationState":"Registering"}`, false},
		"forbidden":      {403, "", false},
		"not registered": {200, `{"registrationState":"NotRegistered"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCloud(t)
				f.set(rsURL, tt.status, tt.body)
				u := f.upgrader(nil)
				u.Validate(t.Context(), testVault(), seen(nil), true, nil)
				f.set(rsURL, 200, `{"registrationState":"Registered"}`)
				got := u.Validate(t.Context(), testVault(), seen(nil), true, nil)
				if kept := got.Verdict != fleet.VerdictReady; kept != tt.keep {
					t.Errorf("kept=%v, second verdict %s", kept, got.Verdict)
				}
			})
		})
	}
}

// The service may ask every machine: its check gets more time than a read.
func TestPrereqTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCloud(t)
		left := map[string]time.Duration{}
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if at, ok := r.Context().Deadline(); ok {
				left[r.Method+" "+r.URL.RequestURI()] = time.Until(at)
			}
			return f.RoundTrip(r)
		})
		newUpgrader(t, "http://127.0.0.1:1", rt, nil, nil).Validate(t.Context(), testVault(), seen(nil), true, nil)
		if left[prereqURL] != 100*time.Second || left[targetURL] != time.Minute {
			t.Errorf("prerequisites %v, target %v", left[prereqURL], left[targetURL])
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A vault whose validation is cancelled must not fail those that wait for the
// same answers.
func TestCancelledValidationFailsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCloud(t)
		open := make(chan struct{})
		u := f.paced(gate{open})
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := u.Validate(first, testVault(), seen(nil), true, nil); got.Verdict != fleet.VerdictBusy {
				t.Errorf("the cancelled one got %s", got.Verdict)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if got := u.Validate(t.Context(), testVault(), seen(nil), true, nil); got.Verdict != fleet.VerdictReady {
				t.Errorf("the other got %s: %+v", got.Verdict, got.Findings)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(open)
		wg.Wait()
	})
}

// gate is a pacer that lets nothing out until it is open.
type gate struct{ open chan struct{} }

func (gate) Told(string, fleet.RateLimitClass, fleet.RateLimitAnswer) {}

func (g gate) Wait(ctx context.Context, _ string, _ fleet.RateLimitClass) error {
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("no turn"), ctx.Err())
	}
}

// absent is a 404 of the Resource Manager, as it answers for what is not there.
const absent = `{"error":{"code":"ResourceNotFound","message":"none"}}`
