package main

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// sinkLimit bounds what waits to be written: a disk that does not keep up costs
// lines, not memory.
const sinkLimit = 16 << 20

// errSlow is why lines are lost while the file takes none.
var errSlow = errors.New("it does not keep up")

// sink writes a log from a goroutine of its own: whatever is wrong with the
// file, Write neither fails nor waits, so a log never stops or slows a run.
// Lines that cannot be written are dropped and counted, and the first time is
// said. It is safe for concurrent use.
type sink struct {
	to       io.Writer
	complain func(error) // called once at most

	mu      sync.Mutex
	waiting bytes.Buffer
	closed  bool
	lost    int // lines
	said    bool
	wake    chan struct{} // holds one
	done    chan struct{} // closed when all has been written or dropped
}

func newSink(to io.Writer, complain func(error)) *sink {
	s := &sink{to: to, complain: complain, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.drain()
	return s
}

// Write takes one or more whole lines.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	full := s.closed || s.waiting.Len()+len(p) > sinkLimit
	if !full {
		s.waiting.Write(p)
	}
	s.mu.Unlock()
	if full {
		s.drop(p, errSlow)
	}
	s.nudge()
	return len(p), nil
}

func (s *sink) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// drop counts the lines of p as lost, and says so the first time.
func (s *sink) drop(p []byte, why error) {
	s.mu.Lock()
	s.lost += bytes.Count(p, []byte("\n"))
	first := !s.said && !s.closed
	s.said = s.said || first
	s.mu.Unlock()
	if first {
		s.complain(why)
	}
}

// drain writes what waits until the sink is closed and empty.
func (s *sink) drain() {
	defer close(s.done)
	var out bytes.Buffer
	torn := false // the file's last line is not whole
	for range s.wake {
		s.mu.Lock()
		out, s.waiting = s.waiting, out
		closed := s.closed
		s.mu.Unlock()
		if out.Len() > 0 {
			torn = s.put(out.Bytes(), torn)
		}
		out.Reset()
		if closed {
			return
		}
	}
}

// put writes lines, and reports whether the last one that it wrote is torn.
func (s *sink) put(p []byte, torn bool) bool {
	if torn {
		if _, err := s.to.Write([]byte("\n")); err != nil {
			s.drop(p, err)
			return true
		}
	}
	n, err := s.to.Write(p)
	if err == nil {
		return false
	}
	whole := bytes.LastIndexByte(p[:n], '\n') + 1
	s.drop(p[whole:], err)
	return whole < n
}

// missing counts the lines that are lost so far.
func (s *sink) missing() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// close lets what waits be written, for no longer than patience.
func (s *sink) close(patience time.Duration) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.nudge()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	}
}
