package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// writeTimeout is how long a client may take to read an answer, or a message of
// a stream.
const writeTimeout = 20 * time.Second

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	m.Handle("/{$}", s.shown(func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, "text/html; charset=utf-8", s.hub.Load().page)
	}))
	m.HandleFunc("/page.css", plain("text/css; charset=utf-8", styles()))
	m.HandleFunc("/page.js", plain("text/javascript; charset=utf-8", script()))
	m.Handle("/api/status", s.shown(func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, "application/json", s.hub.Load().status)
	}))
	m.Handle("/events", s.shown(s.events))
	m.Handle("/metrics", s.shown(func(w http.ResponseWriter, r *http.Request) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(&gauges{s.hub.Load()})
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
	}))
	return m
}

// shown waits until there is a run to show.
func (s *Server) shown(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.begun:
			next(w, r)
		case <-r.Context().Done():
		case <-s.stop:
			http.Error(w, "the run did not begin", http.StatusServiceUnavailable)
		}
	})
}

func plain(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(text)) // a client that went away
	}
}

// answer writes what there is to say as a whole, or that it cannot be said.
// Over a network it is packed: the page of a large fleet has megabytes.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, kind string, write func(io.Writer) error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		http.Error(w, lexicon.Clean(err.Error()), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Vary", "Accept-Encoding")
	if loopbackHost(hostOf(r.RemoteAddr)) && loopbackHost(hostOf(r.Host)) || !takesGzip(r.Header) {
		_, _ = w.Write(b.Bytes()) // a client that went away
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is one
	_, _ = z.Write(b.Bytes())
	_ = z.Close() // nor here
}

// takesGzip reports whether a client takes packed answers: the coding in any capitals,
// and not one that it refuses with a weight of 0 (RFC 9110, 8.4.1 and 12.5.3).
func takesGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighed := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, _ := strings.Cut(weight, "=")
		n, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && n > 0
	}
	return false
}

// status is the document of fleetup status -o json.
func (d *liveHub) status(w io.Writer) error {
	d.foresee()
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.run.Options
	o.Format = layout.FormatJSON
	return report.Status(w, d.view(), o)
}

// events streams what changes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // a stream has no end to wait for
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.URL.Query().Get("after")
	}
	hub := s.hub.Load()
	me, err := hub.watch(seen)
	if errors.Is(err, errCrowded) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if err != nil {
		http.Error(w, lexicon.Clean(err.Error()), http.StatusInternalServerError)
		return
	}
	defer hub.forget(me)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a reverse proxy must not collect them
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case m, more := <-me.queue:
			if !more {
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(writeTimeout)) // without one the connection's own holds
			if _, err := fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", m.id, m.event, m.data); err != nil ||
				out.Flush() != nil {
				return
			}
		}
	}
}
