package report

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Format is a form of output, as -o names it.
type Format string

// The formats. FormatJSON is one indented document, FormatJSONL one vault a
// line without what surrounds them. FormatJUnit is a run's alone.
const (
	FormatTable    Format = "table"
	FormatJSON     Format = "json"
	FormatJSONL    Format = "jsonl"
	FormatCSV      Format = "csv"
	FormatMarkdown Format = "markdown"
	FormatJUnit    Format = "junit"
)

// Formats lists the formats in the order help shows them.
func Formats() []Format {
	return []Format{FormatTable, FormatJSON, FormatJSONL, FormatCSV, FormatMarkdown}
}

// RunFormats lists the formats of a run's report.
func RunFormats() []Format { return append(Formats(), FormatJUnit) }

// endings are the formats of files, by the endings of their names.
var endings = map[string]Format{".txt": FormatTable, ".md": FormatMarkdown, ".json": FormatJSON, ".jsonl": FormatJSONL,
	".csv": FormatCSV, ".xml": FormatJUnit}

// FileEndings lists the endings that FormatOf knows.
func FileEndings() []string { return slices.Sorted(maps.Keys(endings)) }

// FormatOf returns the format that a report's file has by its name.
func FormatOf(name string) (f Format, ok bool) {
	f, ok = endings[strings.ToLower(filepath.Ext(name))]
	return f, ok
}

// ParseFormat returns the format of that name. The empty name is the table.
func ParseFormat(name string) (Format, error) { return parseFormat(name, Formats()) }

// ParseRunFormat returns the format of that name which a run's report has.
func ParseRunFormat(name string) (Format, error) { return parseFormat(name, RunFormats()) }

func parseFormat(name string, formats []Format) (Format, error) {
	if name == "" {
		return FormatTable, nil
	}
	var all []string
	for _, f := range formats {
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
	json func(io.Writer) error // json
	rows func() []any          // jsonl
	csv  func(io.Writer) error // csv

	junit func(io.Writer) error // junit; nil: it has none
}

func (p printer) write(w io.Writer, f Format, width int) error {
	switch f {
	case FormatTable, "":
		return p.page().writeTerminal(w, width)
	case FormatMarkdown:
		return p.page().writeMarkdown(w)
	case FormatJSON:
		return p.json(w)
	case FormatJSONL:
		return writeJSONLines(w, p.rows())
	case FormatCSV:
		return p.csv(w)
	case FormatJUnit:
		if p.junit != nil {
			return p.junit(w)
		}
	}
	_, err := ParseFormat(string(f))
	return err
}
