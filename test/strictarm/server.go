package strictarm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Config says what the client was told, and how strict the server is. The zero
// value is usable.
type Config struct {
	// Timings are what the client is told in the inventory and held to. Zero
	// fields take the values of strict.FastTimings.
	Timings strict.Timings

	// APIVersions are the versions that the client was told to use in place of
	// the newest. A call that is missing keeps its own.
	APIVersions map[Call]string
}

// Server is the cloud. Make one with New.
type Server struct {
	cfg Config

	mu            sync.Mutex
	subscriptions map[string]*SubscriptionHandle // by GUID in lower case
	order         []*SubscriptionHandle
	vaults        []*VaultHandle
	links         map[string]link // by path and query
	host          string          // the one that the first request came to
	patchIDs      map[string]string
	assignNames   map[string]string // the name that a role assignment was asked for as
	assignTriples map[string]string
	graph         graph
	requests      map[Call]int
	violations    []string
	resent        []strict.Resent // not judged yet
	broken        int
	needed        map[string]bool // the actions that requests needed
	oversteps     []string        // those of them that the client's role lacked
	signed        int             // URLs of operations that were handed out
	answered      int

	signedOut    bool
	signOutAfter int // accepted PATCHes until the sign-in expires; 0: never
	accepted     int
	released     chan struct{}
	releaseOnce  sync.Once
}

// New returns a cloud without vaults.
func New(cfg Config) *Server {
	cfg.Timings = cfg.Timings.OrFast()
	return &Server{
		cfg:           cfg,
		subscriptions: map[string]*SubscriptionHandle{},
		links:         map[string]link{},
		patchIDs:      map[string]string{},
		assignNames:   map[string]string{},
		assignTriples: map[string]string{},
		graph:         graph{chains: map[string]*chain{}},
		requests:      map[Call]int{},
		needed:        map[string]bool{},
		released:      make(chan struct{}),
	}
}

// Close lets go of every request that is held back without an answer, so that
// an httptest server can close. The server still answers afterwards.
func (s *Server) Close() { s.releaseOnce.Do(func() { close(s.released) }) }

// AddVault puts a vault into the cloud, as it was before its kind is applied.
// The handle scripts what differs. A vault that cannot exist (no subscription,
// no name, the same vault twice) panics: the test is wrong.
func (s *Server) AddVault(spec Vault) *VaultHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec = spec.withDefaults()
	if spec.Subscription == "" || spec.Name == "" {
		panic("strictarm: a vault needs a subscription and a name")
	}
	sub := s.subscription(spec.Subscription)
	for _, o := range sub.vaults {
		if strings.EqualFold(o.spec.Name, spec.Name) && strings.EqualFold(o.spec.Group, spec.Group) &&
			o.spec.Kind.provider() == spec.Kind.provider() {
			panic(fmt.Sprintf("strictarm: vault %s is there already", o))
		}
	}
	v := &VaultHandle{
		s: s, sub: sub, spec: spec, index: len(s.vaults),
		wants: spec.Kind.properties(s.version(CallPatch, spec.Kind.provider()), spec.Days),
		takes: time.Second, requests: map[Call]int{},
	}
	v.doc = v.newDoc()
	v.graphDoc = clone(v.doc).(object)
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
	sub := &SubscriptionHandle{s: s, id: id, rules: 1, reads: "249", writes: "199", requests: map[Call]int{}}
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

// ExpireSignInAfter makes every call answer 401 once n PATCHes in all have been
// accepted, until SignIn. The n-th is still answered.
func (s *Server) ExpireSignInAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signOutAfter = n
	s.signedOut = s.signedOut || s.accepted >= n
}

// SignIn ends an expired sign-in.
func (s *Server) SignIn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signedOut, s.signOutAfter = false, 0
}

// AllowRestart permits one more PATCH of a vault that failed or whose PATCH
// was lost: what a person does with "reopen".
func (s *Server) AllowRestart(v *VaultHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.permits++
}

// ClientDied tells the server that the client was killed just now. The answers
// of the last second may not have reached it, so what they forbade is held
// against it no more than an answer that was lost; what it was to wait for
// between reads and polls it has forgotten.
func (s *Server) ClientDied() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, v := range s.vaults {
		if n := len(v.patches); n > 0 && now.Sub(v.patches[n-1].At) < wireDelay {
			if v.next == afterThrottle {
				v.mayKnow = v.notBefore
			}
			// What says that nothing was changed, and forbids nothing, frees a client
			// that has read it; one that has not will prove it.
			if v.next == afterThrottle || v.next == afterRefused || v.patches[n-1].Accepted {
				v.next, v.lost = afterLost, v.patches[n-1].ClientRequestID
			}
			if n := len(v.ops); n > 0 && now.Sub(v.ops[n-1].patch.At) < wireDelay {
				v.ops[n-1].told = false
			}
		}
		v.reads, v.rolePace = pace{}, pace{}
		for _, op := range v.ops {
			op.polls = pace{}
		}
	}
	s.graph.pace = pace{}
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
// but for PATCHes after lost ones: JudgeProofs.
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

