package arm

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// accepted202 is a 202 with the addresses it gives.
func accepted202(headers ...string) reply { return reply{status: 202}.with(headers...) }

// TestRule3PatchAnswers: what the answer to the one PATCH means (design.md#rule-3). Whatever it is,
// nothing is sent a second time.
func TestRule3PatchAnswers(t *testing.T) {
	t.Parallel()
	other := `{"id":"` + vaultID + `2","name":"Vault12","location":"australiaeast","properties":` + asIs + `}`
	both := fleet.Operation{StatusURL: statusURL, ResultURL: resultURL, Final: fleet.FinalLocation,
		RetryAfter: 10 * time.Second}
	tests := map[string]struct {
		reply     reply
		want      fleet.StartVerdict
		done      bool
		operation *fleet.Operation
		says      string // in code or message, or why it is not followed
		nowhere   bool   // accepted, and the vault alone tells
		errorBody bool
	}{
		"200": {reply: ok(vaultJSON(asIs)), want: fleet.StartAccepted, done: true},
		"201": {reply: reply{status: 201, body: vaultJSON(asIs)}, want: fleet.StartAccepted,
			done: true},
		"201 under way": {reply: reply{status: 201, body: vaultJSON(asWas)}.with("Azure-AsyncOperation",
			"{base}"+statusURL), want: fleet.StartAccepted,
			operation: &fleet.Operation{StatusURL: statusURL, Final: fleet.FinalStatus}},
		"201 with a Location": {reply: reply{status: 201, body: vaultJSON(asWas)}.with("Azure-AsyncOperation",
			"{base}"+statusURL).with("Location", "{base}"+vaultURL), want: fleet.StartAccepted,
			operation: &fleet.Operation{StatusURL: statusURL, Final: fleet.FinalStatus}},
		"201 elsewhere": {reply: reply{status: 201, body: vaultJSON(asWas)}.with("Azure-AsyncOperation",
			"https://evil.example"+statusURL), want: fleet.StartAccepted, done: true},
		"201 itself": {reply: reply{status: 201, body: vaultJSON(asWas)}.with("Location",
			"{base}"+vaultURL), want: fleet.StartAccepted, done: true},
		"200 under way": {reply: ok(vaultJSON(asWas)).with("Azure-AsyncOperation",
			"{base}"+statusURL).with("Retry-After", "9"), want: fleet.StartAccepted,
			operation: &fleet.Operation{StatusURL: statusURL, Final: fleet.FinalStatus, RetryAfter: 9 * time.Second}},
		// Verify sees what it is
		"200 as it was": {reply: ok(vaultJSON(asWas)), want: fleet.StartAccepted, done: true},
		"200 of another vault": {reply: ok(other), want: fleet.StartAccepted, nowhere: true,
			says: "does not show the vault"},
		"200 without properties": {reply: ok(`{"id":"` + vaultID + `"}`), want: fleet.StartAccepted,
			nowhere: true, says: "does not show the vault"},
		"200 of a gateway": {reply: ok("<html>Sign in</html>").with("Content-Type", "text/html"),
			want: fleet.StartUnknown, says: "HTTP 200"},
		"200 with words alone": {reply: ok(`{"message":"it is queued"}`), want: fleet.StartAccepted,
			nowhere: true, says: "it is queued"},
		"200 of nobody": {reply: ok(`{"message":"it is queued"}`).with("x-ms-request-id", ""),
			want: fleet.StartUnknown, says: "HTTP200: HTTP 200 OK: it is queued"},
		"204 of nobody": {reply: reply{status: 204}.with("x-ms-request-id", ""), want: fleet.StartUnknown},
		"202 of nobody": {reply: accepted202().with("x-ms-request-id", ""), want: fleet.StartAccepted,
			nowhere: true},
		"200 cut off":        {reply: reply{break_: cut}, want: fleet.StartUnknown},
		"200 cut off behind": {reply: reply{break_: cutBehind}, want: fleet.StartUnknown},
		"200 of nothing":     {reply: ok(""), want: fleet.StartAccepted, nowhere: true},
		"204":                {reply: reply{status: 204}, want: fleet.StartAccepted, nowhere: true},
		"206": {reply: reply{status: 206, body: vaultJSON(asIs)}, want: fleet.StartAccepted,
			nowhere: true},
		"202 both": {reply: accepted202("Azure-AsyncOperation", "{base}"+statusURL, "Location",
			"{base}"+resultURL, "Retry-After", "10"), want: fleet.StartAccepted, operation: &both},
		"202 status only": {reply: accepted202("Azure-AsyncOperation", "{base}"+statusURL),
			want: fleet.StartAccepted, operation: &fleet.Operation{StatusURL: statusURL, Final: fleet.FinalStatus}},
		"202 result only": {reply: accepted202("Location", "{base}"+resultURL), want: fleet.StartAccepted,
			operation: &fleet.Operation{ResultURL: resultURL, Final: fleet.FinalLocation}},
		"202 relative": {reply: accepted202("Azure-AsyncOperation", statusURL, "Location", resultURL),
			want: fleet.StartAccepted, operation: &fleet.Operation{StatusURL: statusURL, ResultURL: resultURL,
				Final: fleet.FinalLocation}},
		"202 nowhere": {reply: accepted202("Retry-After", "10"), want: fleet.StartAccepted, nowhere: true,
			says: "not where to follow it"},
		"202 nowhere, with words": {reply: reply{status: 202, body: errorJSON("Accepted", "it is under way")},
			want: fleet.StartAccepted, nowhere: true, says: "not where to follow it", errorBody: false},
		"202 elsewhere": {reply: accepted202("Azure-AsyncOperation", "https://evil.example"+statusURL,
			"Location", "http://127.0.0.1:1"+resultURL), want: fleet.StartAccepted, nowhere: true,
			says: "another host, evil.example"},
		"202 one elsewhere": {reply: accepted202("Azure-AsyncOperation", "https://evil.example"+statusURL,
			"Location", "{base}"+resultURL), want: fleet.StartAccepted,
			operation: &fleet.Operation{ResultURL: resultURL, Final: fleet.FinalLocation}},
		"202 by another scheme": {reply: accepted202("Location", "ftp://{base}"+resultURL),
			want: fleet.StartAccepted, nowhere: true, says: "is not followed"},
		"202 no URL": {reply: accepted202("Location", "::"), want: fleet.StartAccepted, nowhere: true,
			says: "it is no URL"},
		"301": {reply: reply{status: 301}.with("Location", "{base}/elsewhere"),
			want: fleet.StartUnknown},
		"307": {reply: reply{status: 307}.with("Location", "{base}/elsewhere"),
			want: fleet.StartUnknown},
		"308": {reply: reply{status: 308}.with("Location", "{base}/elsewhere"),
			want: fleet.StartUnknown},
		"400": {reply: refused(400, "InvalidRestApiParameter"), want: fleet.StartFailed,
			says: "because of", errorBody: true},
		"400 without a body": {reply: reply{status: 400}, want: fleet.StartFailed, says: "HTTP 400"},
		"400 of another shape": {reply: reply{status: 400,
			body: `{"ErrorCode":"InvalidCache","Message":{"Language":"en-US","Value":"The name is in use"},"Values":[]}`}, want: fleet.StartFailed, says: "InvalidCache: The name is in use", errorBody: true},
		"400 bare, with a mark": {reply: reply{status: 400, body: "\xef\xbb\xbf" + `{"Code":"Bad","Message":"no"}`},
			want: fleet.StartFailed, says: "Bad: no", errorBody: true},
		"400 with the inner word": {reply: reply{status: 400,
			body: `{"error":{"code":"BadRequest","message":"One or more errors.","innererror":{"message":"monitoringSettings parameter is invalid"}}}`}, want: fleet.StartFailed, says: "monitoringSettings parameter is invalid", errorBody: true},
		"400 of XML": {reply: reply{status: 400,
			body: `<Error><Code>Bad</Code><Message>no</Message></Error>`}, want: fleet.StartFailed, says: "Bad: no",
			errorBody: true},
		"406 without a code": {reply: reply{status: 406, body: `{"message":"No such version"}`},
			want: fleet.StartFailed, says: "HTTP 406 Not Acceptable: No such version"},
		"502 of a gateway": {reply: reply{status: 502,
			body: "<html><head><title>Bad Gateway</title></head></html>"}, want: fleet.StartUnknown,
			says: `a web page titled "Bad Gateway"`},
		"401": {reply: refused(401, "ExpiredAuthenticationToken"), want: fleet.StartDenied,
			errorBody: true},
		"401 with a challenge": {reply: reply{status: 401}.with("WWW-Authenticate",
			`Bearer error="insufficient_claims", claims="e30="`), want: fleet.StartDenied},
		"403": {reply: refused(403, "AuthorizationFailed"), want: fleet.StartBlocked,
			says: "AuthorizationFailed", errorBody: true},
		"403 deny assignment": {reply: refused(403, "DenyAssignmentAuthorizationFailed"), want: fleet.StartBlocked,
			says: "DenyAssignmentAuthorizationFailed", errorBody: true},
		"403 permission model": {reply: refused(403, "InsufficientPermissions"), want: fleet.StartBlocked,
			says: "InsufficientPermissions", errorBody: true},
		"403 by Azure": {reply: refused(403, "RequestDisallowedByAzure"), want: fleet.StartBlocked,
			says: "RequestDisallowedByAzure", errorBody: true},
		"403 without a body": {reply: reply{status: 403}, want: fleet.StartBlocked, says: "HTTP 403"},
		"403 policy": {reply: refused(403, "RequestDisallowedByPolicy"), want: fleet.StartBlocked,
			says: "RequestDisallowedByPolicy", errorBody: true},
		"403 guard": {reply: refused(403, "LinkedAuthorizationFailed"), want: fleet.StartBlocked,
			says: "LinkedAuthorizationFailed", errorBody: true},
		"404": {reply: refused(404, "ResourceNotFound"), want: fleet.StartFailed, errorBody: true},
		"408": {reply: refused(408, "RequestTimeout"), want: fleet.StartUnknown, errorBody: true},
		"409": {reply: refused(409, "Conflict"), want: fleet.StartBusy, errorBody: true},
		"400 too often": {reply: refused(400, "CloudDosTimeboudLimitReached"), want: fleet.StartBlocked,
			errorBody: true},
		"400 for ever": {reply: refused(400, "UserErrorDisableSoftDeleteNotAllowed"), want: fleet.StartBlocked,
			errorBody: true},
		"409 lock": {reply: refused(409, "ScopeLocked"), want: fleet.StartBlocked, errorBody: true},
		"409 disabled": {reply: refused(409, "ReadOnlyDisabledSubscription"), want: fleet.StartBlocked,
			errorBody: true},
		"409 unregistered": {reply: refused(409, "MissingSubscriptionRegistration"), want: fleet.StartBlocked,
			errorBody: true},
		"412":                {reply: refused(412, "PreconditionFailed"), want: fleet.StartFailed, errorBody: true},
		"423":                {reply: refused(423, "Locked"), want: fleet.StartBlocked, errorBody: true},
		"423 without a body": {reply: reply{status: 423}, want: fleet.StartBlocked, says: "HTTP 423"},
		"429": {reply: refused(429, "TooManyRequests").with("Retry-After", "17"),
			want: fleet.StartThrottled, errorBody: true},
		"429 busy": {reply: refused(429, "RetryableErrorDueToAnotherOperation").with("Retry-After", "17"),
			want: fleet.StartBusy, errorBody: true},
		"500":            {reply: reply{status: 500}, want: fleet.StartUnknown},
		"500 with words": {reply: refused(500, "InternalServerError"), want: fleet.StartUnknown, errorBody: true},
		// no refusal: the status says nothing for certain
		"500 locked": {reply: refused(500, "ScopeLocked"), want: fleet.StartUnknown, errorBody: true},
		"503":        {reply: reply{status: 503}.with("Retry-After", "3"), want: fleet.StartUnknown},
		"reset":      {reply: reply{break_: reset}, want: fleet.StartUnknown, says: fleet.CodeAnswerLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("PATCH", vaultURL, tt.reply)
			u := f.upgrader(testChange())
			start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
			if err != nil {
				t.Fatal(err)
			}
			got := start(t.Context(), op)
			if got.Verdict != tt.want || got.Done != tt.done || got.ErrorBody != tt.errorBody {
				t.Errorf("got %+v", got)
			}
			said := got.Code + ": " + got.Message
			if tt.nowhere && got.Operation != nil {
				said, tt.operation = got.Operation.Unfollowed, &fleet.Operation{Unfollowed: got.Operation.Unfollowed,
					RetryAfter: got.Operation.RetryAfter}
				if said == "" || got.Operation.Followable() != nil {
					t.Errorf("it is followed at %+v", got.Operation)
				}
			}
			if want := tt.operation; (want == nil || tt.nowhere && said == "") && got.Operation != nil || want != nil &&
				(got.Operation == nil || *got.Operation != *want) {
				t.Errorf("operation %+v, want %+v", got.Operation, want)
			}
			if !strings.Contains(said, tt.says) || got.Verdict != fleet.StartAccepted &&
				(got.Code == "" || got.Message == "") {
				t.Errorf("says %q: %q, want %q in it", got.Code, got.Message, tt.says)
			}
			// The service's own words stay as they came; ours name the request.
			if got.Message != "" && strings.HasSuffix(got.Message, "(client request "+op+")") == got.ErrorBody {
				t.Errorf("with ErrorBody %v it says %q", got.ErrorBody, got.Message)
			}
			for _, v := range []fleet.StartVerdict{fleet.StartBlocked, fleet.StartDenied, fleet.StartFailed} {
				if got.Verdict == v && got.Action == "" {
					t.Errorf("%s, and nothing to do next", v)
				}
			}
			if after := tt.reply.header["Retry-After"]; got.Verdict != fleet.StartAccepted && tt.reply.status != 202 &&
				after != "" != (got.RetryAfter > 0) {
				t.Errorf("Retry-After %q became %v", after, got.RetryAfter)
			}
			if (got.Operation != nil || tt.reply.status == 202) && got.RetryAfter != 0 {
				t.Errorf("the operation's wait of %v became the subscription's", got.RetryAfter)
			}
			wantOnePatch(t, f)
		})
	}
}

