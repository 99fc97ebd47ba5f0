//go:build unix

package main

import (
	"runtime/debug"
	"syscall"
)

// distinctCrash makes a crash of the program, in whichever goroutine, and a SIGQUIT end it
// by SIGABRT, which a shell shows as 134. Go would exit with 2, which is one of our own
// codes and says that nothing was started (exit.go). Where the process might leave a dump
// of what it knows all the same, that is worse than a wrong code: see noCoreDump.
func distinctCrash() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &l) == nil && l.Cur == 0 {
		debug.SetTraceback("crash")
	}
}
