package layout

import (
	"bytes"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// gfm reads Markdown as GitHub does: CommonMark with tables, task lists, struck-out
// text, and addresses that are links without any markup.
var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM))

// mentions is what GitHub and GitLab look for in a text.
var mentions = lazyregexp.New(`(?i)@[\pL\pN"]|#\pN|!\pN|GH-\pN`)

// hostile are texts from outside that a renderer would make something of.
var hostile = []string{
	"www.evil.example", "see www.evil.example/x?y", "https://evil.example/a", "HTTP://evil.example",
	"ftp://evil.example", "mailto:a@evil.example", "finance-ops@contoso.example",
	"xmpp:a@evil.example/x", "@team", "@org/team", "a @team-1 b", `@"a b"`, "#123", "owner/repo#123", "!7", "GH-12",
	"gh-12", "&#64;team", "@_x_",
	"[x](https://evil.example)", "![x](https://evil.example)", "<https://evil.example>", "<img src=x onerror=y>",
	"<!-- gone -->", "a -- > b", "`code`", "``", "**bold**", "_it_", "~~gone~~",
	"# heading", "- item", "* item", "+ item", "1. one", "2) two", "---", "===", "***", "> quote", "[ ] task",
	"[x]: https://evil.example", "    code", "~~~", "```",
	"a|b", `a\|b`, `\`, `a\`, "|---|", "&amp;", "&copy;", ":tada:", "a\nb", "x  ", "$1", "100%", "R&D", "12", "", "?",
}

// rendered is what a browser would show of Markdown, and the elements it would make.
func rendered(t *testing.T, markdown string) (shown string, elements []string) {
	t.Helper()
	var b bytes.Buffer
	if err := gfm.Convert([]byte(markdown), &b); err != nil {
		t.Fatal(err)
	}
	root, err := xhtml.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case xhtml.TextNode:
			s.WriteString(n.Data)
		case xhtml.ElementNode:
			if !slices.Contains([]atom.Atom{atom.Html, atom.Head, atom.Body}, n.DataAtom) {
				elements = append(elements, n.Data)
			}
		}
	}
	return s.String(), elements
}

// texts are the pieces that a renderer looks for mentions in: a comment parts them.
func texts(markdown string) (out []string) {
	var b bytes.Buffer
	if err := gfm.Convert([]byte(markdown), &b); err != nil {
		return nil
	}
	for z := xhtml.NewTokenizer(&b); ; {
		switch z.Next() {
		case xhtml.ErrorToken:
			return out
		case xhtml.TextToken:
			out = append(out, html.UnescapeString(string(z.Raw())))
		}
	}
}

// Whatever a text from outside has in it, in each place of a page it is shown as it is,
// and makes nothing: no link, no mention, no heading, no code.
func TestMarkdownShowsTextAsItIs(t *testing.T) {
	t.Parallel()
	places := map[string]struct {
		put      func(p *Page, s string)
		elements string
		before   string
	}{
		"title":   {func(p *Page, s string) { p.Title("%s", s) }, "h1", ""},
		"section": {func(p *Page, s string) { p.Section("%s", s) }, "h2", ""},
		"line":    {func(p *Page, s string) { p.Line("%s", s) }, "p", ""},
		"item":    {func(p *Page, s string) { p.Item("%s", s) }, "ul li", ""},
		"sub":     {func(p *Page, s string) { p.Item("x"); p.Sub("%s", s) }, "ul li ul li", "x"},
		"pair":    {func(p *Page, s string) { p.Pair("x", "%s", s) }, "ul li strong", "x:"},
		"name":    {func(p *Page, s string) { p.Pair(s, "y") }, "ul li strong", ""},
		"command": {func(p *Page, s string) { p.Command("x", "fleetup "+s) }, "p strong code", "x: fleetup"},
		"cell": {func(p *Page, s string) { p.Table(Grid{Head: []string{"x", "y"}, Rows: [][]string{{s, "z"}}}) },
			"table thead tr th th tbody tr td td", "xy"},
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for name, place := range places {
		for _, s := range hostile {
			p := &Page{}
			place.put(p, s)
			var b strings.Builder
			if err := p.writeMarkdown(&b); err != nil {
				t.Fatal(err)
			}
			shown, elements := rendered(t, b.String())
			if got := strings.Join(elements, " "); got != place.elements {
				t.Errorf("%s %q makes %q, want %q:\n%s", name, s, got, place.elements, b.String())
			}
			if got := squeeze(shown); !strings.HasPrefix(got, squeeze(place.before+lexicon.Clean(s))) {
				t.Errorf("%s %q is shown as %q:\n%s", name, s, shown, b.String())
			}
			if name == "command" {
				continue // nobody is looked for in code
			}
			for _, piece := range texts(b.String()) {
				if mentions().MatchString(piece) {
					t.Errorf("%s %q mentions somebody in %q:\n%s", name, s, piece, b.String())
				}
			}
		}
	}
}

// TestMarkdownOfGoldenPages: every page of the golden files is read back as what it was
// made from: lists of their own, tables whole, no paragraph with the mark of a list in it.
func TestMarkdownOfGoldenPages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/*.md.golden")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d golden pages: %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := map[ast.NodeKind]int{}
		fenced := ""
		for line := range strings.Lines(string(source)) {
			line = strings.TrimRight(line, "\n")
			trimmed := strings.TrimLeft(line, " ")
			switch {
			case fenced != "" && line != fenced:
			case strings.HasPrefix(line, "```"):
				if fenced != "" {
					fenced = ""
					continue
				}
				fenced = strings.TrimSuffix(line, "text")
				want[ast.KindFencedCodeBlock]++
			case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "* "):
				want[ast.KindListItem]++
			case strings.HasPrefix(line, "# "), strings.HasPrefix(line, "## "), strings.HasPrefix(line, "### "):
				want[ast.KindHeading]++
			case strings.HasPrefix(line, "| ---"):
				want[east.KindTable]++
			case strings.HasPrefix(line, "| "):
				want[east.KindTableRow]++ // its head among them
			case line != "":
				want[ast.KindParagraph]++
			}
		}
		got := map[ast.NodeKind]int{}
		err = ast.Walk(gfm.Parser().Parse(text.NewReader(source)),
			func(n ast.Node, entering bool) (ast.WalkStatus, error) {
				if !entering {
					return ast.WalkContinue, nil
				}
				kind := n.Kind()
				switch kind {
				case east.KindTableHeader:
					kind = east.KindTableRow
				case ast.KindLink, ast.KindAutoLink, ast.KindImage, ast.KindHTMLBlock, ast.KindCodeBlock,
					ast.KindThematicBreak, ast.KindBlockquote, east.KindTaskCheckBox:
					t.Errorf("%s has a %s", file, kind)
				case ast.KindList:
					if l := n.(*ast.List); !l.IsTight {
						t.Errorf("%s: lists run into one another", file)
					}
					mixed := map[bool]int{}
					for c := n.FirstChild(); c != nil; c = c.NextSibling() {
						strong := c.FirstChild() != nil && c.FirstChild().FirstChild() != nil &&
							c.FirstChild().FirstChild().Kind() == ast.KindEmphasis
						mixed[strong]++
					}
					if mixed[true] > 0 && mixed[false] > 0 {
						t.Errorf("%s: pairs stand in a list of items", file)
					}
				}
				if _, counted := want[kind]; counted || kind == ast.KindParagraph {
					got[kind]++
				}
				return ast.WalkContinue, nil
			})
		if err != nil {
			t.Fatal(err)
		}
		for kind, n := range want {
			if got[kind] != n {
				t.Errorf("%s is read as %d of %s, and was written as %d", file, got[kind], kind, n)
			}
		}
	}
}

// What the columns of a list are is a heading of it and no member, wherever it is shown.
func TestAHeadingIsNoMemberOfItsList(t *testing.T) {
	t.Parallel()
	p := &Page{}
	p.Item("prod/files-1: two agents are old")
	p.SubList("MACHINE", []string{"srv-01", "srv-02"})
	var md, terminal strings.Builder
	if err := p.writeMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	if _, elements := rendered(t, md.String()); strings.Count(strings.Join(elements, " "), "li") != 3 {
		t.Errorf("the members are %v of\n%s", elements, &md)
	}
	if err := p.WriteTerminal(&terminal, 80); err != nil {
		t.Fatal(err)
	}
	if want := "  prod/files-1: two agents are old\n    MACHINE:\n    srv-01\n    srv-02\n"; terminal.String() != want {
		t.Errorf("a terminal shows\n%s", &terminal)
	}
}