// wantOnePatch demands that the change was sent once, and in the form that
// resource-manager.md#the-request has.
func wantOnePatch(t *testing.T, f *fake) {
	t.Helper()
	patches := f.came("PATCH")
	if len(patches) != 1 {
		t.Fatalf("%d PATCHes", len(patches))
	}
	p := patches[0]
	if p.uri != vaultURL || p.body != `{"properties":{"settings":{"mode":"On"}}}` {
		t.Errorf("sent %s %s", p.uri, p.body)
	}
	for header, want := range map[string]string{"X-Ms-Client-Request-Id": op, "Content-Type": "application/json",
		"Accept":        "application/json",
		"Authorization": "Bearer fleetup-emulator", "X-Ms-Authorization-Auxiliary": "", "If-Match": "",
		"Idempotency-Key": "", "Repeatability-Request-Id": ""} {
		if got := strings.Join(p.header.Values(header), "|"); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	for _, s := range append(f.came("POST"), f.came("PUT")...) {
		t.Errorf("%s %s was sent", s.method, s.uri)
	}
}

// TestStartHasItsOwnEnd: a start that gets no answer ends with its context, and is
// then in doubt; one whose connection cannot be made never left.
func TestStartHasItsOwnEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	let := make(chan struct{})
	f.on("PATCH", vaultURL, reply{break_: func(http.ResponseWriter, *http.Request) { <-let }})
	u := f.upgrader(testChange())
	start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	got := start(ctx, op)
	close(let)
	if got.Verdict != fleet.StartUnknown || !strings.Contains(got.Message, "client request "+op) {
		t.Errorf("got %+v", got)
	}
	wantOnePatch(t, f)
	if again := start(t.Context(), op); again.Verdict != fleet.StartUnknown ||
		!strings.Contains(again.Message, "used before") {
		t.Errorf("the same start again: %+v", again)
	}
	wantOnePatch(t, f)

	start, err = azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := start(ended, op); got.Verdict != fleet.StartNotSent {
		t.Errorf("after its end: %+v", got)
	}
	wantOnePatch(t, f)
}

