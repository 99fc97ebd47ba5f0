// Package standing answers "how does a run stand, seen from outside at a moment":
// the one phase it is in, what it waits for and until when, when its windows open, when
// it is expected to end, and how an upgrade stands against its prediction.
//
// It is the one place that knows. Terminal, page, report, JSON, notifications and
// metrics put what it says into words and conclude nothing themselves. All of it is
// data, without words for people. Like the brain it has no clock, no I/O and no
// goroutine: the moment is given, and the same state at the same moment stands the
// same everywhere.
package standing
