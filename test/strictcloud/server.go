package strictcloud

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Config says how strict the server is about time. The zero value is usable.
type Config struct {
	// Timings are what the client is told in the inventory and held to. Zero
	// fields take the values of strict.FastTimings.
	Timings strict.Timings

	// ClockTolerance is how far the time inside an operation ID may lie from
	// the server's; 0 means 5 minutes.
	ClockTolerance time.Duration
}

// Server is the cloud. Make one with New.
type Server struct {
	cfg Config

	mu            sync.Mutex
	subscriptions map[string]*SubscriptionHandle // by GUID in lower case
	order         []*SubscriptionHandle
	vaults        []*VaultHandle
	startIDs      map[string]string // operation ID of a start → who used it first
	otherIDs      map[string]string // the same for the other upgrade calls
	requests      map[Call]int
	violations    []string
	resent        []strict.Resent // not judged yet
	broken        int
	answered      int // numbers x-ms-request-id

	signedOut       bool
	signOutAfter    int // accepted starts until the sign-in expires; 0: never
	acceptedOverall int
	released        chan struct{}
	releaseOnce     sync.Once
}

// New returns a cloud without vaults.
func New(cfg Config) *Server {
	cfg.Timings = cfg.Timings.OrFast()
	if cfg.ClockTolerance == 0 {
		cfg.ClockTolerance = 5 * time.Minute
	}
	return &Server{
		cfg:           cfg,
		subscriptions: map[string]*SubscriptionHandle{},
		startIDs:      map[string]string{},
		otherIDs:      map[string]string{},
		requests:      map[Call]int{},
		released:      make(chan struct{}),
	}
}

// Close lets go of every request that is held back without an answer, so that
// an httptest server can close. The server still answers afterwards.
func (s *Server) Close() { s.releaseOnce.Do(func() { close(s.released) }) }

// AddVault puts a vault into the cloud: never upgraded, all prerequisites met,
// its target group there. The handle scripts what differs. A vault that cannot
// exist (no subscription, no name, the same vault twice) panics: the test is
// wrong.
func (s *Server) AddVault(spec Vault) *VaultHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec = spec.withDefaults()
	if spec.Subscription == "" || spec.Name == "" {
		panic("strictcloud: a vault needs a subscription and a name")
	}
	sub := s.subscription(spec.Subscription)
	for _, o := range sub.vaults {
		if strings.EqualFold(o.spec.Name, spec.Name) && o.spec.Type == spec.Type &&
			normalLocation(o.spec.Region) == normalLocation(spec.Region) {
			panic(fmt.Sprintf("strictcloud: vault %s is there already", o))
		}
	}
	v := &VaultHandle{
		s: s, sub: sub, spec: spec, index: len(s.vaults),
		duration: time.Second, requests: map[Call]int{},
	}
	v.service = sub.serviceFor(spec.Region)
	v.entryElement = entryElements[v.index%len(entryElements)]
	s.vaults = append(s.vaults, v)
	sub.vaults = append(sub.vaults, v)
	return v
}

// Subscription returns the handle of a subscription, made if need be.
func (s *Server) Subscription(id string) *SubscriptionHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscription(id)
}

func (s *Server) subscription(id string) *SubscriptionHandle {
	id = strings.ToLower(id)
	if sub := s.subscriptions[id]; sub != nil {
		return sub
	}
	sub := newSubscription(s, id)
	s.subscriptions[id] = sub
	s.order = append(s.order, sub)
	return sub
}

// Vaults returns the handles in the order they were added.
func (s *Server) Vaults() []*VaultHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.vaults)
}

// ExpireSignIn makes every call answer 401 from now on, until SignIn.
func (s *Server) ExpireSignIn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signedOut = true
}

// ExpireSignInAfter makes every call answer 401 once n starts in all have been
// accepted, until SignIn. The n-th start is still answered.
func (s *Server) ExpireSignInAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signOutAfter = n
	s.signedOut = s.signedOut || s.acceptedOverall >= n
}

// SignIn ends an expired sign-in.
func (s *Server) SignIn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signedOut, s.signOutAfter = false, 0
}

// AllowRestart permits one more start of a vault that failed or whose start
// was lost: what a person does with "reopen" after support has cleared the
// vault. The target that broke off is gone.
func (s *Server) AllowRestart(v *VaultHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.permits++
	v.targetCleared = true
}

