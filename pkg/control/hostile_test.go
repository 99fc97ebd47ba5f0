package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// live is a ledger with a run and its socket.
func live(t *testing.T, patience time.Duration,
	obey func(context.Context, Peer, json.RawMessage) (any, error)) (*state.Ledger, *Server) {
	t.Helper()
	open, lock := ledgerIn(t, t.TempDir())
	l := open()
	t.Cleanup(func() { l.Close() })
	if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
		t.Fatal(err)
	}
	s, err := serve(Config{Ledger: lock.Real(), Version: "v1", RunID: "r1", Journal: l, Obey: obey}, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return l, s
}

// echo carries every order out.
func echo(_ context.Context, who Peer, order json.RawMessage) (any, error) {
	return map[string]any{"who": who.User, "pid": who.PID, "order": order}, nil
}

// Nobody says who they are: the kernel does.
func TestOrderCarriesWhoGaveIt(t *testing.T) {
	t.Parallel()
	_, s := live(t, patience, echo)
	c := dialled(t, s)
	defer c.Close()
	var reply struct {
		Who   string
		PID   int
		Order struct{ User, Do string }
	}
	if err := c.Order(map[string]string{"do": "pause", "user": "somebody else"}, &reply); err != nil {
		t.Fatal(err)
	}
	want := named(os.Geteuid(), os.Getpid())
	if reply.Who != want.User || reply.Order.Do != "pause" {
		t.Errorf("the order came as %+v, want it from %+v", reply, want)
	}
	if c.Hello.RunID != "r1" || c.Hello.Version != "v1" || c.Hello.PID != os.Getpid() {
		t.Errorf("hello: %+v", c.Hello)
	}
}

// A refusal reaches whoever gave the order, whole.
func TestOrderRefused(t *testing.T) {
	t.Parallel()
	no := &Refusal{Message: "the run stands before no gate", ExitCode: fleet.ExitUsage, Next: "fleetup status"}
	_, s := live(t, patience, func(context.Context, Peer, json.RawMessage) (any, error) { return nil, no })
	c := dialled(t, s)
	defer c.Close()
	err := c.Order("approve", nil)
	if got, ok := errors.AsType[*Refusal](err); !ok || *got != *no {
		t.Errorf("got %#v, want %#v", err, no)
	}
}

// The socket is for its owner alone, whatever the umask says and whatever was
// there before.
func TestSocketIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, lock := ledgerIn(t, dir)
	left := place(lock.Real())
	if err := os.MkdirAll(filepath.Dir(left), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(left), 0o777); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false) // left by a dead process
	dead.Close()
	s := serving(t, Config{Ledger: lock.Real(), Obey: deaf})
	for path, want := range map[string]os.FileMode{filepath.Dir(s.Path()): 0o700 | os.ModeDir,
		s.Path(): 0o600 | os.ModeSocket} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
		}
	}
	s.Close()
	if _, err := os.Stat(filepath.Dir(s.Path())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder is left behind: %v", err)
	}
}

// What is in the way of the socket's folder is not followed and not removed.
func TestSocketsFolderIsTaken(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"a file":                func(p string) error { return os.WriteFile(p, []byte("precious"), 0o600) },
		"a link to a directory": func(p string) error { return os.Symlink(os.TempDir(), p) },
		"a folder of somebody's": func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, "letters"), []byte("precious"), 0o600))
		},
		"a file called as the socket": func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, socketName),
				[]byte("precious"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := filepath.Join(t.TempDir(), "fleet.db")
			if err := put(ledger + dirSuffix); err != nil {
				t.Fatal(err)
			}
			if s, err := Serve(Config{Ledger: ledger, Obey: deaf}); err == nil {
				s.Close()
				t.Error("the socket was opened all the same")
			}
			fi, err := os.Lstat(ledger + dirSuffix)
			if err != nil {
				t.Fatalf("what was in the way is gone: %v", err)
			}
			if fi.IsDir() {
				if left, err := os.ReadDir(ledger + dirSuffix); err != nil || len(left) != 1 ||
					fi.Mode().Perm() != 0o755 {
					t.Errorf("the folder was changed: %v, %v, %v", left, fi.Mode(), err)
				}
			}
		})
	}
}

