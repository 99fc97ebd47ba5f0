package arm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// judged is the test's change with something to judge, and a state that is enough.
func judged() Change {
	c := testChange()
	c.Enough = func(_ fleet.Options, s State) string {
		if strings.Contains(string(s["settings"]), "Better") {
			return "it is better than that"
		}
		return ""
	}
	c.Judge = func(_ fleet.Options, s State) []fleet.Finding {
		if strings.Contains(string(s["settings"]), "Odd") {
			return []fleet.Finding{{Severity: fleet.SeverityError, Code: "odd-mode", Message: "it is odd",
				Action: "Mend it."}}
		}
		return nil
	}
	c.Check = func(_ context.Context, _ *Upgrader, _ *fleet.Vault, res *Resource, r *check.Report) {
		r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Code: "looked", Message: res.Name}, "")
	}
	return c
}

func locks(levels ...string) reply {
	var items []string
	for _, l := range levels {
		items = append(items, `{"id":"/x","name":"keep","properties":{"level":"`+l+`","notes":"until Monday"}}`)
	}
	return ok(`{"value":[` + strings.Join(items, ",") + `]}`)
}

// TestValidate: every verdict, with all that was found, and what it cost.
func TestValidate(t *testing.T) {
	t.Parallel()
	with := func(mode, state string) string {
		return `{"settings":{"mode":"` + mode + `"},"provisioningState":"` + state + `"}`
	}
	for name, tt := range map[string]struct {
		properties string
		locks      reply
		location   string
		want       fleet.Verdict
		codes      []string
		says       string
		reads      int // besides the vault
	}{
		"ready": {properties: asWas, want: fleet.VerdictReady, codes: []string{"looked"}, reads: 1},
		"already": {properties: asIs, want: fleet.VerdictAlready, codes: []string{fleet.CodeAlready},
			says: "as the upgrade would make it: nothing is sent"},
		"enough": {properties: with("Better", "Succeeded"), want: fleet.VerdictAlready,
			codes: []string{fleet.CodeAlready}, says: "it is better than that: nothing is sent"},
		"already, elsewhere": {properties: asIs, location: "West US", want: fleet.VerdictAlready,
			codes: []string{fleet.CodeAlready}},
		"judged": {properties: with("Odd", "Succeeded"), want: fleet.VerdictBlocked,
			codes: []string{"odd-mode"}},
		"busy": {properties: with("Off", "Updating"), want: fleet.VerdictBusy,
			codes: []string{fleet.CodeBusy, "looked"}, says: "Updating", reads: 1},
		"a new key vault": {properties: with("Off", "RegisteringDns"), want: fleet.VerdictBusy,
			codes: []string{fleet.CodeBusy, "looked"}, says: "RegisteringDns", reads: 1},
		"as wanted, but busy": {properties: with("On", "Updating"), want: fleet.VerdictBusy,
			codes: []string{fleet.CodeBusy, "looked"}, reads: 1},
		"broken": {properties: with("Off", "Failed"), want: fleet.VerdictBlocked,
			codes: []string{codeProvisioning}},
		"as wanted, broken": {properties: with("On", "Failed"), want: fleet.VerdictBlocked,
			codes: []string{codeProvisioning}},
		"settings that are no object": {properties: `{"settings":"Off","provisioningState":"Succeeded"}`,
			want: fleet.VerdictBlocked, codes: []string{codeMisshapen},
			says: "settings is Off, a text where an object was expected"},
		"settings that are a list": {properties: `{"settings":[{"mode":"Off"}]}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: `a list where an object was expected`},
		"a mode that is an object": {properties: `{"settings":{"mode":{"state":"Off"}}}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: "settings.mode is {\"state\":\"Off\"}, an object where a text"},
		"a mode that is true": {properties: `{"settings":{"mode":true}}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: "settings.mode is true, true or false where a text was expected"},
		"settings in another case": {properties: `{"Settings":{"mode":"On"}}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: "settings is spelt Settings"},
		"a mode in another case": {properties: `{"settings":{"Mode":"On"}}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: "settings.mode is spelt Mode"},
		"enough, but no object": {properties: `{"settings":"Better"}`, want: fleet.VerdictBlocked,
			codes: []string{codeMisshapen}, says: "settings is Better"},
		"elsewhere": {properties: asWas, location: "West US", want: fleet.VerdictBlocked,
			codes: []string{codeElsewhere}, says: "is in australiaeast, and the inventory says West US"},
		"all at once": {properties: with("Odd", "Failed"), location: "West US", want: fleet.VerdictBlocked,
			codes: []string{codeElsewhere, codeProvisioning, "odd-mode"}},
		"locked": {properties: asWas, locks: locks("CanNotDelete", "readonly"), want: fleet.VerdictBlocked,
			codes: []string{codeLocked, "looked"}, says: "keep (until Monday)", reads: 1},
		"undeletable": {properties: asWas, locks: locks("CanNotDelete"), want: fleet.VerdictReady,
			codes: []string{"looked"}, reads: 1},
		"no such list": {properties: asWas, locks: refused(404, "ResourceNotFound"), want: fleet.VerdictReady,
			codes: []string{"looked"}, reads: 1},
		"locks forbidden": {properties: asWas, locks: refused(403, "AuthorizationFailed"), want: fleet.VerdictBlocked,
			codes: []string{fleet.CodeNoPermission, "looked"}, reads: 1},
		"not signed in": {properties: asWas, locks: refused(401, "ExpiredAuthenticationToken"),
			want: fleet.VerdictDenied, codes: []string{fleet.CodeNotSignedIn}, reads: 1},
		"throttled": {properties: asWas, locks: refused(429, "TooManyRequests").with("Retry-After", "60"),
			want: fleet.VerdictThrottled, codes: []string{fleet.CodeThrottled}, reads: 1},
		"garbled": {properties: asWas, locks: ok("<html>"), want: fleet.VerdictBusy,
			codes: []string{fleet.CodeGarbled, "looked"}, reads: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, ok(vaultJSON(tt.properties)))
			if tt.locks.status != 0 {
				f.on("GET", locksURL, tt.locks)
			}
			v := testVault()
			if tt.location != "" {
				v.Location = tt.location
			}
			u := f.upgrader(judged())
			seen := u.seen(t)
			got := u.Validate(t.Context(), v, seen, true, nil)
			var codes []string
			all := ""
			for _, fd := range got.Findings {
				codes = append(codes, fd.Code)
				all += fd.Message + "\n"
				if fd.Severity == fleet.SeverityError && fd.Action == "" {
					t.Errorf("%s, and nothing to do next", fd.Code)
				}
			}
			if got.Verdict != tt.want || !slices.Equal(codes, tt.codes) || !strings.Contains(all, tt.says) {
				t.Errorf("%s, %v:\n%s", got.Verdict, codes, all)
			}
			if string(got.State) != string(seen.State) {
				t.Errorf("state %s, seen %s", got.State, seen.State)
			}
			if n := len(f.came("GET")) - 1; n != tt.reads {
				t.Errorf("%d reads more, want %d", n, tt.reads)
			}
			if got.Verdict == fleet.VerdictThrottled && got.RetryAfter != time.Minute {
				t.Errorf("to be asked again in %v", got.RetryAfter)
			}
		})
	}
}

// TestValidateAbsent: a vault that is not there, and one of which only an
// operation was seen.
func TestValidateAbsent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	u := f.upgrader(testChange())
	got := u.Validate(t.Context(), testVault(), fleet.Sighting{}, false, nil)
	if got.Verdict != fleet.VerdictBlocked || len(got.Findings) != 1 || got.Findings[0].Code != fleet.CodeNotFound ||
		!strings.Contains(got.Findings[0].Message, vaultID) {
		t.Errorf("got %+v", got)
	}
	got = u.Validate(t.Context(), testVault(), fleet.Sighting{Record: &fleet.Record{}}, true, nil)
	if got.Verdict != fleet.VerdictReady || f.count(vaultURL) != 1 {
		t.Errorf("an operation was seen: %+v after %d reads", got, f.count(vaultURL))
	}
	f.on("GET", vaultURL, refused(404, "ResourceNotFound"))
	if got := u.Validate(t.Context(), testVault(), fleet.Sighting{}, true, nil); got.Verdict != fleet.VerdictBlocked ||
		got.Findings[0].Code != fleet.CodeNotFound {
		t.Errorf("gone meanwhile: %+v", got)
	}
	f.on("GET", vaultURL, refused(401, "ExpiredAuthenticationToken"))
	if got := u.Validate(t.Context(), testVault(), fleet.Sighting{}, true, nil); got.Verdict != fleet.VerdictDenied {
		t.Errorf("signed out meanwhile: %+v", got)
	}
}

// TestValidateRollback: what nothing is recorded of cannot be put back.
func TestValidateRollback(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	u := f.upgrader(Rollback(testChange(), nil, nil))
	v := testVault()
	if got := u.Validate(t.Context(), v, u.seen(t), true, nil); got.Verdict != fleet.VerdictBlocked ||
		got.Findings[0].Code != codeNotRecorded {
		t.Errorf("got %+v", got)
	}
	v.Restore = []byte(`{"properties":{"settings":{"mode":"Off"}}}`)
	if got := u.Validate(t.Context(), v, u.seen(t), true, nil); got.Verdict != fleet.VerdictAlready {
		t.Errorf("as it was before: %+v", got)
	}
	v.Restore = []byte(`{"properties":{"settings":{"mode":"Half"}}}`)
	if got := u.Validate(t.Context(), v, u.seen(t), true, nil); got.Verdict != fleet.VerdictReady {
		t.Errorf("changed: %+v", got)
	}
}

// TestSharedAnswers: one call for many vaults, and a failed one is not kept.
func TestSharedAnswers(t *testing.T) {
	t.Parallel()
	u := newFake(t).upgrader(testChange())
	asked := 0
	let := make(chan struct{})
	var wg sync.WaitGroup
	ask := func(context.Context) (any, error) {
		asked++
		<-let
		return "answer", nil
	}
	for range 5 {
		wg.Go(func() {
			if got, err := u.Shared(t.Context(), "a", ask); got != "answer" || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	close(let)
	wg.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	no := errors.New("no")
	for n := range 2 {
		if _, err := u.Shared(t.Context(), "b",
			func(context.Context) (any, error) { asked++; return nil, no }); !errors.Is(err, no) || asked != n+2 {
			t.Errorf("got %v after %d", err, asked)
		}
	}
}
