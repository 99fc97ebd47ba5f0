// Package failpoint answers "where may a process be made to die".
//
// It names the boundaries of the start protocol and what lies around it: the
// places between which something has become durable, or has left this machine.
// A program built with the tag failpoint dies, or stands still, at the one that
// the environment variable FLEETUP_FAILPOINT names, so that a test may kill it
// exactly there and see what a resume makes of it:
//
//	go build -tags failpoint ./cmd/fleetup
//	FLEETUP_FAILPOINT=send-before        killed the first time it comes there
//	FLEETUP_FAILPOINT=send-before@3      the third time
//	FLEETUP_FAILPOINT=send-before=stop   stopped (SIGSTOP) instead, and goes on after SIGCONT
//
// A normal build has nothing of this: Hit is empty there, the variable is not
// read, and neither its name nor the table is in the program.
package failpoint
