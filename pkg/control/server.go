package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Journal is what a live run shows: the ledger that it writes to, or a reader
// of it. Its methods are those of state.Reader.
type Journal interface {
	Runs() ([]state.RunInfo, error)
	Head() (seq uint64, hash string, err error)
	Plan(fingerprint string) ([]byte, error)
	EventsAfter(runID string, after uint64, fn func(seq uint64, e fleet.Event) error) error
	VaultRecords(fn func(fleet.VaultRecord) error) error
}

// Config is what a server needs.
type Config struct {
	Ledger  string // the ledger's path without symbolic links
	Group   string // the name or number of a group whose members may speak to the run too; empty: nobody but the owner
	Version string // of the program
	RunID   string
	Journal Journal
	// Obey carries an order out and returns what to answer. It returns when
	// what was ordered is on disk; the context ends with the connection. An
	// error that is a *Refusal reaches the client as it is.
	Obey func(ctx context.Context, who Peer, order json.RawMessage) (any, error)
}

// Refusal is why an order was not carried out, for the person who gave it.
type Refusal struct {
	Message  string         `json:"message"`
	ExitCode fleet.ExitCode `json:"exitCode"`
	Next     string         `json:"next,omitempty"`
	Kind     string         `json:"kind,omitempty"` // see kinds

	Typed string `json:"typed,omitempty"` // a word of the order that is wrong
	Meant string `json:"meant,omitempty"` // and the one that was probably meant
}

func (r *Refusal) Error() string { return r.Message }

// Unwrap gives the sentinel that the error was, where it was read.
func (r *Refusal) Unwrap() error { return kinds[r.Kind] }

// kinds are the errors that callers branch on and that keep their identity on
// their way through the socket.
var kinds = map[string]error{
	"no-run": state.ErrNoRun, "no-plan": state.ErrNoPlan, "commit": state.ErrCommit, "closed": state.ErrClosed,
	"damaged": state.ErrDamaged,
}

// refusalOf puts an error into the form that crosses the socket.
func refusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	r := &Refusal{Message: err.Error(), ExitCode: fleet.ExitInternal}
	for kind, sentinel := range kinds {
		if errors.Is(err, sentinel) {
			r.Kind = kind
		}
	}
	return r
}

// What a client may do, at most.
const (
	maxConnections = 32               // see room
	maxBody        = 64 << 10         // bytes of an order
	maxHeader      = 16 << 10         // bytes of a request's head
	patience       = 10 * time.Second // for a client to take or give the next piece
	longestAnswer  = 5 * time.Minute  // of a client that takes a piece now and then
	chunk          = 64 << 10         // bytes of an answer between two deadlines
)

// Server is the socket of a live run.
type Server struct {
	path  string
	group int
	http  *http.Server
	room  *room
	done  chan struct{}
	base  context.Context
	end   context.CancelFunc
}

// Serve opens the socket of a ledger. Call it with the ledger's lock held.
func Serve(c Config) (*Server, error) { return serve(c, patience) }

func serve(c Config, patience time.Duration) (*Server, error) {
	group, err := GroupID(c.Group)
	if err != nil {
		return nil, err
	}
	l, path, err := listen(c.Ledger, group)
	if err != nil {
		return nil, err
	}
	s := &Server{path: path, group: group, done: make(chan struct{})}
	s.base, s.end = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           handler(c, patience),
		ReadHeaderTimeout: patience, ReadTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: maxHeader,
		ConnContext: withSeat,
		BaseContext: func(net.Listener) context.Context { return s.base },
		ErrorLog:    log.New(io.Discard, "", 0), // what clients do wrong is theirs to see
	}
	s.room = &room{Listener: l, most: maxConnections}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(s.room) // ends with Close
	}()
	return s, nil
}

// GroupID finds a group's number, -1 for none.
func GroupID(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("there is no group %q on this machine", name)
	}
	return strconv.Atoi(g.Gid)
}

// Path is the socket's path.
func (s *Server) Path() string { return s.path }

// Group is the number of the group whose members may speak to the run, -1 for
// none.
func (s *Server) Group() int { return s.group }

// farewell is how long answers that are under way may take once the run is
// over.
const farewell = 2 * time.Second

// Close lets the answers that are under way end, for a moment, and takes the
// socket away.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.end()
	<-s.done
	_ = os.Remove(filepath.Dir(s.path)) // the listener took the socket away; what is not empty stays
}

type service struct {
	Config
	patience time.Duration
}

func handler(c Config, patience time.Duration) http.Handler {
	s := &service{c, patience}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/hello", s.hello)
	mux.HandleFunc("GET /v1/runs", s.runs)
	mux.HandleFunc("GET /v1/head", s.head)
	mux.HandleFunc("GET /v1/plans/{fingerprint}", s.plan)
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/vaults", s.vaults)
	mux.HandleFunc("POST /v1/orders", s.order)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			defer keepsPlace(r.Context())()
		}
		mux.ServeHTTP(w, r)
	})
}

// Hello says whom one speaks to.
type Hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	PID      int    `json:"pid"`
	RunID    string `json:"runId"`
}

const protocol = 1

func (s *service) hello(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, Hello{protocol, s.Version, os.Getpid(), s.RunID}, nil)
}

func (s *service) runs(w http.ResponseWriter, _ *http.Request) {
	runs, err := s.Journal.Runs()
	s.answer(w, runs, err)
}

// place of the journal's end.
type headJSON struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func (s *service) head(w http.ResponseWriter, _ *http.Request) {
	seq, hash, err := s.Journal.Head()
	s.answer(w, headJSON{seq, hash}, err)
}

func (s *service) plan(w http.ResponseWriter, r *http.Request) {
	plan, err := s.Journal.Plan(r.PathValue("fingerprint"))
	s.answer(w, json.RawMessage(plan), err)
}

// answer writes a value, or the error in its place.
func (s *service) answer(w http.ResponseWriter, v any, err error) {
	data, status := []byte(nil), http.StatusOK
	switch stored, asItIs := v.(json.RawMessage); {
	case err != nil:
	case asItIs:
		data = stored
	default:
		data, err = json.Marshal(v)
	}
	if err != nil {
		data, _ = json.Marshal(refusalOf(err)) // texts and numbers
		status = http.StatusConflict
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = s.stream(w).Write(data) // a client that went away has its own trouble
}

// refuse answers with an error.
func (s *service) refuse(w http.ResponseWriter, err error) { s.answer(w, nil, err) }

// order hands an order to the run.
func (s *service) order(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || !json.Valid(body) {
		s.refuse(w, &Refusal{Message: "the order cannot be read", ExitCode: fleet.ExitUsage,
			Next: "give it with the version of fleetup that carries out the run, " + s.Version})
		return
	}
	defer keepsPlace(r.Context())() // not before the order has come whole
	v, err := s.Obey(r.Context(), peerIn(r.Context()), body)
	s.answer(w, v, err)
}
