package fleet

import "time"

// Lane names the requests of a subscription that a cloud counts together when
// it limits how many come: those to the classic side, and on the Resource
// Manager the reads and the writes, each for itself.
type Lane string

// The lanes. Their names appear in logs and metrics.
const (
	LaneServiceManagement Lane = "service-management"
	LaneReads             Lane = "resource-manager-reads"
	LaneWrites            Lane = "resource-manager-writes"
)

// LaneAnswer is what an answer says about how fast its lane may go on.
type LaneAnswer struct {
	SentAt     time.Time     // when its request left
	Good       bool          // it came without trouble, whatever it said
	SlowDown   bool          // the cloud asks for fewer requests
	RetryAfter time.Duration // with SlowDown: how long it asks to be left alone; 0: it does not say
	Remaining  int           // the requests left before the cloud refuses some; negative: it does not say
}
