package strictarm

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// nextPatch says what a PATCH's answer means for another PATCH of the vault
// (design.md#rule-3 and #rule-5).
type nextPatch int

const (
	afterNothing  nextPatch = iota // free
	afterThrottle                  // not before Retry-After
	afterDenied                    // not before a read succeeded
	afterLost                      // not without proof that it did nothing
	afterRefused                   // not without a person's permission
)

// reply answers a PATCH; op is nil where it was not accepted.
type reply func(in *request, v *VaultHandle, op *operation) answer

// PatchFault is what one PATCH meets.
type PatchFault struct {
	name   string
	accept bool
	late   time.Duration // with accept: the service takes it so much later
	next   nextPatch
	reply  reply
}

// Name says what the fault is, as reports show it.
func (f PatchFault) Name() string { return f.name }

func told(name string, r reply) PatchFault {
	return PatchFault{name: name, accept: true, reply: r}
}

func untold(name string, r reply) PatchFault {
	return PatchFault{name: name, accept: true, next: afterLost, reply: r}
}

func lost(name string, r reply) PatchFault {
	return PatchFault{name: name, next: afterLost, reply: r}
}

func always(a func() answer) reply {
	return func(*request, *VaultHandle, *operation) answer { return a() }
}

func only(status int) reply { return always(func() answer { return strict.Plain(status) }) }

func page(status int, title string) reply {
	return always(func() answer { return strict.HTML(status, title) })
}

func broken(*request, *VaultHandle, *operation) answer {
	return failure(http.StatusInternalServerError, "InternalServerError", "The service could not finish the request.")
}

// PATCHes that the service takes.
var (
	// Accept is the answer of a service in good health: 200 or 202.
	Accept = told("accept", func(in *request, _ *VaultHandle, op *operation) answer { return op.done(in) })
	// Created answers 201 in the place of 200, as the specification of key vaults
	// allows.
	Created = told("201", func(in *request, _ *VaultHandle, op *operation) answer {
		a := op.done(in)
		if a.Status == http.StatusOK {
			a.Status = http.StatusCreated
		}
		return a
	})
	// UnderWay answers 201 with the vault as it will be, Updating, and names where that is followed, as changes
	// of Backup vaults were recorded (Azure/azure-cli-extensions,
	// test_dataprotection_backup_vault_update.yaml).
	UnderWay = told("201 under way", func(in *request, v *VaultHandle, op *operation) answer {
		a := op.accepted(in)
		op.told = true
		doc := v.read(in.Now)
		if p, ok := op.change["properties"].(object); ok {
			merge(doc["properties"].(object), p)
		}
		doc["properties"].(object)["provisioningState"] = "Updating"
		b := strict.JSON(http.StatusCreated, doc)
		b.Header.Set("Azure-AsyncOperation", a.Header.Get("Azure-AsyncOperation"))
		return b
	})
	// AcceptedNowhere answers 202 and names nothing to follow, done as it may be already:
	// an acceptance all the same, which no reading takes back (design.md#rule-1).
	AcceptedNowhere = told("202 without an address", func(_ *request, _ *VaultHandle, op *operation) answer {
		op.told = true
		return strict.Plain(http.StatusAccepted)
	})
	// ResetAfterAcceptance loses the answer.
	ResetAfterAcceptance = untold("reset after acceptance", always(strict.Reset))
	// HangAccepted never answers.
	HangAccepted = untold("no answer, accepted", always(strict.Hang))
	// UnavailableAfterAcceptance answers 503.
	UnavailableAfterAcceptance = untold("503 after acceptance", only(http.StatusServiceUnavailable))
	// ErrorBodyAfterAcceptance answers 500 with an error of the service's own.
	ErrorBodyAfterAcceptance = untold("500 with error body after acceptance", broken)
	// GarbageAfterAcceptance answers 200 with a page of HTML.
	GarbageAfterAcceptance = untold("garbage after acceptance", page(http.StatusOK, "Welcome"))
	// TruncatedAfterAcceptance breaks the body of a 200 off half-way.
	TruncatedAfterAcceptance = untold("truncated after acceptance",
		func(in *request, v *VaultHandle, _ *operation) answer {
			a := strict.JSON(http.StatusOK, v.read(in.Now))
			a.Cut = strict.CutTruncate
			return a
		})
)

