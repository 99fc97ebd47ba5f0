package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/textfile"
)

// document reads the text as one YAML document and returns its mapping, nil
// when there is none to go on with.
func (r *reader) document(data []byte) *yaml.Node {
	data, err := textfile.Decode(data)
	if err != nil {
		r.problem(place{line: 1, column: 1}, "", "the file cannot be read: %v", err)
		return nil
	}
	if !r.cleanText(data) {
		return nil
	}
	r.readOnce = r.consumes && bytes.IndexByte(data, '&') < 0
	docs, err := readDocuments(data)
	if err != nil {
		r.syntaxProblem(data, err)
		return nil
	}
	if len(docs) == 0 || len(docs[0].Content) == 0 || isNull(docs[0].Content[0]) {
		r.problem(place{line: 1, column: 1}, `begin with "apiVersion: fleetup/v1"`, "the inventory is empty")
		return nil
	}
	if len(docs) > 1 {
		r.problem(at(docs[1]), `remove the "---" or put it into a file of its own`,
			"a second YAML document begins here; an inventory is one document")
	}
	root, at := r.resolve(docs[0].Content[0])
	if root.Kind != yaml.MappingNode && r.included {
		r.problem(at, "narrow the pattern, or begin the file with subscriptions:",
			"this is not a file to include: it has no subscriptions")
		return nil
	}
	if root.Kind != yaml.MappingNode {
		r.problem(at, `begin with "apiVersion: fleetup/v1"`, "an inventory must be a mapping, not %s", describe(root))
		return nil
	}
	return root
}

// readDocuments reads the first document, and the second if there is one.
func readDocuments(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		// The YAML reader reports its own surprises by panicking.
		if v := recover(); v != nil {
			docs, err = nil, fmt.Errorf("the YAML reader gave up: %v", v)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(docs) < 2 {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, &n)
	}
	return docs, nil
}

// cleanText refuses bytes that a text editor would not show or would count
// otherwise than the YAML reader, which reports them without a place.
func (r *reader) cleanText(data []byte) bool {
	clean := true
	reported := 0 // the last line with a report
	at := place{line: 1, column: 1}
	for i := 0; i < len(data); {
		c, size := rune(data[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(data[i:])
		}
		if c == utf8.RuneError && size == 1 {
			hint := "save it as UTF-8"
			if strings.EqualFold(filepath.Ext(r.file), ".csv") {
				hint += `; Excel calls that "CSV UTF-8"`
			}
			r.problem(at, hint, "the file is not valid UTF-8: byte 0x%02x%s", data[i], inWindows1252(data[i]))
			return false
		}
		if unprintable(c) && reported != at.line {
			r.problem(at, "remove it", "the character U+%04X is not allowed in an inventory", c)
			clean, reported = false, at.line
		}
		i += size
		at.column++
		if c == '\n' {
			at = place{line: at.line + 1, column: 1}
		}
	}
	return clean
}

// windows1252 are the characters of the bytes from 0x80 to 0x9f in the code page
// that spreadsheets of Western Europe use; the bytes after those are their own
// numbers. See the mapping that the Unicode Consortium publishes, CP1252.TXT.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// inWindows1252 says which character a byte is in that code page, where it is one.
func inWindows1252(b byte) string {
	c := rune(b)
	if b < 0xa0 {
		c = windows1252[b-0x80]
	}
	if !unicode.IsPrint(c) {
		return ""
	}
	return fmt.Sprintf(" (in Windows-1252: %c)", c)
}

func unprintable(c rune) bool {
	switch {
	case c == '\t' || c == '\n' || c == '\r':
		return false
	case c < 0x20, c >= 0x7f && c <= 0x9f, c == 0x2028, c == 0x2029, c == 0xfeff:
		return true
	}
	return c == 0xfffe || c == 0xffff
}

var (
	yamlLine   = lazyregexp.New(`^yaml: (?:line (\d+): )?`)
	yamlQuoted = lazyregexp.New(` '[^']*'`)
	yamlAnchor = lazyregexp.New(`unknown anchor '([^']*)'`)
)

// bisectLimit is the size up to which the line of a syntax error is searched
// for by reading prefixes of the text.
const bisectLimit = 2 << 20

// syntaxProblem reports text that is no YAML. The YAML reader names the line
// where the surrounding construct begins, or none, and no column; the line
// that is at fault is the last of the shortest prefix with the same error.
func (r *reader) syntaxProblem(data []byte, err error) {
	message := yamlLine().ReplaceAllString(err.Error(), "")
	lines := bytes.SplitAfter(data, []byte("\n"))
	line := 1
	if m := yamlLine().FindStringSubmatch(err.Error()); m != nil && m[1] != "" {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = min(max(n, 1), len(lines))
		}
	}
	if len(data) <= bisectLimit {
		line = 1 + sort.Search(len(lines)-1, func(i int) bool {
			_, prefixErr := readDocuments(bytes.Join(lines[:i+1], nil))
			return prefixErr != nil && prefixErr.Error() == err.Error()
		})
	}
	text := string(bytes.TrimRight(lines[line-1], "\r\n"))
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	at := place{line: line, column: utf8.RuneCountInString(indent) + 1}
	hint := ""
	switch {
	case strings.Contains(indent, "\t"):
		at.column = strings.Index(indent, "\t") + 1
		message, hint = "a tab indents this line", "YAML wants spaces"
	case strings.Contains(message, "mapping values are not allowed"):
		hint = "check the indentation, and quote a text that holds a colon and a space"
	case strings.Contains(message, "did not find expected"):
		hint = "check the indentation, brackets and quotes here and in the lines above"
	case strings.Contains(message, "exceeded max depth"):
		hint = "this is nested far deeper than an inventory"
	}
	if m := yamlAnchor().FindStringSubmatch(message); m != nil {
		if i := strings.Index(text, "*"+m[1]); i >= 0 {
			at.column = utf8.RuneCountInString(text[:i]) + 1
		}
		hint = "quote a text that begins with *"
	}
	if r.included {
		message = yamlQuoted().ReplaceAllString(message, "")
	}
	r.problem(at, hint, "this is not valid YAML: %s", message)
}
