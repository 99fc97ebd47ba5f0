package main

import (
	"os"
	"runtime/debug"
)

// sparing has garbage collected sooner while a command of a moment makes much of a large
// inventory, unless the environment says otherwise; call what it returns afterwards. For
// such a process fresh memory costs as much as collecting does (docs/performance.md).
func sparing() (restore func()) {
	const percent = 35
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(was) }
}
