package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// reader follows a page, in a folder of its own.
type reader struct {
	t    *testing.T
	dir  string
	live *exec.Cmd // a run that goes on
	done chan error
	said *bytes.Buffer
	from docCommand
	sets string // by export
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, dir: t.TempDir()}
	for _, from := range []string{"testdata/docs", "../../examples"} {
		to := r.dir
		if filepath.Base(from) == "examples" {
			to = filepath.Join(r.dir, "examples")
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	// Nobody reads along here: the quickstart's night goes by faster.
	for file, edits := range map[string][]string{
		"scenario.yaml": {"timeScale: 600 ", "timeScale: 6000 "},
		"fleet.yaml": {"poll: 250ms", "poll: 100ms", "busyRetry: 1s", "busyRetry: 300ms", "startTimeout: 3s",
			"startTimeout: 1s", "reconcileGrace: 500ms", "reconcileGrace: 100ms"},
	} {
		path := filepath.Join(r.dir, "examples/quickstart", file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		faster := strings.NewReplacer(edits...).Replace(string(data))
		for i := 1; i < len(edits); i += 2 {
			if !strings.Contains(faster, edits[i]) {
				t.Fatalf("%s has no %q", path, edits[i-1])
			}
		}
		if err := os.WriteFile(path, []byte(faster), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// fatalf fails the test and leaves the page.
func (r *reader) fatalf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf(format, args...)
	runtime.Goexit()
}

func (r *reader) follow(commands []docCommand) {
	defer func() {
		if r.live != nil { // the page was left
			_ = r.live.Process.Kill()
			<-r.done
		}
	}()
	for _, c := range commands {
		text, run := c.command()
		if !run {
			continue
		}
		if r.live != nil && regexp.MustCompile(`^fleetup (run|resume|reopen) `).MatchString(text) {
			r.end()
		}
		if strings.HasPrefix(text, "export ") {
			r.sets += text + "\n"
			continue
		}
		switch c.how {
		case "live":
			r.start(c, text)
			r.until(c, func() bool {
				lock, err := os.ReadFile(filepath.Join(r.dir, "contoso.db.lock"))
				return err == nil && bytes.Contains(lock, []byte(`"socket"`)) &&
					r.shell("fleetup wait --for approval --timeout 1s --state contoso.db").code == 0
			})
		case "ctrl-c", "kill":
			before := r.started()
			r.start(c, text)
			r.until(c, func() bool { return r.started() > before })
			signal, code := os.Interrupt, c.code
			if c.how == "kill" {
				signal, code = os.Kill, -1
			}
			if err := r.live.Process.Signal(signal); err != nil {
				r.fatalf("%s: %v", c.line, err)
			}
			r.from.code = code
			r.end()
		default:
			r.expect(c, r.shell(text))
		}
	}
	if r.live != nil {
		r.end()
	}
}

// ending is what came of a command.
type ending struct {
	code           int
	stdout, stderr string
}

func (r *reader) expect(c docCommand, got ending) {
	r.t.Helper()
	if got.code != c.code {
		r.fatalf("%s: %s\nexits %d, want %d\n%s%s", c.line, c.text, got.code, c.code, got.stdout, got.stderr)
	}
	if out := strings.TrimSpace(got.stdout); strings.Contains(c.text, "--query") &&
		(out == "" || out == "null" || out == "[]") {
		r.t.Errorf("%s: %s\nfinds nothing", c.line, c.text)
	}
}

// editing finds what an edit of a file looks for: in each of its steps.
var (
	editing = regexp.MustCompile(`\bsed (?:-i\S* )?'([^']*)' ([^ ;>]+)`)
	step    = regexp.MustCompile(`(?:^|; )s?(/[^/]*/)`)
)

// idleEdit is the first pattern of a command's edits that its file does not hold, empty
// where there is none: sed would say nothing, and the page would show what is not so.
func idleEdit(dir, text string) string {
	for _, m := range editing.FindAllStringSubmatch(text, -1) {
		for _, s := range step.FindAllStringSubmatch(m[1], -1) {
			cmd := exec.Command("sed", "-n", s[1]+"p", m[2])
			cmd.Dir = dir
			if found, err := cmd.Output(); err != nil || len(found) == 0 {
				return s[1] + " in " + m[2]
			}
		}
	}
	return ""
}

func TestIdleEdit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("scale: 600\nmatch: {env: dev}}\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"sed -i.bak 's/scale: 600/scale: 20/' a.yaml":              "",
		"sed 's/env: dev}}/x/; /scale/d' a.yaml > b.yaml; fleetup": "",
		"sed -i.bak 's/scale: 6000/scale: 20/' a.yaml":             "/scale: 6000/ in a.yaml",
		"sed '/scale/d; s/nothing/x/' a.yaml > b.yaml":             "/nothing/ in a.yaml",
		"sed '/x/d' none.yaml":                                     "/x/ in none.yaml",
		"fleetup runs":                                             "",
	} {
		if got := idleEdit(dir, text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func (r *reader) shell(text string) ending {
	if idle := idleEdit(r.dir, text); idle != "" {
		r.t.Errorf("%s: finds no %s", text, idle)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command("sh", "-c", r.sets+text)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &out, &errs
	code, err := exitOf(cmd.Run())
	if err != nil {
		r.fatalf("%s: %v", text, err)
	}
	return ending{code, out.String(), errs.String()}
}

func exitOf(err error) (int, error) {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode(), nil
	}
	return 0, err
}

// start begins a command that goes on.
func (r *reader) start(c docCommand, text string) {
	if r.live != nil {
		r.end()
	}
	r.said, r.from = &bytes.Buffer{}, c
	r.live = exec.Command("sh", "-c", r.sets+"exec "+text)
	r.live.Dir, r.live.Stdout, r.live.Stderr = r.dir, r.said, r.said
	if err := r.live.Start(); err != nil {
		r.fatalf("%s: %v", c.line, err)
	}
	live, done := r.live, make(chan error, 1)
	r.done = done
	go func() { done <- live.Wait() }()
}

// until waits for the live command to come to a point.
func (r *reader) until(c docCommand, there func() bool) {
	r.t.Helper()
	late := time.After(time.Minute)
	for !there() {
		select {
		case err := <-r.done:
			r.live = nil
			r.fatalf("%s: %s\nends before the page goes on: %v\n%s", c.line, c.text, err, r.said)
		case <-late:
			r.fatalf("%s: %s\ndoes not come to where the page goes on", c.line, c.text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end waits for the live command to exit as its page says.
func (r *reader) end() {
	r.t.Helper()
	late := time.AfterFunc(time.Minute, func() { _ = r.live.Process.Kill() })
	code, err := exitOf(<-r.done)
	late.Stop()
	r.live = nil
	if err != nil || code != r.from.code {
		r.fatalf("%s: %s\nexits %d, want %d (%v)\n%s", r.from.line, r.from.text, code, r.from.code, err, r.said)
	}
}

// started counts the upgrades that the emulated clouds of the folder have begun.
func (r *reader) started() (n int) {
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".emulator" {
			return err
		}
		data, err := os.ReadFile(path)
		n += bytes.Count(data, []byte(`"start":{`))
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.fatalf("%v", err)
	}
	return n
}
