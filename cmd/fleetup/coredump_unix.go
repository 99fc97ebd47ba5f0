//go:build unix

package main

import "syscall"

// noCoreDump keeps what this process knows, tokens above all, out of a core dump. Where
// the limit cannot be set nothing is said: it is a second line, and 0 nearly everywhere.
func noCoreDump() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &l) == nil {
		l.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &l)
	}
}