// A path that is too long for a socket sends it to the runtime directory.
func TestLongPath(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 20))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	var servers []*Server
	for _, name := range []string{"a.db", "b.db"} { // each has its own
		s := serving(t, Config{Ledger: filepath.Join(deep, name), Obey: echo})
		servers = append(servers, s)
		if !strings.HasPrefix(s.Path(), run) || len(s.Path()) > longest {
			t.Errorf("the socket is at %s", s.Path())
		}
		c := dialled(t, s)
		defer c.Close()
		if err := c.Order(1, &struct{}{}); err != nil {
			t.Error(err)
		}
	}
	if servers[0].Path() == servers[1].Path() {
		t.Error("two ledgers share a socket")
	}
	for _, s := range servers {
		s.Close()
	}
}

// answering counts the connections whose request is being answered.
func (r *room) answering() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken - len(r.waiting)
}

// Clients that take nothing, send nothing, send rubbish or come in hundreds do
// not keep the run from writing, nor another client from being heard.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	const patience = 2 * time.Second
	l, s := live(t, patience, echo)
	filler := strings.Repeat("x", 2000)
	var events []fleet.Event
	for n := range 3000 { // more than any buffer of the kernel holds
		events = append(events, statetest.At(n, fleet.Noted{Text: filler}))
	}
	if err := l.Commit(events, nil); err != nil {
		t.Fatal(err)
	}
	raw := func(text string) net.Conn {
		conn, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, text) // one that is turned away at once cannot be written to
		return conn
	}
	greedy := raw("GET /v1/events?run=r1&after=0 HTTP/1.1\r\nHost: run\r\n\r\n") // and reads nothing
	for range 3 * maxConnections {
		raw("")
	}
	for _, rubbish := range []string{
		"\x00\xff\x00", "GET / HTTP/9.9\r\n\r\n",
		"POST /v1/orders HTTP/1.1\r\nHost: run\r\nContent-Length: 99999999\r\n\r\n{",
		"GET /v1/events?run=r1&after=-1 HTTP/1.1\r\nHost: run\r\n\r\n", "DELETE /v1/runs HTTP/1.1\r\nHost: run\r\n\r\n",
		"GET /v1/plans/..%2f..%2fetc HTTP/1.1\r\nHost: run\r\n\r\n",
		"GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\n\r\n",
	} {
		raw(rubbish)
	}
	// The run writes on, whatever they do.
	for n := range 20 {
		if err := l.Commit([]fleet.Event{statetest.At(5000+n, fleet.Noted{Text: "on"})}, nil); err != nil {
			t.Fatal(err)
		}
	}
	// And a decent client is heard, at the latest when the others have lost
	// their patience.
	var c *Client
	for deadline := time.Now().Add(time.Minute); ; {
		var err error
		if c, err = Dial(s.Path()); err == nil {
			break
		}
		if !errors.Is(err, ErrNotThere) || time.Now().After(deadline) {
			t.Fatalf("nobody answers a decent client: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	defer c.Close()
	if err := c.Order(map[string]string{"do": "pause"}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	if got := len(statetest.EventsOf(t, &shared{c, l}, "r1")); got != 1+3000+20 {
		t.Errorf("a decent client reads %d events", got)
	}
	// The greedy one is cut off, once the server has lost its patience with it.
	for deadline := time.Now().Add(time.Minute); s.room.answering() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the client that takes nothing keeps its place")
		}
	}
	if err := greedy.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, greedy); err != nil && !errors.Is(err, net.ErrClosed) &&
		!strings.Contains(err.Error(), "reset") {
		t.Errorf("the client that took nothing was not cut off: %d bytes, %v", n, err)
	} else if n >= 3000*2000 {
		t.Errorf("the client that took nothing for long was given everything: %d bytes", n)
	}
}

