package fleetup_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pagesOfTheDocs lists the pages below docs.
func pagesOfTheDocs(t *testing.T) (pages []string) {
	t.Helper()
	for _, pattern := range []string{"docs/*.md", "docs/protocols/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(found), err)
		}
		pages = append(pages, found...)
	}
	return pages
}

var (
	// A citation names a page, with or without its folder, and one heading of it or
	// several: design.md#rule-3 and #rule-5.
	citation = regexp.MustCompile(`(?:^|[^\w/.-])(?:docs/)?(?:protocols/)?([a-z][a-z-]*\.md)((?:(?:, | and )?#[a-z0-9-]+)+)`)
	heading  = regexp.MustCompile(`#([a-z0-9-]+)`)
	// Documents that a reader of the repository does not have.
	elsewhere = regexp.MustCompile(`(?i)\b(?:design|reference|house) §|real-service`)
	lineBreak = regexp.MustCompile(`\n[ \t]*(?://|#)?[ \t]*`)
)

// TestCitations: every heading that is cited anywhere, in comments above all, is on
// its page, and nothing is cited that the repository does not have.
func TestCitations(t *testing.T) {
	t.Parallel()
	known := map[string][]string{}
	for _, page := range pagesOfTheDocs(t) {
		known[filepath.Base(page)] = headings(read(t, page))
	}
	cited := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == ".git" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !slices.Contains([]string{".go", ".md", ".txt", ".yaml", ".yml", ".sh", ".js", ".css", ".html"},
			filepath.Ext(path)) {
			return nil
		}
		text := read(t, path)
		if !strings.Contains(text, ".md#") && !strings.Contains(text, "§") && !strings.Contains(text, "real-service") {
			return nil // most files: looking closely takes its time
		}
		if m := elsewhere.FindString(text); m != "" && path != "citations_test.go" {
			t.Errorf("%s cites %q, which is no page of the repository", path, m)
		}
		for _, m := range citation.FindAllStringSubmatch(lineBreak.ReplaceAllString(text, " "), -1) {
			for _, h := range heading.FindAllStringSubmatch(m[2], -1) {
				cited++
				if page, ok := known[m[1]]; !ok {
					t.Errorf("%s cites %s, and there is no such page", path, m[1])
				} else if !slices.Contains(page, h[1]) {
					t.Errorf("%s cites %s#%s, and there is no such heading", path, m[1], h[1])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 150 {
		t.Errorf("found only %d citations", cited)
	}
	for _, s := range []string{"(docs/design.md#rule-3)", "of\n\t// design.md#rule-1, #rule-2 and\n\t// #rule-3."} {
		if !citation.MatchString(lineBreak.ReplaceAllString(s, " ")) {
			t.Errorf("no citation is seen in %q", s)
		}
	}
	if !strings.Contains(elsewhere.FindString("as in design §2"), "§") {
		t.Error("a document from elsewhere is not seen")
	}
}

// TestGlossary: the glossary's words are linked from where a reader begins, each is
// there once, and what it says is not said for one of them is said nowhere.
func TestGlossary(t *testing.T) {
	t.Parallel()
	const page = "docs/glossary.md"
	words, not := map[string]bool{}, []string(nil)
	for _, m := range regexp.MustCompile(`(?m)^\| \*\*([^*]+)\*\* \| (.+) \| (.*)\|$`).FindAllStringSubmatch(read(t,
		page), -1) {
		for word := range strings.SplitSeq(m[1], ", ") {
			if words[word] {
				t.Errorf("%s explains %q twice", page, word)
			}
			words[word] = true
		}
		for _, q := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(m[3], -1) {
			not = append(not, q[1])
		}
	}
	if len(words) < 30 || len(not) < 15 {
		t.Errorf("found %d words, and %d that are not said", len(words), len(not))
	}
	for _, begin := range []string{"README.md", "ARCHITECTURE.md", "docs/README.md", "docs/design.md"} {
		if !strings.Contains(read(t, begin), "glossary.md)") {
			t.Errorf("%s does not link to the glossary", begin)
		}
	}
	unsaid := regexp.MustCompile(`\b(?:` + strings.Join(not, "|") + `)\b`)
	for _, file := range append(pagesOfTheDocs(t), "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
		"docs/man/fleetup.1") {
		if m := unsaid.FindString(read(t, file)); m != "" && filepath.ToSlash(file) != page {
			t.Errorf("%s says %q, and the glossary has another word for it", file, m)
		}
	}
}
