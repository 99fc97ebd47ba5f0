package strictcloud

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// nextStart says what a start's answer means for another start of the vault
// (design.md#rule-3 and #rule-5).
type nextStart int

const (
	afterNothing  nextStart = iota // free to start
	afterThrottle                  // not before Retry-After
	afterDenied                    // not before a read succeeded
	afterLost                      // not without proof of absence
	afterRefused                   // not without a person's permission
)

// StartFault is what one start meets.
type StartFault struct {
	name   string
	accept bool
	late   time.Duration // with accept: the service takes it so much later
	next   nextStart     // without accept
	reply  func(*request, *VaultHandle) answer
}

// Name says what the fault is, as reports show it.
func (f StartFault) Name() string { return f.name }

func accepted(name string, reply func(*request, *VaultHandle) answer) StartFault {
	return StartFault{name: name, accept: true, reply: reply}
}

func lost(name string, reply func(*request, *VaultHandle) answer) StartFault {
	return StartFault{name: name, next: afterLost, reply: reply}
}

func always(a func() answer) func(*request, *VaultHandle) answer {
	return func(*request, *VaultHandle) answer { return a() }
}

func statusOnly(status int) func(*request, *VaultHandle) answer {
	return always(func() answer { return strict.Plain(status) })
}

// Starts that the service takes.
var (
	// Accept is the answer of a service in good health.
	Accept = accepted("accept", started)
	// ResetAfterAcceptance loses the answer.
	ResetAfterAcceptance = accepted("reset after acceptance", always(strict.Reset))
	// HangAccepted never answers.
	HangAccepted = accepted("no answer, accepted", always(strict.Hang))
	// UnavailableAfterAcceptance answers 503.
	UnavailableAfterAcceptance = accepted("503 after acceptance", statusOnly(http.StatusServiceUnavailable))
	// ErrorBodyAfterAcceptance answers 500 with an error of the service's own.
	ErrorBodyAfterAcceptance = accepted("500 with error body after acceptance", serverError)
	// GarbageAfterAcceptance answers 200 with a page of HTML.
	GarbageAfterAcceptance = accepted("garbage after acceptance",
		always(func() answer { return strict.HTML(http.StatusOK, "Welcome") }))
	// EmptyAfterAcceptance answers 202 without a body.
	EmptyAfterAcceptance = accepted("empty 202 after acceptance", statusOnly(http.StatusAccepted))
	// TruncatedAfterAcceptance breaks the answer off half-way.
	TruncatedAfterAcceptance = accepted("truncated after acceptance", func(in *request, v *VaultHandle) answer {
		a := started(in, v)
		a.Cut = strict.CutTruncate
		return a
	})
	// OtherIDAfterAcceptance answers with an operation ID that is not the
	// start's; the listing has the right one.
	OtherIDAfterAcceptance = accepted("another operation ID, accepted", func(in *request, v *VaultHandle) answer {
		r := *v.record(in.Now)
		r.id = v.otherID(in.Now)
		return xmlAnswer(http.StatusOK, v.startedBody(&r, in.Now))
	})
)

// ResetThenAccepted resets the connection, and the service takes the start d
// later: until then it cannot be seen. With d below startTimeout no client
// that keeps design.md#rule-1 may have proved it absent.
func ResetThenAccepted(d time.Duration) StartFault {
	f := accepted("reset, accepted later", always(strict.Reset))
	f.late = d
	return f
}

// SlowAnswer accepts at once and answers after d.
func SlowAnswer(d time.Duration) StartFault {
	return accepted("slow answer", func(in *request, v *VaultHandle) answer {
		a := started(in, v)
		a.Delay = d
		return a
	})
}

// Starts that the service does not take, and that the client cannot know of.
var (
	ResetBeforeAcceptance = lost("reset before acceptance", always(strict.Reset))
	HangNotAccepted       = lost("no answer, not accepted", always(strict.Hang))
	Unavailable           = lost("503", statusOnly(http.StatusServiceUnavailable))
	ServerError           = lost("500", statusOnly(http.StatusInternalServerError))
	RequestTimeout        = lost("408", statusOnly(http.StatusRequestTimeout))
	Redirect302           = lost("302", redirect(http.StatusFound))
	Redirect307           = lost("307", redirect(http.StatusTemporaryRedirect))
	Redirect308           = lost("308", redirect(http.StatusPermanentRedirect))
	// GarbageNotAccepted answers 200 with a page of HTML, out of a proxy.
	GarbageNotAccepted = lost("garbage, not accepted",
		always(func() answer { return strict.HTML(http.StatusOK, "Sign in") }))
)

