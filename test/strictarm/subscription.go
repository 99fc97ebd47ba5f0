package strictarm

import "time"

// SubscriptionHandle scripts a subscription. Its methods return the handle and
// may be called while the server runs.
type SubscriptionHandle struct {
	s      *Server
	id     string // in lower case
	vaults []*VaultHandle

	// the script
	name          string
	labels        map[string]string
	group         string // the management group it is in; empty: none
	forbidden     bool
	unregistered  bool
	may, mayNot   []string // actions and notActions; nil: all and none
	unseen        bool     // Resource Graph leaves it out
	rules         int
	nextElsewhere bool
	reads, writes string // what is told of the requests that are left
	readBucket    bucket
	writeBucket   bucket

	// the truth
	requests     map[Call]int
	rulesRead    bool
	throttled    int
	early        int
	deniedAt     time.Time
	lastGoodRead time.Time
}

func (h *SubscriptionHandle) with(change func()) *SubscriptionHandle {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	change()
	return h
}

// Named gives the subscription a name and labels, as the inventory says them; to
// Resource Graph the labels are its tags.
func (h *SubscriptionHandle) Named(name string, labels map[string]string) *SubscriptionHandle {
	return h.with(func() { h.name, h.labels = name, labels })
}

// In puts the subscription into a management group, for Resource Graph.
func (h *SubscriptionHandle) In(group string) *SubscriptionHandle {
	return h.with(func() { h.group = group })
}

// Forbidden answers 403 to every call, or no more.
func (h *SubscriptionHandle) Forbidden(on bool) *SubscriptionHandle {
	return h.with(func() { h.forbidden = on })
}

// Unseen makes Resource Graph leave the subscription out of every scope, without
// a word: the identity may not read it there (seen in reports of users).
func (h *SubscriptionHandle) Unseen(on bool) *SubscriptionHandle {
	return h.with(func() { h.unseen = on })
}

// Rules is how many alert processing rules there are; one where not given.
func (h *SubscriptionHandle) Rules(n int) *SubscriptionHandle {
	return h.with(func() { h.rules = n })
}

// NextElsewhere writes the links to next pages with another host: a token must
// not follow there.
func (h *SubscriptionHandle) NextElsewhere() *SubscriptionHandle {
	return h.with(func() { h.nextElsewhere = true })
}

// Remaining sets the counts that x-ms-ratelimit-remaining-subscription-reads
// and -writes tell, as they are to be written.
func (h *SubscriptionHandle) Remaining(reads, writes string) *SubscriptionHandle {
	return h.with(func() { h.reads, h.writes = reads, writes })
}

// May sets what the client is permitted to do in the subscription, as the
// actions of its role and what they leave out. Everything else is refused with
// 403, polls of operations too.
func (h *SubscriptionHandle) May(actions, notActions []string) *SubscriptionHandle {
	return h.with(func() { h.may, h.mayNot = actions, notActions })
}

// Unregistered takes the registration of all resource providers away.
func (h *SubscriptionHandle) Unregistered() *SubscriptionHandle {
	return h.with(func() { h.unregistered = true })
}
