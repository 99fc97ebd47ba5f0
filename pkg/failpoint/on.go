//go:build failpoint && unix

package failpoint

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// Enabled tells whether this build has failpoints.
const Enabled = true

var (
	armed = read()
	hits  atomic.Int64
)

// read takes the failpoint from the environment. A mistake in it ends the
// program: a test that dies nowhere proves nothing.
func read() spec {
	s, err := parse(os.Getenv(Variable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return s
}

// Hit kills or stops the process if this is its point. A killed one does not
// come back from here; a stopped one does once it is continued.
func Hit(p Point) {
	if p != armed.point || hits.Add(1) != armed.hit {
		return
	}
	if !armed.stop {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	// The signal stops the process, not this goroutine: without the wait it
	// might go on for a moment.
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	fmt.Fprintln(os.Stderr, "stopped at", p) // for whoever waits for that
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-continued
	signal.Stop(continued)
}
