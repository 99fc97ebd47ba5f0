package control

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// line is one line of an answer that has many. Exactly one field is set.
type line struct {
	Seq    uint64             `json:"seq,omitempty"` // with Event
	Event  *fleet.Event       `json:"event,omitempty"`
	Record *fleet.VaultRecord `json:"record,omitempty"`
	Error  *Refusal           `json:"error,omitempty"` // what follows could not be read
	End    bool               `json:"end,omitempty"`   // nothing follows
}

// errGone ends the reading of the journal for a client that takes nothing any
// more.
var errGone = errors.New("the client has gone")

func (s *service) events(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	if err != nil {
		s.refuse(w, &Refusal{Message: "after is no number", ExitCode: fleet.ExitUsage})
		return
	}
	s.lines(w, func(send func(line) error) error {
		return s.Journal.EventsAfter(r.FormValue("run"), after, func(seq uint64, e fleet.Event) error {
			return send(line{Seq: seq, Event: &e})
		})
	})
}

func (s *service) vaults(w http.ResponseWriter, _ *http.Request) {
	s.lines(w, func(send func(line) error) error {
		return s.Journal.VaultRecords(func(r fleet.VaultRecord) error { return send(line{Record: &r}) })
	})
}

// lines writes what a reading sends, and how it ended.
func (s *service) lines(w http.ResponseWriter, read func(send func(line) error) error) {
	w.Header().Set("Content-Type", "application/jsonl")
	out := s.stream(w)
	send := func(l line) error {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(data, '\n')); err != nil {
			return errGone
		}
		return nil
	}
	end := line{End: true}
	if err := read(send); err != nil {
		end = line{Error: refusalOf(err)}
	}
	_ = send(end) // one who is gone needs no end
	out.flush()
}

// stream writes an answer in pieces. A client has so long for each, and so long
// in all.
type stream struct {
	w        http.ResponseWriter
	deadline func(time.Time) error
	patience time.Duration
	until    time.Time
	unsent   int
}

func (s *service) stream(w http.ResponseWriter) *stream {
	return &stream{w: w, deadline: http.NewResponseController(w).SetWriteDeadline, patience: s.patience,
		until: time.Now().Add(longestAnswer)}
}

func (s *stream) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), chunk)]
		if s.unsent == 0 || s.unsent+len(piece) > chunk {
			next := time.Now().Add(s.patience)
			if next.After(s.until) {
				next = s.until
			}
			if err := s.deadline(next); err != nil {
				return n, err
			}
			s.unsent = 0
		}
		m, err := s.w.Write(piece)
		n, p, s.unsent = n+m, p[m:], s.unsent+m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *stream) flush() {
	if f, ok := s.w.(http.Flusher); ok {
		f.Flush()
	}
}
