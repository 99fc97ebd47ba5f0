package notify

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Target is where notifications go. Its URL is a secret and is in no text that
// this package makes.
type Target struct {
	Format Format
	url    *url.URL
	mail   *mailbox // of an e-mail
}

// String names the target by its format and host.
func (t Target) String() string { return string(t.Format) + " at " + t.Host() }

// Host is the part of its URL that may be shown.
func (t Target) Host() string { return lexicon.Clean(t.url.Host) }

// GoString keeps the URL out of %#v.
func (t Target) GoString() string { return t.String() }

// ParseTarget reads FORMAT=URL. The error does not quote the URL.
func ParseTarget(s string) (Target, error) {
	name, raw, ok := strings.Cut(strings.TrimSpace(s), "=")
	f := Format(strings.ToLower(strings.TrimSpace(name)))
	if !ok || !slices.Contains(Formats(), f) {
		return Target{}, fmt.Errorf("a notification's target is FORMAT=URL, and FORMAT one of %s", formats())
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err == nil && f == Mail {
		m, err := parseMailbox(u)
		if err != nil {
			return Target{}, err
		}
		return Target{f, u, m}, nil
	}
	switch {
	case err != nil || u.Hostname() == "":
		return Target{}, fmt.Errorf("the URL of the %s target is none", f) // what is wrong with it may quote it
	case u.User != nil:
		return Target{}, fmt.Errorf("the URL of the %s target must not hold a user or a password", f)
	case u.Scheme == "https", u.Scheme == "http" && plan.IsLoopback(u.Hostname()):
		return Target{Format: f, url: u}, nil
	case u.Scheme == "http":
		return Target{}, fmt.Errorf("the %s target is not https: plain http is allowed to loopback only", f)
	}
	return Target{}, fmt.Errorf("the URL of the %s target must begin with https://", f)
}

func formats() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// ParseTargets reads a list of targets parted by commas or line breaks, as a
// variable of the environment holds it. A comma inside a URL parts nothing.
func ParseTargets(s string) ([]Target, error) {
	var pieces []string
	for line := range strings.Lines(s) {
		first := true
		for part := range strings.SplitSeq(strings.TrimSpace(line), ",") {
			name, _, ok := strings.Cut(strings.TrimSpace(part), "=")
			if begins := ok && slices.Contains(Formats(), Format(strings.ToLower(strings.TrimSpace(name)))); begins ||
				first {
				pieces = append(pieces, part)
			} else {
				pieces[len(pieces)-1] += "," + part
			}
			first = false
		}
	}
	var out []Target
	for _, p := range pieces {
		if strings.TrimSpace(p) == "" {
			continue
		}
		t, err := ParseTarget(p)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// maxFile is how large a file of targets may be.
const maxFile = 64 << 10

// ReadTargets reads a target a line; empty lines and those that begin with #
// say nothing.
func ReadTargets(r io.Reader) ([]Target, error) {
	var out []Target
	lines := bufio.NewScanner(io.LimitReader(r, maxFile))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		t, err := ParseTarget(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, t)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the targets: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("no target is in it: write one a line, FORMAT=URL")
	}
	return out, nil
}
