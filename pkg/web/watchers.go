package web

import (
	"errors"
	"slices"
)

// watcher is somebody who has the page open. What it is told waits in a queue
// of its own; who does not keep up is dropped, and may come back.
type watcher struct{ queue chan message }

// message is a server-sent event.
type message struct {
	id    string // the version after it: what to come back with
	event string
	data  []byte
}

// The last message of a process, and of a run after which another is shown.
var (
	theEnd  = message{event: "end", data: []byte("{}")}
	theNext = message{event: "next", data: []byte("{}")}
)

// How many may watch at once, and how far one may fall behind.
const (
	maxWatchers = 64
	maxBehind   = 16
)

var errCrowded = errors.New("too many pages are open on this run")

// watch begins to watch. seen is the version that the page has: with it, or
// with the diffs since, the watcher is current; else it begins with a snapshot.
func (d *liveHub) watch(seen string) (*watcher, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.watchers) >= maxWatchers {
		return nil, errCrowded
	}
	s, err := d.advance(false)
	if err != nil {
		return nil, err
	}
	missed, ok := d.missed(seen)
	if !ok {
		m, err := d.snapshot(s)
		if err != nil {
			return nil, err
		}
		missed = []message{m}
	}
	w := &watcher{queue: make(chan message, maxBehind+keptDiffs)}
	d.watchers[w] = true
	for _, m := range missed {
		d.tell(w, m)
	}
	if d.over {
		d.tell(w, theEnd)
		d.drop(w)
	}
	return w, nil
}

// missed lists the diffs since a version; ok is false where they are not known
// any more. The caller holds mu.
func (d *liveHub) missed(seen string) (out []message, ok bool) {
	if seen == d.stamp(d.version) {
		return nil, true
	}
	for i := len(d.kept) - 1; i >= 0; i-- {
		if before := d.version - int64(len(d.kept)-i); d.stamp(before) == seen {
			return d.kept[i:], true
		}
	}
	return nil, false
}

// keep remembers a diff for those who come back. The caller holds mu.
func (d *liveHub) keep(m message) {
	if len(m.data) > keptSize {
		d.kept = nil // a snapshot costs no more
		return
	}
	if d.kept = append(d.kept, m); len(d.kept) > keptDiffs {
		d.kept = slices.Delete(d.kept, 0, 1)
	}
}

// snapshot is everything. The caller holds mu.
func (d *liveHub) snapshot(s pageData) (message, error) {
	parts, err := s.fragments()
	if err != nil {
		return message{}, err
	}
	s.fragmented = parts
	data, err := s.data()
	return message{id: s.version, event: "snapshot", data: data}, err
}

// tell queues a message for a watcher, or drops it. The caller holds mu.
func (d *liveHub) tell(w *watcher, m message) {
	if !d.watchers[w] {
		return
	}
	select {
	case w.queue <- m:
	default:
		d.drop(w)
	}
}

// drop ends a watcher: what is in its queue is still sent. The caller holds mu.
func (d *liveHub) drop(w *watcher) {
	if d.watchers[w] {
		delete(d.watchers, w)
		close(w.queue)
	}
}

func (d *liveHub) forget(w *watcher) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(w)
}
