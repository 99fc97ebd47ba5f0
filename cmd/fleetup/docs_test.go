package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
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
	"go build": "CI", "go install": "CI", "go test": "CI", "git clone": "needs the network",
	"cd":   "every command has its folder",
	"make": "CONTRIBUTING.md and CI", "sudo": "changes the machine", "openssl": "not ours", "curl": "not ours",
	"sha256sum": "not ours", "tar": "not ours", "podman": "not ours", "skopeo": "not ours",
	"source": "a shell of one's own",
	"az":     "not ours", "xdg-open": "needs a screen",
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

// TestDocs runs every command that the documentation shows. The pages are
// followed at once, in goroutines and not in parallel tests, because they wait
// for emulated clouds most of the time.
func TestDocs(t *testing.T) {
	t.Parallel()
	runs, parses := 0, 0
	var pages sync.WaitGroup
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
		if r := newReader(t); len(commands) > 0 {
			pages.Go(func() { r.follow(commands) })
		}
	}
	pages.Wait()
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