// An order that is too large, or is none, is refused in words.
func TestOrderThatIsNone(t *testing.T) {
	t.Parallel()
	_, s := live(t, patience, func(_ context.Context, _ Peer, order json.RawMessage) (any, error) {
		t.Errorf("%.20q reached the run", order)
		return "done", nil
	})
	c := dialled(t, s)
	defer c.Close()
	for name, order := range map[string]any{"too large": strings.Repeat("x", maxBody)} {
		err := c.Order(order, nil)
		if r, ok := errors.AsType[*Refusal](err); !ok || r.ExitCode != fleet.ExitUsage || r.Next == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, body := range []string{"{", "", "pause", `{"do":"pause"}{"do":"stop"}`} {
		res, err := c.http.Post("http://run/v1/orders", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Errorf("%q was carried out", body)
		}
	}
}

// impostor answers hello, and everything else with a text after which it hangs
// up.
func impostor(t *testing.T, answer func(request string) string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.WriteString(conn, answer(req.URL.Path)); err != nil || req.URL.Path != "/v1/hello" {
						return
					}
				}
			}()
		}
	}()
	return path
}

func answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// An answer that was cut off, or comes out of order, is never taken for a
// shorter journal.
func TestCutOffAnswers(t *testing.T) {
	t.Parallel()
	one, err := json.Marshal(line{Seq: 1, Event: &statetest.Opening("r1")[0]})
	if err != nil {
		t.Fatal(err)
	}
	const unframed = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	for name, answer := range map[string]string{
		"nothing":                   unframed,
		"one event":                 unframed + string(one) + "\n",
		"half an event":             unframed + string(one[:20]),
		"half of what was promised": "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + string(one) + "\n",
		"the same event twice":      answered(string(one) + "\n" + string(one) + "\n" + `{"end":true}` + "\n"),
		"an error in the middle": answered(string(one) + "\n" +
			`{"error":{"message":"its pages cannot be read","kind":"damaged"}}` + "\n"),
		"no lines at all": answered("<html>"),
	} {
		path := impostor(t, func(request string) string {
			if request == "/v1/hello" {
				return answered(`{"protocol":1,"version":"v1"}`)
			}
			return answer
		})
		c, err := Dial(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.Events("r1", func(uint64, fleet.Event) error { return nil }); err == nil {
			t.Errorf("%s: passes for a whole journal", name)
		} else if name == "an error in the middle" && !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// A process that does not answer, one that is gone and one of another protocol
// are told apart.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	if _, err := Dial(path); !errors.Is(err, ErrNotThere) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(path, limits{dial: time.Second, answer: 50 * time.Millisecond,
		order: 50 * time.Millisecond}); !errors.Is(err, ErrSilent) {
		t.Errorf("a stopped process: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); !errors.Is(err, ErrNotThere) {
		t.Errorf("a socket that was left behind: %v", err)
	}
	other := impostor(t, func(string) string { return answered(`{"protocol":2,"version":"v9"}`) })
	if _, err := Dial(other); err == nil || !strings.Contains(err.Error(), "v9") {
		t.Errorf("another protocol: %v", err)
	}
}

// TestTheSilentMakePlace: whoever opens connections and sends nothing, or half a
// request, keeps nobody out: an order is heard at once. Who is being answered keeps
// the place.
func TestTheSilentMakePlace(t *testing.T) {
	t.Parallel()
	obeyed := make(chan struct{})
	release := make(chan struct{})
	// nobody's patience ends here
	_, s := live(t, time.Hour, func(_ context.Context, _ Peer, order json.RawMessage) (any, error) {
		if strings.Contains(string(order), "slow") {
			obeyed <- struct{}{}
			<-release
		}
		return "heard", nil
	})
	order := func(do string) (answer string, err error) {
		c, err := Dial(s.Path())
		if err != nil {
			return "", err
		}
		defer c.Close()
		err = c.Order(map[string]string{"do": do}, &answer)
		return answer, err
	}
	slow := make(chan error, 1)
	go func() { _, err := order("slow"); slow <- err }()
	<-obeyed
	for i := range 3 * maxConnections {
		conn, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if i%2 == 0 {
			// it may be closed already
			_, _ = io.WriteString(conn, "POST /v1/orders HTTP/1.1\r\nHost: run\r\nContent-Length: 9\r\n\r\n{")
		}
	}
	if answer, err := order("quick"); err != nil || answer != "heard" {
		t.Errorf("an order beside silent connections: %q, %v", answer, err)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("who was being answered lost the place: %v", err)
	}
}
