package emulator

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The state file is what the cloud remembers, in JSON lines: a header, then a
// line a request. It only grows, so an accepted start costs one write and one
// sync whatever the size of the fleet. The state of a Cloud is the fold of its
// lines, when it lives as when it is made again.

const stateVersion = 1

type header struct {
	Version   int        `json:"fleetupEmulator"`
	CreatedAt time.Time  `json:"createdAt"`
	Scenario  Scenario   `json:"scenario"`
	Vaults    []Vault    `json:"vaults"`
	Resources []Resource `json:"resources,omitempty"`
}

// line is what one request changed.
type line struct {
	At       time.Time  `json:"at"`
	Call     call       `json:"call"`
	Of       string     `json:"of,omitempty"`       // a vault's key, or a subscription's ID and more
	Counted  []int      `json:"counted,omitempty"`  // faults with a limit that this was a call for
	Met      []int      `json:"met,omitempty"`      // faults that last from when they are first met
	Start    *operation `json:"start,omitempty"`    // an accepted start
	Refused  bool       `json:"refused,omitempty"`  // a start that was not accepted
	Again    bool       `json:"again,omitempty"`    // a start although an earlier one was accepted and had not failed
	Mistake  string     `json:"mistake,omitempty"`  // how the client broke the protocol
	Register string     `json:"register,omitempty"` // a provider

	// it drew from a bucket of its subscription, or from the quota of queries
	Token     bool        `json:"token,omitempty"`
	Change    *change     `json:"change,omitempty"`    // an accepted PATCH
	Assign    *assignment `json:"assign,omitempty"`    // a role that was given
	Unchanged bool        `json:"unchanged,omitempty"` // a PATCH that asked for what was so already
}

// commit makes a line durable, if it accepts a start, and true. On an error
// nothing is true of it, and nobody can say what is in the file: no more may
// be decided.
func (c *Cloud) commit(l line) error {
	if c.stateFile != nil {
		if err := c.stateFile.append(l, l.Start != nil || l.Change != nil || l.Assign != nil); err != nil {
			return err
		}
	}
	return c.apply(l)
}

// apply folds a line into the cloud's state. It fails only for a line of
// another cloud.
func (c *Cloud) apply(l line) error {
	id, _, _ := strings.Cut(l.Of, "/")
	s, v, r := c.bySub[id], c.byKey[l.Of], c.byID[l.Of]
	if (l.Start != nil || l.Refused && r == nil) && v == nil || (l.Change != nil || l.Assign != nil) && r == nil {
		return fmt.Errorf("a start of a vault %q that the cloud does not have", l.Of)
	}
	if err := c.applyToday(l, s, r); err != nil {
		return err
	}
	for _, i := range l.Counted {
		c.counts[countKey{i, l.Of, l.Call}]++
	}
	for _, i := range l.Met {
		k := countKey{fault: i, subject: l.Of}
		if _, ok := c.firsts[k]; !ok {
			c.firsts[k] = l.At
			if f := &c.faults[i]; f.Kind == kindRepaired && v != nil {
				v.repair(l.At.Add(max(f.lasts, 1)))
			}
		}
	}
	if s != nil && l.Register != "" {
		s.unregistered[l.Register] = false
	}
	if l.Start != nil {
		op := l.Start
		v.ops = append(v.ops, op)
		c.used[op.ID] = true
		s.targets[targetKey(op.Group, v.Name)] = v
		g := s.groups[strings.ToLower(op.Group)]
		if g == nil {
			g = &group{name: op.Group, location: v.Location, missing: true}
			s.groups[strings.ToLower(op.Group)] = g
		}
		if g.createdAt.IsZero() {
			g.createdAt = op.AcceptedAt
		}
	}
	c.count(l, s, v, r)
	return nil
}