// TestNoConnectionIsNotSent: nothing left this machine.
func TestNoConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	u := f.upgrader(testChange())
	seen := u.seen(t)
	f.url = "http://127.0.0.1:1"
	closed := f.upgrader(testChange())
	start, err := azuretest.Prepare(t.Context(), closed, testVault(), seen)
	if err != nil {
		t.Fatal(err)
	}
	if got := start(t.Context(), op); got.Verdict != fleet.StartNotSent || got.Code != fleet.CodeUnreachable {
		t.Errorf("got %+v", got)
	}
}

// TestDriftIsAConflict: a vault that is not as it was when it was checked is
// checked again; nothing is sent.
func TestDriftIsAConflict(t *testing.T) {
	t.Parallel()
	judging := testChange()
	judging.Judge = func(_ fleet.Options, s State) []fleet.Finding {
		if strings.Contains(string(s["settings"]), "Off") {
			return nil
		}
		return []fleet.Finding{{Severity: fleet.SeverityError, Code: "mode"}}
	}
	warning := testChange()
	warning.Judge = func(fleet.Options, State) []fleet.Finding {
		return []fleet.Finding{{Severity: fleet.SeverityWarning, Code: "mind"}}
	}
	back := Rollback(testChange(), nil, nil)
	for name, tt := range map[string]struct {
		change Change
		now    string
		says   string // empty: it may start
	}{
		"as it was":          {judging, asWas, ""},
		"a warning":          {warning, asWas, ""},
		"as wanted":          {judging, asIs, "the vault is as it should be"},
		"something else":     {judging, `{"settings":{"mode":"Odd"},"provisioningState":"Succeeded"}`, "not as it was"},
		"busy":               {judging, `{"settings":{"mode":"Off"},"provisioningState":"Updating"}`, "under way"},
		"nothing to restore": {back, asWas, "nothing that could be put back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", vaultURL, ok(vaultJSON(tt.now)))
			u := f.upgrader(tt.change)
			_, err := u.Prepare(t.Context(), testVault(), u.seen(t))
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if fleet.ClassOf(err) != fleet.CallConflict || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	u := newFake(t).upgrader(testChange())
	for says, seen := range map[string]fleet.Sighting{
		"the vault itself was not read: it is checked again": {},
		"what was read of the vault cannot be read again: unexpected EOF: it is checked again": {Document: []byte(
			`{"id":`)},
	} {
		if _, err := u.Prepare(t.Context(), testVault(), seen); fleet.ClassOf(err) != fleet.CallConflict ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %s", seen.Document, err, says)
		}
	}
	walking := testVault()
	walking.Name = ".."
	if _, err := u.Prepare(t.Context(), walking, u.seen(t)); fleet.ClassOf(err) != fleet.CallRefused {
		t.Errorf("a name that walks: %v", err)
	}
}