// ResetThenAccepted resets the connection, and the service takes the PATCH d
// later: until then it cannot be seen. With d below startTimeout no client
// that keeps design.md#rule-1 may have proved it absent.
func ResetThenAccepted(d time.Duration) PatchFault {
	f := untold("reset, accepted later", always(strict.Reset))
	f.late = d
	return f
}

// AcceptedNowhereLater is AcceptedNowhere, and the service begins with it d later: until
// then the vault shows nothing of it.
func AcceptedNowhereLater(d time.Duration) PatchFault {
	f := AcceptedNowhere
	f.name, f.late = "202 without an address, begun later", d
	return f
}

// AcceptedNowhereWait is AcceptedNowhere, and asks to wait for d: there is nothing that
// it could be asked of.
func AcceptedNowhereWait(d time.Duration) PatchFault {
	return told("202 without an address, Retry-After", func(in *request, _ *VaultHandle, op *operation) answer {
		op.told = true
		a, _ := strict.Plain(http.StatusAccepted).RetryAfter(in.Now, d)
		return a
	})
}

// SlowAnswer accepts at once and answers after d.
func SlowAnswer(d time.Duration) PatchFault {
	return told("slow answer", func(in *request, _ *VaultHandle, op *operation) answer {
		a := op.done(in)
		a.Delay = d
		return a
	})
}

// PATCHes that the service does not take, and that the client cannot know of.
var (
	ResetBeforeAcceptance = lost("reset before acceptance", always(strict.Reset))
	HangNotAccepted       = lost("no answer, not accepted", always(strict.Hang))
	Unavailable           = lost("503", only(http.StatusServiceUnavailable))
	BadGateway            = lost("502 page", page(http.StatusBadGateway, "Bad Gateway"))
	ServerError           = lost("500", only(http.StatusInternalServerError))
	RequestTimeout        = lost("408", only(http.StatusRequestTimeout))
	Redirect302           = lost("302", redirect(http.StatusFound))
	Redirect307           = lost("307", redirect(http.StatusTemporaryRedirect))
	Redirect308           = lost("308", redirect(http.StatusPermanentRedirect))
	// GarbageNotAccepted answers 200 with a page of HTML, out of a proxy.
	GarbageNotAccepted = lost("garbage, not accepted", page(http.StatusOK, "Sign in"))
	// ErrorBody answers 500 with an error of the service's own: once it is
	// proved that the PATCH did nothing, the vault has failed.
	ErrorBody = PatchFault{name: "500 with error body", next: afterRefused, reply: broken}
)

// redirect sends the PATCH to another host: following it hands the token over.
func redirect(status int) reply {
	return func(in *request, _ *VaultHandle, _ *operation) answer {
		a := strict.Plain(status)
		a.Header.Set("Location", "http://"+elsewhere(in.Host)+in.Path+"?"+in.Query)
		return a
	}
}

