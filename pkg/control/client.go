package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// ErrNotThere says that nobody answers at a socket: its process has ended, or
// has not come so far. Ask the lock again.
var ErrNotThere = errors.New("nobody answers at the run's socket")

// ErrSilent says that a process has the socket open and does not answer: it is
// stopped, or the machine is very busy.
var ErrSilent = errors.New("the run's process does not answer")

// Client speaks to a live run. It has the reading methods of state.Reader. Its
// methods are safe for concurrent use.
type Client struct {
	http   *http.Client
	limits limits
	Hello  Hello
}

// limits are how long a client waits.
type limits struct {
	dial   time.Duration
	answer time.Duration // for an answer to begin, and for each piece of it
	order  time.Duration // for an order, which waits for a disk
}

var usual = limits{dial: 2 * time.Second, answer: 15 * time.Second, order: time.Minute}

// maxRefusal is how much is read of a refusal.
const maxRefusal = 64 << 10

// Dial connects to the socket at a path. The error is ErrNotThere or ErrSilent,
// or says why this version cannot speak to the one that runs.
func Dial(path string) (*Client, error) { return dial(path, usual) }

func dial(path string, l limits) (*Client, error) {
	c := &Client{limits: l}
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{Timeout: l.dial}
			conn, err := d.DialContext(ctx, "unix", path)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotThere, err)
			}
			return &hasty{conn, max(l.answer, l.order)}, nil
		},
		DisableCompression: true,
	}}
	if err := c.get("hello", &c.Hello); err != nil {
		c.Close()
		return nil, err
	}
	if c.Hello.Protocol != protocol {
		c.Close()
		return nil, fmt.Errorf("the run is carried out by version %s of fleetup, which speaks another protocol (%d, "+
			"not %d): use that version",
			c.Hello.Version, c.Hello.Protocol, protocol)
	}
	return c, nil
}

// hasty waits only so long for each piece.
type hasty struct {
	net.Conn
	patience time.Duration
}

func (h *hasty) Read(p []byte) (int, error) {
	if err := h.SetReadDeadline(time.Now().Add(h.patience)); err != nil {
		return 0, err
	}
	return h.Conn.Read(p)
}

// Close lets go of the connection.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *Client) request(
	method, path string, body io.Reader, within time.Duration,
) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(within, cancel)
	req, err := http.NewRequestWithContext(ctx, method, "http://run/v1/"+path, body)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	res, err := c.http.Do(req)
	if !late.Stop() && err != nil {
		err = ErrSilent
	}
	if err != nil {
		cancel()
		return nil, nil, c.explain(err)
	}
	if res.StatusCode == http.StatusOK {
		return res, cancel, nil
	}
	defer cancel()
	defer res.Body.Close()
	refusal := &Refusal{}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err == nil {
		err = json.Unmarshal(data, refusal)
	}
	if err != nil || refusal.Message == "" {
		return nil, nil, fmt.Errorf("the live run answers with HTTP %d: it is carried out by another version of "+
			"fleetup, "+
			"%s; use that one", res.StatusCode, c.Hello.Version)
	}
	return nil, nil, refusal
}

// explain turns an error of the transport into one of this package.
func (c *Client) explain(err error) error {
	if errors.Is(err, ErrSilent) || errors.Is(err, ErrNotThere) {
		return err
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return ErrSilent
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // its address is of no use to anybody
	}
	return fmt.Errorf("%w: %w", ErrNotThere, neterr.Worded(err)) // it went away
}

// read reads an answer that is in one piece.
func (c *Client) read(method, path string, body io.Reader, within time.Duration) ([]byte, error) {
	res, cancel, err := c.request(method, path, body, within)
	if err != nil {
		return nil, err
	}
	defer cancel()
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, c.explain(err)
	}
	return data, nil
}

func (c *Client) get(path string, v any) error {
	data, err := c.read(http.MethodGet, path, nil, c.limits.answer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("the live run's answer cannot be read: %w", err)
	}
	return nil
}

// Runs is as state.Reader.Runs.
func (c *Client) Runs() ([]state.RunInfo, error) {
	var runs []state.RunInfo
	err := c.get("runs", &runs)
	return runs, err
}

// LatestRun is as state.Reader.LatestRun.
func (c *Client) LatestRun() (state.RunInfo, bool, error) { return state.Newest(c.Runs()) }

// Head is as state.Reader.Head.
func (c *Client) Head() (seq uint64, hash string, err error) {
	var h headJSON
	err = c.get("head", &h)
	return h.Seq, h.Hash, err
}

// Plan is as state.Reader.Plan.
func (c *Client) Plan(fingerprint string) ([]byte, error) {
	return c.read(http.MethodGet, "plans/"+url.PathEscape(fingerprint), nil, c.limits.answer)
}

// Events is as state.Reader.Events. The events are not checked against the
// chain once more: the live run did that.
func (c *Client) Events(runID string, fn func(seq uint64, e fleet.Event) error) error {
	return c.EventsAfter(runID, 0, fn)
}

// EventsAfter is as state.Reader.EventsAfter.
func (c *Client) EventsAfter(runID string, after uint64, fn func(seq uint64, e fleet.Event) error) error {
	last := after
	return c.lines("events?run="+url.QueryEscape(runID)+"&after="+strconv.FormatUint(after, 10), func(l line) error {
		if l.Event == nil || l.Seq <= last {
			return fmt.Errorf("the live run's journal comes out of order after event %d", last)
		}
		last = l.Seq
		return fn(l.Seq, *l.Event)
	})
}

// VaultRecords is as state.Reader.VaultRecords.
func (c *Client) VaultRecords(fn func(fleet.VaultRecord) error) error {
	return c.lines("vaults", func(l line) error {
		if l.Record == nil {
			return errors.New("the live run's list of vaults cannot be read")
		}
		return fn(*l.Record)
	})
}

// lines reads an answer of many lines to its end.
func (c *Client) lines(path string, fn func(line) error) error {
	res, cancel, err := c.request(http.MethodGet, path, nil, c.limits.answer)
	if err != nil {
		return err
	}
	defer cancel()
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return c.explain(fmt.Errorf("its answer was cut off: %w", err))
		}
		var l line
		if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil {
			return fmt.Errorf("the live run's answer cannot be read: %w", err)
		}
		switch {
		case l.End:
			return nil
		case l.Error != nil:
			return l.Error
		}
		if err := fn(l); err != nil {
			return err
		}
	}
}

// Order gives an order and decodes what was done into reply. A *Refusal says
// why it was not carried out. After ErrSilent, and after ErrNotThere too,
// nobody can say whether it was.
func (c *Client) Order(order, reply any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	data, err := c.read(http.MethodPost, "orders", bytes.NewReader(body), c.limits.order)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, reply)
}
