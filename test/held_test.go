package test

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// heldTimings have a start on its way for far longer than the grace: an
// inventory may say so.
func heldTimings() strict.Timings {
	t := quick()
	t.StartTimeout = 4 * time.Second
	return t
}

// holds lets something between client and cloud hold the first start for most of
// the time that it may be on its way. arrived is closed when it has come.
func (w *site) holds(timings strict.Timings) (arrived chan struct{}) {
	arrived = make(chan struct{})
	var came atomic.Bool
	w.gate.on(func(r *http.Request) {
		if !isStart(r) || came.Swap(true) {
			return
		}
		body, err := io.ReadAll(r.Body) // before its sender is gone
		if err != nil {
			w.t.Errorf("the start: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		close(arrived)
		time.Sleep(timings.StartTimeout * 8 / 10) // what the test is about
	}, nil)
	return arrived
}

// killAt kills the process when something has happened.
func (c *client) killAt(happened <-chan struct{}) {
	c.t.Helper()
	select {
	case <-happened:
		c.kill()
	case <-c.done:
		c.t.Fatalf("%v ended before that\n%s", c.args, tail(c.stderr.String(), 40))
	}
}

// A gateway holds a start, and the process that sent it is killed at once. The
// next one must not take the start for absent while it may still get through.
func TestAHeldStartOfADeadProcess(t *testing.T) {
	t.Parallel()
	timings := heldTimings()
	w := newWorld(t, timings)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v"}).Duration(200 * time.Millisecond)
	w.write(strictcloud.Inventory{Waves: []strict.Wave{{Name: "all"}}})
	arrived := w.holds(timings)
	run := w.start("run", w.inv, "--yes")
	run.killAt(arrived)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	if n := w.starts()["v"]; n != 1 || w.accepted() != 1 {
		t.Errorf("%d starts came, and %d were accepted; want one", n, w.accepted())
	}
	w.judge()
}

// So it must with a vault that is changed where it is, of which the service keeps
// no record of the start.
func TestAHeldChangeOfADeadProcess(t *testing.T) {
	t.Parallel()
	timings := heldTimings()
	w := newToday(t, strictarm.Config{Timings: timings})
	w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v"}).Takes(200 * time.Millisecond)
	w.write(strictarm.Inventory{Waves: []strict.Wave{{Name: "all"}}})
	arrived := w.holds(timings)
	run := w.start("run", w.inv, "--yes")
	run.killAt(arrived)
	w.start("resume", "--state", w.db, "--yes").ends(0)
	if n := w.patches()["v"]; n != 1 {
		t.Errorf("%d changes came; want one", n)
	}
	w.judge()
}