// PATCHes that the service refuses.
var (
	// Conflict answers 409: another operation is under way. The specification
	// names no code for it; this one is the status's own name.
	Conflict = refusing("409 conflict", afterNothing, http.StatusConflict, "Conflict",
		"Another operation is under way on the vault.")
	// BadRequest answers 400, for good.
	BadRequest = refusing("400", afterRefused, http.StatusBadRequest, "InvalidRestApiParameter",
		"A parameter of the request is invalid.")
	// Forbidden answers 403: the client may read the vault and not change it. That
	// says nothing for certain of other vaults.
	Forbidden = refusing("403", afterNothing, http.StatusForbidden, "AuthorizationFailed",
		"The client does not have authorization to perform action 'write' over the scope of the vault or the scope "+
			"is invalid.")
	// Guarded answers 403 in the place of a resource guard: the access to
	// another resource that the change is linked to is missing.
	Guarded = refusing("403 resource guard", afterNothing, http.StatusForbidden, "LinkedAuthorizationFailed",
		"The client has permission to perform action 'Microsoft.RecoveryServices/vaults/write'; however, it does not "+
			"have permission to perform "+
			"action 'Microsoft.DataProtection/resourceGuards/read' on the linked scope of the resource guard.")
	// Locked423 answers 423.
	Locked423 = refusing("423", afterNothing, http.StatusLocked, "Locked", "The resource is locked.")
	// ClaimsChallenge answers 401 with a challenge of continuous access
	// evaluation. Answering the challenge sends the PATCH twice.
	ClaimsChallenge = PatchFault{name: "401 with claims", next: afterDenied,
		reply: func(*request, *VaultHandle, *operation) answer {
			a := failure(http.StatusUnauthorized, "ExpiredAuthenticationToken", "The access token was revoked.")
			claims := base64.StdEncoding.EncodeToString([]byte(
				`{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`))
			a.Header.Set("WWW-Authenticate",
				`Bearer realm="", authorization_uri="https://login.example/common/oauth2/authorize", `+
					`error="insufficient_claims", claims="`+claims+`"`)
			return a
		}}
	// DisallowedByPolicy answers 403 in the place of Azure Policy, which says so by its
	// code and by what else it tells.
	DisallowedByPolicy = PatchFault{name: "403 policy", next: afterNothing,
		reply: func(_ *request, v *VaultHandle, _ *operation) answer {
			return strict.JSON(http.StatusForbidden, object{"error": object{
				"code": "RequestDisallowedByPolicy", "target": v.spec.Name,
				"message": "Resource '" + v.spec.Name + "' was disallowed by policy.",
				"additionalInfo": []any{object{"type": "PolicyViolation", "info": object{
					"policyDefinitionDisplayName": "Vaults stay as they are",
					"policyAssignmentId": groupID(v) +
						"/providers/Microsoft.Authorization/policyAssignments/freeze",
				}}},
			}})
		}}
)

func refusing(name string, next nextPatch, status int, code, message string) PatchFault {
	return PatchFault{name: name, next: next, reply: always(func() answer { return failure(status, code, message) })}
}

// ScopeLocked answers 409 in the place of a ReadOnly lock.
func ScopeLocked(id string) PatchFault {
	return refusing("409 lock", afterNothing, http.StatusConflict, "ScopeLocked",
		"The scope cannot perform write operation because following scope(s) are locked: '"+id+
			"'. Please remove the lock and try again.")
}

func refuse(status int, code, message string) *PatchFault {
	return refuseAs(refusing(code, afterRefused, status, code, message))
}

func refuseAs(f PatchFault) *PatchFault { return &f }

// SlowDown answers 429 with Retry-After in seconds, rounded up: too many
// requests.
func SlowDown(d time.Duration) PatchFault {
	return throttle("429 slow down", d, answer.RetryAfter, "ResourceRequestsThrottled", throttledWords("write", d))
}

// SlowDownDate is SlowDown with Retry-After as a date.
func SlowDownDate(d time.Duration) PatchFault {
	return throttle("429 slow down", d, answer.RetryAfterDate, "TooManyRequests", "The request is being throttled.")
}

// Busy answers 429 although nobody asked too often: another operation holds
// the vault. The code is the one that Microsoft's page on throttling gives as
// the example of such an answer.
func Busy(d time.Duration) PatchFault {
	return throttle("429 busy", d, answer.RetryAfter, "RetryableErrorDueToAnotherOperation",
		"Another operation is updating the resource.")
}

func throttle(name string, d time.Duration, add func(answer, time.Time, time.Duration) (answer, time.Time), code,
	message string) PatchFault {
	return PatchFault{name: name, next: afterThrottle, reply: func(in *request, v *VaultHandle, _ *operation) answer {
		var a answer
		a, v.notBefore = add(failure(http.StatusTooManyRequests, code, message), in.Now, d)
		return a
	}}
}

// Times is a fault n times, for Patch, Reads and Polls.
func Times[F any](n int, f F) []F {
	fs := make([]F, n)
	for i := range fs {
		fs[i] = f
	}
	return fs
}
