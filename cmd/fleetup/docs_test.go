package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The documentation's commands are run as a reader runs them: the sh blocks of
// a page, in their order, in a folder that holds the examples and the
// inventory contoso.yaml. Comments, which a reader does not see, say how:
//
//	<!-- run: 0 3 ctrl-c=5 -->    how the commands of the next block exit, one
//	                              word each; without it all exit 0. Also
//	                              live=CODE: it goes on while the next ones are
//	                              run, and exits so in the end (its ledger is
//	                              contoso.db, and it stands at a gate); kill: it
//	                              is killed once something has started
//	<!-- run: parse because WHY --> it is not run, only read
//	<!-- unseen: 3 COMMAND -->    a command that the page does not show
//
// What export sets holds for the rest of the page. Ports are free ones.

// docCommand is a command of a page, and what is to become of it.
type docCommand struct {
	line string // of the page, for the finder
	text string
	how  string // live, ctrl-c, kill, parse, or nothing: it just ends
	code int
}

// elsewhere are commands that others than this test run, or no test can.
var elsewhere = map[string]string{
	"go build": "CI", "go install": "CI", "go test": "CI", "git clone": "needs the network", "cd": "every command has its folder",
	"make": "CONTRIBUTING.md and CI", "sudo": "changes the machine", "openssl": "not ours", "curl": "not ours", "source": "a shell of one's own",
	"az": "not ours", "xdg-open": "needs a screen",
}

var (
	comment   = regexp.MustCompile(`^<!-- (run|unseen): (.*) -->$`)
	howWord   = regexp.MustCompile(`^(?:(live|ctrl-c)=)?(\d+)$`)
	inline    = regexp.MustCompile("`(fleetup [^`]+)`")
	mostParse = 12 // commands that are not run must stay few
)

// readDoc finds the commands of a page.
func readDoc(name, text string) (commands []docCommand, err error) {
	var words []string // of the comment before the next block
	fence, block := "", 0
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line, place := strings.TrimSpace(lines[i]), fmt.Sprintf("%s:%d", name, i+1)
		if fence == "" {
			if m := comment.FindStringSubmatch(line); m != nil && m[1] == "unseen" {
				code, rest, _ := strings.Cut(m[2], " ")
				n, err := strconv.Atoi(code)
				if err != nil {
					return nil, fmt.Errorf("%s: an unseen command begins with its exit code", place)
				}
				commands = append(commands, docCommand{line: place, text: rest, code: n})
			} else if m != nil {
				list, why, _ := strings.Cut(m[2], " because ")
				if words = strings.Fields(list); slices.Contains(words, "parse") && why == "" {
					return nil, fmt.Errorf("%s: say why it is not run: parse because …", place)
				}
			} else if strings.HasPrefix(line, "<!-- run") || strings.HasPrefix(line, "<!-- unseen") {
				return nil, fmt.Errorf("%s: this comment is not understood", place)
			}
			if strings.HasPrefix(line, "```") {
				if fence, block = strings.TrimPrefix(line, "```"), len(commands); fence == "" {
					fence = "output"
				}
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "```"):
			if n := len(commands) - block; len(words) > 0 && len(words) != n {
				return nil, fmt.Errorf("%s: %d commands and %d words on how they are run", place, n, len(words))
			}
			for j, w := range words {
				c := &commands[block+j]
				m := howWord.FindStringSubmatch(w)
				switch {
				case w == "parse" || w == "kill":
					c.how = w
				case m != nil:
					c.how = m[1]
					c.code, _ = strconv.Atoi(m[2])
				default:
					return nil, fmt.Errorf("%s: %q says nothing of how it is run", place, w)
				}
			}
			fence, words = "", nil
		case fence == "sh" && line != "" && !strings.HasPrefix(line, "#"):
			for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
				i++
				line = strings.TrimSuffix(line, "\\") + strings.TrimSpace(lines[i])
			}
			commands = append(commands, docCommand{line: place, text: line})
		case fence != "sh" && strings.HasPrefix(strings.TrimPrefix(line, "$ "), "fleetup "):
			return nil, fmt.Errorf("%s: a command stands in a block that is not marked sh", place)
		}
	}
	return commands, nil
}

// command is what a shell is given, and whether this test runs it.
func (c docCommand) command() (text string, run bool) {
	text = strings.NewReplacer("go run ./cmd/fleetup ", "fleetup ", "127.0.0.1:8080", "127.0.0.1:0").Replace(c.text)
	if c.how == "parse" {
		return text, false
	}
	for e := range elsewhere {
		if strings.HasPrefix(text, e+" ") {
			return text, false
		}
	}
	return text, true
}

