package notify

import (
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Kind says what a notification is about.
type Kind string

// The kinds. They are the last words of the CloudEvents type.
const (
	Started        Kind = "started"
	Resumed        Kind = "resumed"
	WaveFinished   Kind = "wave.finished"
	ApprovalNeeded Kind = "approval.needed"
	Halted         Kind = "halted"
	Paused         Kind = "paused"
	Continued      Kind = "continued" // the pause is over
	Waiting        Kind = "waiting"   // the process has left, to be resumed when its time has come
	Interrupted    Kind = "interrupted"
	Finished       Kind = "finished"

	Trial Kind = "test" // of no run: somebody tries whether it arrives
)

// Kinds lists all kinds that tell of a run.
func Kinds() []Kind {
	return []Kind{Started, Resumed, WaveFinished, ApprovalNeeded, Halted, Paused, Continued, Waiting,
		Interrupted, Finished}
}

// vital reports whether a notification is kept when others have to go: it says
// that nothing more happens without a person, or that all is over.
func (k Kind) vital() bool {
	return k == Halted || k == Finished || k == Interrupted || k == ApprovalNeeded
}

// Event is a notification.
type Event struct {
	ID      string // of the run and its place in the journal: the same whoever sends it
	Kind    Kind
	At      time.Time
	Subject string // the wave it is about, or "run"
	Data    Data

	zone    *time.Location // of the times that people read; nil: UTC
	already rollout.AlreadyBy
	ends    func() *report.ExpectedEnd
	report  func() ([]byte, error) // the page of the run, for an e-mail; nil: none goes along
}

// Last reports whether a notification says that nothing more happens by itself: then the
// report goes along with an e-mail.
func (k Kind) Last() bool { return k == Halted || k == Finished || k == Interrupted || k == Waiting }

// WithReport is the notification with the page of the run, which is made when somebody gets
// it, at most once.
func (e Event) WithReport(page func() ([]byte, error)) Event {
	e.report = sync.OnceValues(page)
	return e
}

// WithExpectedEnd is the notification with the end that is expected of the run by the time
// that this is first asked, the same one whenever it is asked again: it goes to every
// target alike. A guess takes its time, so it is made when the notification leaves and not
// when it is found.
func (e Event) WithExpectedEnd() Event {
	if e.ends != nil {
		e.Data.ExpectedEnd = e.ends()
	}
	return e
}

// Data is what a notification says: additive only, absent values are null.
type Data struct {
	SchemaVersion   int                  `json:"schemaVersion"`
	RunID           string               `json:"runId"`
	PlanFingerprint string               `json:"planFingerprint"`
	UpgradeKind     string               `json:"upgradeKind"`
	Direction       fleet.Direction      `json:"direction"` // of that kind
	Inventory       *string              `json:"inventory"` // the file's name
	Title           string               `json:"title"`
	Sentence        string               `json:"sentence"`
	Wave            *string              `json:"wave"`
	By              *string              `json:"by"`
	Reason          *string              `json:"reason"`
	ExitCode        *int                 `json:"exitCode"`   // where the run or its process is over
	Verdict         *string              `json:"verdict"`    // its name
	Phase           standing.Phase       `json:"phase"`      // where the run stands
	InFlight        int                  `json:"inFlight"`   // upgrades that may be under way
	NeedPerson      int                  `json:"needPerson"` // vaults that only a person can help
	Vaults          int                  `json:"vaults"`
	Totals          map[fleet.Status]int `json:"totals"`
	Waves           []Wave               `json:"waves"`
	Budget          Budget               `json:"budget"`
	StartedAt       *time.Time           `json:"startedAt"`
	ExpectedEnd     *report.ExpectedEnd  `json:"expectedEnd"` // a guess; null: none was made, or it is over
	Next            *string              `json:"next"`        // the command that a person would give next
	Reports         []string             `json:"reports"`     // the files the report is kept in
	// vaults that a person's closing of the run left to the next one
	NeverStarted int `json:"neverStarted"`
}

// Wave is how a wave stands.
type Wave struct {
	Name   string               `json:"name"`
	Done   bool                 `json:"done"`
	Totals map[fleet.Status]int `json:"totals"`
}

// Budget is the run's failure budget.
type Budget struct {
	Used  int `json:"used"`
	Limit int `json:"limit"`
}