// Starts that the service refuses.
var (
	// Busy answers 409.
	Busy = StartFault{name: "409", next: afterNothing, reply: func(in *request, v *VaultHandle) answer {
		return errorAnswer(in, http.StatusConflict, "AnotherOperationInProgress",
			"Another operation is under way on the vault.")
	}}
	// ErrorBody answers 500 with an error of the service's own: once its
	// absence is proved, the vault has failed.
	ErrorBody = StartFault{name: "500 with error body", next: afterRefused, reply: serverError}
	// Forbidden answers 403.
	Forbidden = StartFault{name: "403", next: afterDenied, reply: func(in *request, v *VaultHandle) answer {
		return errorAnswer(in, http.StatusForbidden, "AuthorizationFailed",
			"Not a co-administrator of the subscription.")
	}}
	// ClaimsChallenge answers 401 with a challenge of continuous access
	// evaluation. Answering the challenge sends the start twice.
	ClaimsChallenge = StartFault{name: "401 with claims", next: afterDenied,
		reply: func(in *request, v *VaultHandle) answer {
			a := errorAnswer(in, http.StatusUnauthorized, "TokenRevoked", "The token was revoked.")
			claims := base64.StdEncoding.EncodeToString([]byte(
				`{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`))
			a.Header.Set("WWW-Authenticate",
				`Bearer realm="", authorization_uri="https://login.example/common/oauth2/authorize", `+
					`error="insufficient_claims", claims="`+claims+`"`)
			return a
		}}
)

// RefuseStart refuses a start in one of the shapes of classic-service.md#errors, for good.
func RefuseStart(r Refusal) StartFault {
	return StartFault{name: "refused", next: afterRefused, reply: func(in *request, v *VaultHandle) answer {
		return xmlAnswer(r.status(), r.render(v.entryElement, v))
	}}
}

// Throttle answers 429 with Retry-After in seconds, rounded up.
func Throttle(d time.Duration) StartFault { return throttle(d, answer.RetryAfter) }

// ThrottleDate answers 429 with Retry-After as a date.
func ThrottleDate(d time.Duration) StartFault { return throttle(d, answer.RetryAfterDate) }

func throttle(d time.Duration, add func(answer, time.Time, time.Duration) (answer, time.Time)) StartFault {
	return StartFault{name: "429", next: afterThrottle, reply: func(in *request, v *VaultHandle) answer {
		a, until := add(errorAnswer(in, http.StatusTooManyRequests, "TooManyRequests", "Slow down."), in.Now, d)
		v.notBefore = until
		return a
	}}
}

// ForeignWins answers 200 for somebody else's operation, which is what runs;
// the start was not taken. The foreign upgrade takes d.
func ForeignWins(d time.Duration) StartFault {
	return StartFault{name: "foreign operation", next: afterNothing, reply: func(in *request, v *VaultHandle) answer {
		v.foreign = &foreignUpgrade{duration: d}
		v.beginForeign(in.Now)
		return started(in, v)
	}}
}

// Times is a fault n times, for Start, Prereqs and Listing.
func Times[F any](n int, f F) []F {
	fs := make([]F, n)
	for i := range fs {
		fs[i] = f
	}
	return fs
}

func redirect(status int) func(*request, *VaultHandle) answer {
	return func(in *request, v *VaultHandle) answer {
		a := strict.Plain(status)
		a.Header.Set("Location", in.Path) // to itself: following it repeats the operation ID
		return a
	}
}

func serverError(in *request, v *VaultHandle) answer {
	return errorAnswer(in, http.StatusInternalServerError, "InternalError", "The service could not finish the request.")
}

// started is the answer of classic-service.md#the-three-calls.
func started(in *request, v *VaultHandle) answer {
	return xmlAnswer(http.StatusOK, v.startedBody(v.record(in.Now), in.Now))
}
