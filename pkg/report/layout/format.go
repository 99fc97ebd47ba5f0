package layout

import (
	"fmt"
	"io"
	"iter"
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

	FormatYAML Format = "yaml" // the JSON, see YAML
	FormatTSV  Format = "tsv"  // values of the JSON, see TSV
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

// Printer holds the ways one thing can be written.
type Printer struct {
	Page func() *Page          // table and markdown
	JSON func(io.Writer) error // json
	Rows iter.Seq[any]         // jsonl
	CSV  func(io.Writer) error // csv

	JUnit func(io.Writer) error // junit; nil: it has none
	// Along, unless nil, adds to each command line of the page what whoever asked for it
	// has said, and would have to say again.
	Along func(command string) string
}

// page is the page as it is written.
func (p Printer) page() *Page {
	page := p.Page()
	for i := range page.Blocks {
		if b := &page.Blocks[i]; (b.kind == blockCommand || b.kind == blockSubCommand) && p.Along != nil {
			b.value = p.Along(b.value)
		}
	}
	return page
}

func (p Printer) Write(w io.Writer, f Format, width int) error {
	switch f {
	case FormatTable, "":
		return p.page().WriteTerminal(w, width)
	case FormatMarkdown:
		return p.page().writeMarkdown(w)
	case FormatJSON:
		return p.JSON(w)
	case FormatJSONL:
		return writeJSONLines(w, p.Rows)
	case FormatCSV:
		return p.CSV(w)
	case FormatJUnit:
		if p.JUnit != nil {
			return p.JUnit(w)
		}
	}
	return fmt.Errorf("there is no output format %q", f)
}
