package azure

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// TestErrorBodiesOfEveryShape: code, message and advice are kept, whichever shape
// a service or a gateway writes its error in.
func TestErrorBodiesOfEveryShape(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body    string
		want    ErrorBody
		message string // in place of want.Message: how it ends
	}{
		"the Resource Manager's": {body: `{"error":{"code":"ScopeLocked","message":"The scope is\r\n locked."}}`,
			want: ErrorBody{Code: "ScopeLocked", Message: "The scope is locked.", Manager: true}},
		"with a byte-order mark": {body: "\xef\xbb\xbf \n" + `{"error":{"code":"ScopeLocked","message":"locked"}}`,
			want: ErrorBody{Code: "ScopeLocked", Message: "locked", Manager: true}},
		"with details": {
			body: `{"error":{"code":"BadRequest","message":"One or more errors.","target":null,"details":[{"code":"A","message":"first"},{"code":"B","message":"second"},{"code":"B","message":"second"}],"innererror":null}}`,
			want: ErrorBody{Code: "BadRequest", Message: "One or more errors. first; second", Manager: true}},
		"the useful sentence innermost": {
			body: `{"error":{"code":"CloudInternalError","message":"Internal error.","innererror":{"code":"Outer","message":"Something failed.","innerError":{"code":"Deep","message":"The key was disabled."}}}}`,
			want: ErrorBody{Code: "CloudInternalError",
				Message: "Internal error. Something failed. The key was disabled.", Manager: true}},
		"an inner error that is a text": {
			body: `{"error":{"code":"C","message":"m","innererror":"the key was disabled"}}`,
			want: ErrorBody{Code: "C", Message: "m; the key was disabled", Manager: true}},
		"JSON in the message": {
			body: `{"error":{"code":"UserErrorCMKKeyVaultAuthFailure","message":"The vault could not reach its key.\r\nInner: {\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is not authorized.\"}}"}}`,
			want: ErrorBody{Code: "UserErrorCMKKeyVaultAuthFailure",
				Message: "The vault could not reach its key. Inner: Forbidden: Caller is not authorized.",
				Manager: true}},
		"JSON is the message": {
			body: `{"error":{"code":"BadRequest","message":"{\"error\":{\"code\":\"InvalidRestApiParameter\",\"message\":\"redundancySettings parameter is invalid.\"}}"}}`,
			want: ErrorBody{Code: "BadRequest",
				Message: "InvalidRestApiParameter: redundancySettings parameter is invalid.", Manager: true}},
		"JSON as a text": {body: `"{\"error\":{\"code\":\"Conflict\",\"message\":\"busy\"}}"`,
			want: ErrorBody{Code: "Conflict", Message: "busy"}},
		"of Recovery Services": {
			body: `{"ErrorCode":"CreateResourceFailedDueToInvalidCache","Message":{"Language":"en-US","Value":"The name is already in use\r\nPlease try again"},"Values":[]}`,
			want: ErrorBody{Code: "CreateResourceFailedDueToInvalidCache",
				Message: "The name is already in use Please try again"}},
		"of Recovery Services, as a text": {
			body: `{"ErrorCode":"X","Message":"m","RecommendedAction":["Wait.","Ask again."]}`,
			want: ErrorBody{Code: "X", Message: "m", Advice: "Wait. Ask again."}},
		"bare": {body: `{"code":"Throttled","message":"slow"}`,
			want: ErrorBody{Code: "Throttled", Message: "slow"}},
		"bare, in capitals": {
			body: `{"Code":"Conflict","Message":"busy","Target":null,"Details":[{"Message":"busy indeed"}],"Innererror":null}`, want: ErrorBody{Code: "Conflict", Message: "busy; busy indeed"}},
		"with advice": {
			body: `{"error":{"code":"C","message":"m","details":[{"message":"d","recommendedAction":"Unlock it."}]}}`,
			want: ErrorBody{Code: "C", Message: "m; d", Advice: "Unlock it.", Manager: true}},
		"OData 3": {
			body: `{"odata.error":{"code":"Request_BadRequest","message":{"lang":"en","value":"No such object."}}}`,
			want: ErrorBody{Code: "Request_BadRequest", Message: "No such object."}},
		"OData 2": {body: `{"error":{"code":"","message":{"lang":"en-us","value":"No such object."}}}`,
			want: ErrorBody{Message: "No such object."}},
		"OAuth": {
			body: `{"error":"invalid_grant","error_description":"AADSTS70043: the token has expired"}`,
			want: ErrorBody{Code: "invalid_grant", Message: "AADSTS70043: the token has expired"}},
		"a text for an error": {body: `{"error":"no upstream"}`, want: ErrorBody{Message: "no upstream"}},
		"problem details": {
			body: `{"type":"about:blank","title":"Forbidden","status":403,"detail":"Not from here."}`,
			want: ErrorBody{Message: "Forbidden; Not from here."}},
		"API Management": {body: `{"statusCode":404,"message":"Resource not found"}`,
			want: ErrorBody{Message: "Resource not found"}},
		"a number for a code": {body: `{"error":{"code":404,"message":"nothing here"}}`,
			want: ErrorBody{Code: "404", Message: "nothing here"}},
		"ASP.NET": {body: `{"Message":"An error has occurred."}`,
			want: ErrorBody{Message: "An error has occurred."}},
		"a list of errors": {body: `{"errors":[{"code":"A","message":"first"},{"message":"second"}]}`,
			want: ErrorBody{Code: "A", Message: "first; second"}},
		"a code alone": {body: `{"error":{"code":"NotAcceptable"}}`,
			want: ErrorBody{Code: "NotAcceptable", Manager: true}},
		"XML": {
			body: `<?xml version="1.0"?><Error xmlns="http://schemas.microsoft.com/windowsazure"><Code>ForbiddenError</Code><Message>The server failed to
			authenticate.</Message></Error>`, want: ErrorBody{Code: "ForbiddenError", Message: "The server failed to authenticate."}},
		"XML of OData": {
			body: `<m:error xmlns:m="x"><m:code>Bad</m:code><m:message xml:lang="en">No.</m:message></m:error>`,
			want: ErrorBody{Code: "Bad", Message: "No."}},
		"no error":     {body: `{"id":"/x","name":"o1","status":"InProgress"}`},
		"a web page":   {body: `<!DOCTYPE html><html><head><title>Bad Gateway</title></head></html>`},
		"another page": {body: `<html><body><p>code</p></body></html>`},
		"plain text":   {body: `no healthy upstream`},
		"a number":     {body: `17`},
		"null":         {body: `null`},
		"nothing":      {body: ``},
		"cut short":    {body: `{"error":{"code":"ScopeLocked","mess`},
		"two values":   {body: `{"error":{"code":"A","message":"m"}} {}`},
		"too long, the end is kept": {body: `{"error":{"code":"C","message":"` +
			strings.Repeat("Caller is not authorized. ", 400) + `","innererror":{"message":"Enable the key."}}}`,
			want: ErrorBody{Code: "C", Manager: true}, message: "Enable the key."},
		"one long sentence, too": {body: `{"error":{"code":"C","message":"` +
			strings.Repeat("Caller is not authorized. ", 400) + `Enable the key."}}`,
			want: ErrorBody{Code: "C", Manager: true}, message: "Enable the key."},
		"secrets are taken out": {body: `{"error":{"code":"C","message":"sent client_secret=abcdefgh12345678 to it"}}`,
			want: ErrorBody{Code: "C", Message: "sent client_secret=" + text.Removed + " to it", Manager: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ReadErrorBody([]byte(tt.body))
			if got.Code != tt.want.Code || got.Advice != tt.want.Advice || got.Manager != tt.want.Manager ||
				tt.message == "" && got.Message != tt.want.Message || !strings.HasSuffix(got.Message, tt.message) {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
			checkErrorBody(t, got)
		})
	}
}