// ClientDied tells the server that the client was killed just now. The answers
// of the last second may not have reached it, so what they forbade is held
// against it no more than an answer that was lost. They may have reached it
// too: a start that was throttled may come again when Retry-After is over.
func (s *Server) ClientDied() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, v := range s.vaults {
		if n := len(v.starts); n > 0 && now.Sub(v.starts[n-1].At) < wireDelay &&
			(v.next == afterRefused || v.next == afterThrottle) {
			if v.next == afterThrottle {
				v.mayKnow = v.notBefore
			}
			v.next, v.lost = afterLost, v.starts[n-1].OperationID
		}
		if now.Sub(v.prereqThrottledAt) < wireDelay {
			v.prereqNotUntil = time.Time{}
		}
	}
	for _, sub := range s.order {
		if n := len(sub.listings); n > 0 && now.Sub(sub.listings[n-1]) < wireDelay {
			sub.listNotUntil = time.Time{}
		}
	}
}

// JudgeProofs holds each start that came after a lost one against design.md#rule-1:
// what was read between the two must prove that the lost one did nothing. decided is
// when the client decided the start of an operation, by the clock of this machine,
// and whether it did at all. What is found is among the violations from then on.
func (s *Server) JudgeProofs(decided func(operationID string) (time.Time, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.resent {
		at, known := decided(r.Lost)
		if !known {
			s.violations = append(s.violations, r.Start+": after operation "+r.Lost+", which the client never decided")
		} else if broken := r.Unproved(at, s.cfg.Timings); broken != "" {
			s.violations = append(s.violations, broken)
		}
	}
	s.resent = nil
}

// Violations returns every deviation seen so far, in order of arrival,
// but for starts after lost ones: JudgeProofs.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// Requests returns how many requests of each call came.
func (s *Server) Requests() map[Call]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := &request{Request: strict.Read(r)}
	s.mu.Lock()
	a := s.handle(in)
	s.answered++
	id := s.answered
	s.mu.Unlock()
	a.Write(w, r, id, s.released)
}

// handle judges and answers one request; the lock is held.
func (s *Server) handle(in *request) answer {
	in.Now = time.Now()
	if in.BodyErr != nil {
		// The client died while it sent: nothing was asked.
		s.broken++
		return strict.Plain(http.StatusBadRequest)
	}
	s.route(in)
	s.requests[in.call]++
	if in.sub != nil {
		in.sub.requests[in.call]++
	}
	if in.vault != nil {
		in.vault.requests[in.call]++
	}
	s.checkRequest(in)
	a := s.dispatch(in)
	if a.Good {
		in.sub.lastGoodRead = in.Now
	}
	for _, p := range in.Problems {
		s.violations = append(s.violations, in.where()+": "+p)
	}
	return a
}

func (s *Server) dispatch(in *request) answer {
	switch {
	case in.sub == nil:
		return strict.Plain(http.StatusNotFound)
	case s.signedOut:
		return s.denied(in, http.StatusUnauthorized)
	case in.sub.forbidden:
		return s.denied(in, http.StatusForbidden)
	}
	switch in.call {
	case CallList:
		return s.list(in)
	case CallPrereqs:
		return s.prereqs(in)
	case CallStart:
		return s.start(in)
	case CallResult:
		return s.result(in)
	case CallOther:
		return strict.Plain(http.StatusNotFound)
	}
	return s.arm(in)
}

// denied answers 401 or 403 to a call of any kind.
func (s *Server) denied(in *request, status int) answer {
	if in.call == CallStart && in.vault != nil {
		s.judgeStart(in)
		in.vault.refuse(in, status, "not signed in or not permitted")
		in.vault.next = afterDenied
		in.sub.deniedAt = in.Now
	}
	code, message := "AuthenticationFailed", "The call could not be authenticated or is not permitted."
	if status == http.StatusForbidden && !in.call.classic() {
		code, message = "AuthorizationFailed", in.unauthorized()
	}
	a := errorAnswer(in, status, code, message)
	if status == http.StatusUnauthorized {
		a.Header.Set("WWW-Authenticate", `Bearer realm="strictcloud"`)
	}
	return a
}

func hash(parts ...string) uint32 {
	h := fnv.New32a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return h.Sum32()
}

// normalLocation makes "Australia East" and "australiaeast" the same
// (inventory.md#keys).
func normalLocation(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), ""))
}
