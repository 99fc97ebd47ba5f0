package fleet

import "time"

// RateLimitClass names the requests of a subscription that a cloud counts
// together when it limits how many come: those to the classic side, and on the
// Resource Manager the reads and the writes, each for itself.
type RateLimitClass string

// The classes. Their names appear in logs and metrics.
const (
	ClassServiceManagement RateLimitClass = "service-management"
	ClassReads             RateLimitClass = "resource-manager-reads"
	ClassWrites            RateLimitClass = "resource-manager-writes"
)

// RateLimitAnswer is what an answer says about how fast its class may go on.
type RateLimitAnswer struct {
	SentAt     time.Time     // when its request left
	Good       bool          // it came without trouble, whatever it said
	SlowDown   bool          // the cloud asks for fewer requests
	RetryAfter time.Duration // with SlowDown: how long it asks to be left alone; 0: it does not say
	Remaining  int           // the requests left before the cloud refuses some; negative: it does not say
}