// checkErrorBody demands what every text of an answer must be before it is
// journalled and shown.
func checkErrorBody(t *testing.T, e ErrorBody) {
	t.Helper()
	for s, limit := range map[string]int{e.Code: text.MaxID, e.Message: text.MaxMessage, e.Advice: text.MaxMessage} {
		if n := utf8.RuneCountInString(s); n > limit+1 {
			t.Errorf("a text has %d characters", n)
		}
		if !utf8.ValidString(s) || strings.ContainsFunc(s,
			func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Errorf("a text is %q", s)
		}
	}
	if e.Manager && e.Code == "" {
		t.Errorf("the Resource Manager's own, and no code: %+v", e)
	}
}

// FuzzErrorBody: whatever a body holds, what is kept of it can be shown, one body
// reads in one way, and a wait that it names can be added to any time.
func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{`{"error":{"code":"A","message":"m","details":[{"code":"B"}],"innererror":{"message":"x"}}}`, `{"ErrorCode":"A","Message":{"Value":"v"}}`,
		`{"Code":"a","code":"b","CODE":"c","message":"try again after '2' seconds"}`,
		`{"odata.error":{"message":{"value":"\u202e"}}}`, `"{\"error\":\"{\\\"error\\\":1}\"}"`,
		`<Error><Code>A</Code><Message>m</Message></Error>`, `<error><error><code/></error></error>`,
		`[[[[[[{"code":"x"}]]]]]]`, `{"error":"a","error_description":"b"}`, ``, "\xef\xbb\xbf{}"} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		e := ReadErrorBody(body)
		checkErrorBody(t, e)
		for range 3 {
			if again := ReadErrorBody(body); again.Code != e.Code || again.Message != e.Message ||
				again.Advice != e.Advice {
				t.Fatalf("it reads as %+v and as %+v", e, again)
			}
		}
		h := http.Header{}
		hearWait(&http.Response{StatusCode: http.StatusTooManyRequests, Header: h}, body, now)
		if d := retryAfter(h, now); d < 0 || d > text.MaxWait {
			t.Errorf("it asks for %v", d)
		}
	})
}