// docPages are the pages by their paths. docs/commands.md is made from the
// program itself.
func docPages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d pages, %v", len(files), err)
	}
	pages := map[string]string{}
	for _, f := range append(files, "../../README.md") {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) != "commands.md" {
			pages[strings.TrimPrefix(filepath.ToSlash(f), "../../")] = string(data)
		}
	}
	return pages
}

// TestDocs runs every command that the documentation shows.
func TestDocs(t *testing.T) {
	t.Parallel()
	runs, parses := 0, 0
	for name, text := range docPages(t) {
		commands, err := readDoc(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, c := range commands {
			shell, run := c.command()
			if run {
				runs++
			} else if c.how == "parse" {
				parses++
			}
			for _, words := range commandLines(shell) {
				if err := checkCommand(words); err != nil {
					t.Errorf("%s: %s: %v", c.line, c.text, err)
				}
			}
		}
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			checkInline(t, name, m[1])
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newReader(t).follow(commands)
		})
	}
	if runs < 75 || parses > mostParse {
		t.Errorf("%d commands of the documentation are run, and %d only read, want at most %d", runs, parses, mostParse)
	}
}

// checkInline checks a command within a sentence, which may leave out what the
// sentence says.
func checkInline(t *testing.T, page, text string) {
	t.Helper()
	words := lineWords(strings.NewReplacer("[", "", "]", "", " …", "", `\|`, "|").Replace(text))
	if end := slices.IndexFunc(words, func(w string) bool { return w == "|" || w == ">" }); end > 0 {
		words = words[:end]
	}
	err := checkCommand(words[1:])
	if err != nil && !regexp.MustCompile(` needs | has no value$| wants a command$`).MatchString(err.Error()) {
		t.Errorf("%s: `%s`: %v", page, text, err)
	}
}

// TestReadDoc: a page that is wrong is found out.
func TestReadDoc(t *testing.T) {
	t.Parallel()
	sh := func(before string, lines ...string) string {
		return before + "\n```sh\n" + strings.Join(lines, "\n") + "\n```\n"
	}
	for text, want := range map[string]string{
		sh("", "fleetup runs"):                           "",
		sh("<!-- run: 3 ctrl-c=5 -->", "a", "b \\", "c"): "",
		sh("<!-- run: 3 -->", "a", "b"):                  "2 commands and 1 words",
		sh("<!-- run: parse -->", "a"):                   "say why",
		sh("<!-- run: soon -->", "a"):                    `"soon" says nothing`,
		sh("<!-- runs: 3 -->", "a"):                      "not understood",
		"<!-- unseen: fleetup runs -->":                  "begins with its exit code",
		"```\nfleetup runs\n```":                         "not marked sh",
	} {
		got, err := readDoc("page", text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, got, err, want)
		}
	}
}

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
	for file, edit := range map[string][2]string{
		"scenario.yaml": {"timeScale: 600 ", "timeScale: 6000 "}, "fleet.yaml": {"  startTimeout: 3s", "  startTimeout: 1s"},
	} {
		path := filepath.Join(r.dir, "examples/quickstart", file)
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(data, []byte(edit[0])) {
			t.Fatalf("%s has no %q (%v)", path, edit[0], err)
		}
		if err := os.WriteFile(path, bytes.Replace(data, []byte(edit[0]), []byte(edit[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if r.live != nil {
			_ = r.live.Process.Kill()
			<-r.done
		}
	})
	return r
}

func (r *reader) follow(commands []docCommand) {
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
				r.t.Fatalf("%s: %v", c.line, err)
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
		r.t.Fatalf("%s: %s\nexits %d, want %d\n%s%s", c.line, c.text, got.code, c.code, got.stdout, got.stderr)
	}
	if out := strings.TrimSpace(got.stdout); strings.Contains(c.text, "--query") && (out == "" || out == "null" || out == "[]") {
		r.t.Errorf("%s: %s\nfinds nothing", c.line, c.text)
	}
}

func (r *reader) shell(text string) ending {
	var out, errs bytes.Buffer
	cmd := exec.Command("sh", "-c", r.sets+text)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &out, &errs
	code, err := exitOf(cmd.Run())
	if err != nil {
		r.t.Fatalf("%s: %v", text, err)
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
		r.t.Fatalf("%s: %v", c.line, err)
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
			r.t.Fatalf("%s: %s\nends before the page goes on: %v\n%s", c.line, c.text, err, r.said)
		case <-late:
			r.t.Fatalf("%s: %s\ndoes not come to where the page goes on", c.line, c.text)
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
		r.t.Fatalf("%s: %s\nexits %d, want %d (%v)\n%s", r.from.line, r.from.text, code, r.from.code, err, r.said)
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
		r.t.Fatal(err)
	}
	return n
}