// TestPrepareInOrder: what must be done first is, and its failure is the start's.
func TestPrepareInOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("PATCH", vaultURL, ok(vaultJSON(asIs)))
	var order []string
	c := testChange()
	c.Ready = func(_ context.Context, _ *Upgrader, v *fleet.Vault, res *Resource) error {
		order = append(order, "ready "+v.Name+" "+res.Name)
		return nil
	}
	c.Complete = func(_ context.Context, _ *Upgrader, _ *fleet.Vault, _ *Resource, s *Sending) error {
		order = append(order, "complete")
		s.Body = []byte(`{"properties":{"settings":{"mode":"On"},"more":1}}`)
		return nil
	}
	u := f.upgrader(c)
	start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
	if err != nil || strings.Join(order, ", ") != "ready Vault1 Vault1, complete" || len(f.came("PATCH")) != 0 {
		t.Fatalf("%v, %v, %d PATCHes", order, err, len(f.came("PATCH")))
	}
	if got := start(t.Context(), op); got.Verdict != fleet.StartAccepted {
		t.Errorf("got %+v", got)
	}
	if p := f.came("PATCH"); len(p) != 1 || p[0].body != `{"properties":{"settings":{"mode":"On"},"more":1}}` {
		t.Errorf("sent %+v", p)
	}
	no := &fleet.CallError{Op: "be ready", Class: fleet.CallThrottled}
	c.Ready = func(context.Context, *Upgrader, *fleet.Vault, *Resource) error { return no }
	u = f.upgrader(c)
	if _, err := u.Prepare(t.Context(), testVault(), u.seen(t)); err != no {
		t.Errorf("got %v", err)
	}
	c.Ready, c.Complete = nil, func(context.Context, *Upgrader, *fleet.Vault, *Resource, *Sending) error { return no }
	u = f.upgrader(c)
	if _, err := u.Prepare(t.Context(), testVault(), u.seen(t)); err != no {
		t.Errorf("got %v", err)
	}
}

// TestAWaitInTheTextOfAThrottledStart is honoured like one of the header, and so
// is the advice of the service.
func TestAWaitInTheTextOfAThrottledStart(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("PATCH", vaultURL, reply{status: 429,
		body: `{"error":{"code":"ResourceRequestsThrottled","message":"Number of requests for action 'x' exceeded the limit of '50' for time interval '00:05:00'. Please try again after '372' seconds.","recommendedAction":"Send fewer."}}`})
	u := f.upgrader(testChange())
	start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := start(t.Context(), op); got.Verdict != fleet.StartThrottled || got.RetryAfter != 372*time.Second ||
		got.Action != "Send fewer." {
		t.Errorf("got %+v", got)
	}
}