// TestAWaitThatStandsInTheText is honoured like one of the header, for a 429
// alone, and not beyond an hour.
func TestAWaitThatStandsInTheText(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)
	for said, want := range map[string]time.Duration{
		"Number of requests for action 'Microsoft.Cdn/profiles/read' exceeded the limit of '50' for time interval " +
			"'00:05:00'. Please try again after '372' seconds.": 372 * time.Second,
		"Please try again after '2' seconds.":                             2 * time.Second,
		"Please try the request again after 00:01:30.":                    90 * time.Second,
		"Too many requests. Retry after 00:00:07.5000000":                 7500 * time.Millisecond,
		"try again after 1.00:00:00":                                      time.Hour,
		"You have exceeded 100 calls in 1 minute; try again in 5 minutes": 5 * time.Minute,
		"Try again in 1.5 minutes.":                                       90 * time.Second,
		"Retry in 250 ms":                                                 250 * time.Millisecond,
		"Please wait for 30s":                                             30 * time.Second,
		"The call can be retried in 14 seconds.":                          14 * time.Second,
		"Please try again after 24 hours":                                 time.Hour,
		"Please try again after 99999999 seconds":                         time.Hour,
		"Please retry after 2026-11-30T02:03:00Z":                         3 * time.Minute,
		"Please retry after 2026-11-30T01:03:00Z":                         0,
		"Please retry after 10:45:00 UTC":                                 0, // of which day?
		"Please try again after 0 seconds":                                0,
		"Please try again later":                                          0,
		"The limit is 100 requests in 5 minutes. Please try again later.": 0,
		"": 0,
	} {
		body, err := json.Marshal(map[string]any{"error": map[string]string{"code": "ResourceRequestsThrottled",
			"message": said}})
		if err != nil {
			t.Fatal(err)
		}
		for shape, b := range map[string][]byte{"an error body": body, "plain text": []byte(said)} {
			h := http.Header{}
			hearWait(&http.Response{StatusCode: http.StatusTooManyRequests, Header: h}, b, now)
			if got := retryAfter(h, now); got != want {
				t.Errorf("%q, %s, is %v, want %v", said, shape, got, want)
			}
		}
	}
	for name, r := range map[string]*http.Response{
		"another status": {StatusCode: http.StatusBadRequest, Header: http.Header{}},
		"a header":       {StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"7"}}},
		"a date": {StatusCode: http.StatusTooManyRequests,
			Header: http.Header{"Retry-After": {"Mon, 30 Nov 2026 02:00:07 GMT"}}},
	} {
		before := retryAfter(r.Header, now)
		hearWait(r, []byte("try again after '2' seconds"), now)
		if got := retryAfter(r.Header, now); got != before {
			t.Errorf("with %s the text changed %v to %v", name, before, got)
		}
	}
}