// applyToday folds in what a line says of today's Azure.
func (c *Cloud) applyToday(l line, s *subscription, r *resource) error {
	switch {
	case l.Token && l.Call == callGraph:
		sent, until := c.asked.sentIn(l.At, c.graphPer)
		c.asked = quota{sent + 1, until}
	case l.Token && s != nil:
		c.draw(l, s)
	}
	if ch := l.Change; ch != nil {
		var prob *problem
		if ch.patch, prob = readPatch(ch.Body, r.kind.patch); prob != nil {
			return fmt.Errorf("a change of %s: %s", r.id(), prob.message)
		}
		r.changes = append(r.changes, ch)
	}
	if l.Assign != nil {
		r.roles = append(r.roles, l.Assign)
	}
	return nil
}

type stateFile struct {
	f interface {
		io.WriteCloser
		Sync() error
	}
}

// createStateFile publishes a new state file: complete or not at all, and never
// over an older one.
func createStateFile(path string, h header) (*stateFile, error) {
	f, err := publish(path, h)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, fmt.Errorf("the emulated cloud's truth file %s is there already: "+
			"reopen that cloud, or remove the file to begin a new one: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("cannot create the emulated cloud's truth file: %w", err)
	}
	return &stateFile{f: f}, nil
}

func publish(path string, h header) (f *os.File, err error) {
	first, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if f, err = os.CreateTemp(dir, filepath.Base(path)+".*.tmp"); err != nil { // mode 0600
		return nil, err
	}
	err = f.Chmod(0o600) // whatever the umask took of it
	if err == nil {
		_, err = f.Write(append(first, '\n'))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// openStateFile reads a state file, cuts a torn last line off and leaves the file
// ready for more.
func openStateFile(path string) (*stateFile, header, []line, error) {
	var h header
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, h, nil, fmt.Errorf("cannot open the emulated cloud's truth file: %w", err)
	}
	lines, good, err := readStateFile(f, &h)
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, h, nil,
			errors.Join(fmt.Errorf("the emulated cloud's truth file %s cannot be used: %w; remove it to begin a new "+
				"cloud", path, err), f.Close())
	}
	return &stateFile{f: f}, h, lines, nil
}

// TimeScale is how many times as fast an emulated cloud is as the durations of its
// scenario, by its truth file, which it only reads.
func TimeScale(truthFile string) (float64, error) {
	f, err := os.Open(truthFile)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var h struct {
		Version  int `json:"fleetupEmulator"`
		Scenario struct {
			TimeScale float64 `json:"timeScale"`
		} `json:"scenario"`
	}
	if err := json.NewDecoder(f).Decode(&h); err != nil || h.Version != stateVersion {
		return 0, fmt.Errorf("%s is no truth file of this version: %v", truthFile, err)
	}
	return cmp.Or(h.Scenario.TimeScale, 1), nil
}

// readStateFile reads a state file up to its end or a torn last line, and returns
// the length of what is good.
func readStateFile(f io.Reader, h *header) (lines []line, good int64, err error) {
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		b, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) && n > 1 {
			return lines, good, nil // whole, or b is torn
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			err = decode(b, h)
			if err == nil && h.Version != stateVersion {
				err = fmt.Errorf("version %d; this program reads %d", h.Version, stateVersion)
			}
		} else {
			var l line
			err = decode(b, &l)
			lines = append(lines, l)
		}
		if err != nil {
			if _, more := r.Peek(1); n > 1 && more != nil {
				return lines[:len(lines)-1], good, nil // torn, for all its line end
			}
			return nil, 0, fmt.Errorf("line %d is damaged: %w", n, err)
		}
		good += int64(len(b))
	}
}

func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// append writes a line; with sync it is on disk when append returns.
func (t *stateFile) append(l line, sync bool) error {
	b, err := json.Marshal(l)
	if err == nil {
		_, err = t.f.Write(append(b, '\n'))
	}
	if err == nil && sync {
		err = t.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot write to the truth file: %w", err)
	}
	return nil
}

func (t *stateFile) close() error {
	err := t.f.Sync()
	return errors.Join(err, t.f.Close())
}
