package failpoint

import "slices"

// Point is a place where a process may be made to die.
type Point string

// The points, in the order in which a vault's life passes them.
const (
	LedgerBuilt      Point = "ledger-built"
	LedgerLinked     Point = "ledger-linked"
	BeginBefore      Point = "begin-before"
	BeginAfter       Point = "begin-after"
	ResumedBefore    Point = "resumed-before"
	ResumedAfter     Point = "resumed-after"
	FactsBefore      Point = "facts-before"
	TransactionOpen  Point = "transaction-open"
	FactsAfter       Point = "facts-after"
	StartPrepared    Point = "start-prepared"
	IntentsBefore    Point = "intents-before"
	IntentsAfter     Point = "intents-after"
	SendBefore       Point = "send-before"
	SendWritten      Point = "send-written"
	SendAnswered     Point = "send-answered"
	AnswerBefore     Point = "answer-before"
	AnswerAfter      Point = "answer-after"
	ReconcileBefore  Point = "reconcile-before"
	ReconcileAfter   Point = "reconcile-after"
	ReconciledBefore Point = "reconciled-before"
	ReconciledAfter  Point = "reconciled-after"
	ObservedBefore   Point = "observed-before"
	ObservedAfter    Point = "observed-after"
	VerifyBefore     Point = "verify-before"
	VerifyAfter      Point = "verify-after"
	VerifiedBefore   Point = "verified-before"
	VerifiedAfter    Point = "verified-after"
	SuspendedBefore  Point = "suspended-before"
	SuspendedAfter   Point = "suspended-after"
	ClosedBefore     Point = "closed-before"
	ClosedAfter      Point = "closed-after"
)

// Meaning is what a point says to people.
type Meaning struct {
	Point    Point
	Where    string // in the life of a run
	Happened string // what may have happened when a process dies there
	Resume   string // what the next process does
}

const followed = "finds it by its operation ID in the listing and follows it; sends nothing"

var meanings = []Meaning{
	{LedgerBuilt, "a new ledger is written and synced under another name, and not yet linked to its own",
		"there is no ledger; a file `.NAME.new-…` is left over", "there is nothing to resume: `run` begins anew"},
	{LedgerLinked, "the new ledger has its name; its directory is not synced",
		"there is a whole ledger without a run; a power cut may still take its name away",
		"there is nothing to resume: `run` begins, and syncs the directory first"},
	{BeginBefore, "before the transaction that opens the run", "there is a ledger without this run",
		"there is nothing to resume: `run` begins anew"},
	{BeginAfter, "after it", "the run is open, and nothing of it is done",
		"begins with the first vault; another `run` is refused"},
	{ResumedBefore, "before the resume is written down", "nothing but reading", "as if that process had never been"},
	{ResumedAfter, "after it", "every start without an answer is in doubt, and the clock of its proof began anew",
		"lets that clock begin once more"},
	{FactsBefore, "before facts are written down", "what was seen is known to nobody: a check, a reading, an answer",
		"sees it again: it asks the cloud"},
	{TransactionOpen, "inside a transaction, before its pages are written",
		"as before it: a transaction is whole or not at all", "as before it"},
	{FactsAfter, "after facts were written down, before anything is done about them",
		"the facts are there; what follows from them was not begun", "draws the same conclusions from them"},
	{StartPrepared, "a start has its fresh reading, its turn, its token and its operation ID",
		"nothing that matters: no intent, no POST", "prepares it again, with a new operation ID"},
	{IntentsBefore, "before the intents are written down", "no intent, no POST",
		"prepares the starts again, with new operation IDs"},
	{IntentsAfter, "the intents are on disk, and no POST has left",
		"nothing in the cloud, which the ledger cannot know",
		"doubts it: two readings, a grace apart, prove its absence; only then it is started, with a new operation ID"},
	{SendBefore, "right before the POST", "as after the intents; other starts of the same moment may have left",
		"as after the intents"},
	{SendWritten, "the POST is written to the network, and no answer has come", "the cloud may have taken it",
		followed + ". If it was not taken, as after the intents"},
	{SendAnswered, "the answer was read, and nobody was told", "the cloud took it, refused it or never saw it",
		followed + ". A start that was refused unseen is proved absent and sent once more"},
	{AnswerBefore, "before the answer is written down", "as when it was read", "as when it was read"},
	{AnswerAfter, "after it", "the answer is known, and was acted on by nobody",
		"goes on from the answer: an accepted start is followed, a refused one has failed"},
	{ReconcileBefore, "before the readings that look for a start without an answer",
		"the start is in doubt, as the ledger says", "makes these readings, not before its grace"},
	{ReconcileAfter, "after them", "what they showed is known to nobody", "makes them again"},
	{ReconciledBefore, "before what they showed is written down", "what they showed is known to nobody",
		"makes them again"},
	{ReconciledAfter, "after it", "one absence is on disk, or the start was found",
		"one absence is no proof: the second reading is still to come. A start that was found is followed"},
	{ObservedBefore, "before a change of an upgrade's state is written down", "a listing showed it, and nobody knows",
		"the next listing shows it again"},
	{ObservedAfter, "after it", "the upgrade is known to run, or to be over, and was not verified",
		"verifies what is over, follows what is not"},
	{VerifyBefore, "before the new vault is read", "the cloud says Upgraded, and nobody looked", "reads it"},
	{VerifyAfter, "after it was read", "what was read is known to nobody", "reads it again"},
	{VerifiedBefore, "before that is written down", "what was read is known to nobody", "reads it again"},
	{VerifiedAfter, "after it", "the vault is upgraded, and its slot was given to nobody",
		"gives the slot to the next vault"},
	{SuspendedBefore, "before an orderly stop is written down",
		"every start that was out has been answered; the last answer and the stop are not on disk",
		"goes on as after a kill"},
	{SuspendedAfter, "after it", "all is on disk; only the exit code was not given", "goes on"},
	{ClosedBefore, "before the end of the run is written down", "every vault has its end, and the run has not",
		"sees that nothing is left, and writes the end down"},
	{ClosedAfter, "after it", "all is over; only the exit code was not given", "says that there is nothing to resume"},
}

// Meanings returns the table of all points, in order.
func Meanings() []Meaning { return slices.Clone(meanings) }

func known(p Point) bool {
	return slices.ContainsFunc(meanings, func(m Meaning) bool { return m.Point == p })
}
