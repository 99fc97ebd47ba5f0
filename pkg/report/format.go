package report

import (
	"fmt"
	"io"
	"strings"
)

// Format is a form of output, as -o names it.
type Format string

// The formats. FormatJSON is one indented document, FormatJSONL one vault a
// line without what surrounds them.
const (
	FormatTable    Format = "table"
	FormatJSON     Format = "json"
	FormatJSONL    Format = "jsonl"
	FormatCSV      Format = "csv"
	FormatMarkdown Format = "markdown"
)

// Formats lists the formats in the order help shows them.
func Formats() []Format {
	return []Format{FormatTable, FormatJSON, FormatJSONL, FormatCSV, FormatMarkdown}
}

// ParseFormat returns the format of that name. The empty name is the table.
func ParseFormat(name string) (Format, error) {
	if name == "" {
		return FormatTable, nil
	}
	var all []string
	for _, f := range Formats() {
		if name == string(f) {
			return f, nil
		}
		all = append(all, string(f))
	}
	return "", fmt.Errorf("no output format %q: use one of %s", name, strings.Join(all, ", "))
}

// printer holds the ways one thing can be written.
type printer struct {
	page func() *page          // table and markdown
	json func() any            // json
	rows func() []any          // jsonl
	csv  func(io.Writer) error // csv
}

func (p printer) write(w io.Writer, f Format, width int) error {
	switch f {
	case FormatTable, "":
		return p.page().writeTerminal(w, width)
	case FormatMarkdown:
		return p.page().writeMarkdown(w)
	case FormatJSON:
		return writeJSON(w, p.json())
	case FormatJSONL:
		return writeJSONLines(w, p.rows())
	case FormatCSV:
		return p.csv(w)
	}
	_, err := ParseFormat(string(f))
	return err
}