// Actions returns the actions that the requests since it was last asked needed, in
// their order, and those that were refused because the client's role lacks them.
func (s *Server) Actions() (needed, refused []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	needed, refused = slices.Sorted(maps.Keys(s.needed)), s.oversteps
	s.needed, s.oversteps = map[string]bool{}, nil
	return needed, refused
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
		in.vault.settle(in.Now)
	}
	s.checkRequest(in)
	a := s.dispatch(in)
	if a.Good && in.sub != nil {
		in.sub.lastGoodRead = in.Now
	}
	if a.Header != nil {
		a.Header.Set("x-ms-correlation-request-id", fmt.Sprintf("%08x-c022-4e1a-9000-%012x", s.answered, s.answered))
		switch {
		case in.sub != nil && in.Method == http.MethodGet:
			a.Header.Set("x-ms-ratelimit-remaining-subscription-reads", in.sub.reads)
		case in.sub != nil:
			a.Header.Set("x-ms-ratelimit-remaining-subscription-writes", in.sub.writes)
		}
	}
	for _, p := range in.Problems {
		s.violations = append(s.violations, in.where()+": "+p)
	}
	return a
}

func (s *Server) dispatch(in *request) answer {
	want := methods[in.call]
	if want == "" {
		want = http.MethodGet
	}
	switch {
	case s.signedOut:
		return s.denied(in, http.StatusUnauthorized)
	case in.sub != nil && in.sub.forbidden:
		return s.denied(in, http.StatusForbidden)
	case in.call == CallOther:
		return failure(http.StatusNotFound, "ResourceNotFound", "There is nothing there.")
	case in.Method != want:
		return strict.Plain(http.StatusMethodNotAllowed)
	}
	if refused, over := s.overstepped(in); over {
		return s.instead(in, "not permitted", afterDenied, refused)
	}
	if in.sub != nil {
		if refused, ok := in.sub.take(in); !ok {
			return s.instead(in, "429 of the subscription", afterThrottle, refused)
		}
	}
	switch in.call {
	case CallGraph:
		return s.query(in)
	case CallSubscription:
		return strict.JSON(http.StatusOK, object{"id": "/subscriptions/" + in.sub.id, "subscriptionId": in.sub.id,
			"displayName": in.sub.name, "state": "Enabled", "tenantId": tenant}).AsGood()
	case CallProvider:
		state := "Registered"
		if in.sub.unregistered {
			state = "NotRegistered"
		}
		return strict.JSON(http.StatusOK,
			object{"id": "/subscriptions/" + in.sub.id + "/providers/" + in.name, "namespace": in.name,
				"registrationState": state, "registrationPolicy": "RegistrationRequired",
				"resourceTypes": []any{}}).AsGood()
	case CallRules:
		return s.getRules(in)
	case CallVault:
		return s.getVault(in)
	case CallPatch:
		return s.patch(in)
	case CallLocks:
		return s.getLocks(in)
	case CallAssignments:
		return s.getAssignments(in)
	case CallInstances:
		return s.getInstances(in)
	case CallAssign:
		return s.assign(in)
	case CallPermissions:
		return s.getPermissions(in)
	}
	return s.poll(in)
}

// denied answers 401 or 403 to a call of any kind.
func (s *Server) denied(in *request, status int) answer {
	a := failure(status, "AuthorizationFailed", in.unauthorized())
	if status == http.StatusUnauthorized {
		a = failure(status, "ExpiredAuthenticationToken", "The access token has expired.")
		a.Header.Set("WWW-Authenticate", `Bearer realm="strictarm"`)
	}
	return s.instead(in, "denied", afterDenied, a)
}

// instead answers in the place of what was asked. A PATCH is judged and counted
// all the same.
func (s *Server) instead(in *request, name string, next nextPatch, a answer) answer {
	if in.call != CallPatch || in.vault == nil {
		return a
	}
	v := in.vault
	if next == afterThrottle {
		v.notBefore = in.sub.writeBucket.pace.until
	}
	v.patchScript = slices.Insert(v.patchScript, 0,
		PatchFault{name: name, next: next, reply: func(*request, *VaultHandle, *operation) answer { return a }})
	return s.patch(in)
}
