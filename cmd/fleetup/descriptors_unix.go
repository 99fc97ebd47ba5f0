//go:build unix

package main

import "syscall"

// descriptorLimit is how many file descriptors this process may have open, after the
// limit was raised as far as it may be; false where that is not known.
func descriptorLimit() (int, bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	if raised := l; l.Cur < l.Max {
		raised.Cur = l.Max
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			l = raised
		}
	}
	return int(min(uint64(l.Cur), 1<<30)), true
}
