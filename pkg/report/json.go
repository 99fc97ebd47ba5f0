package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// SchemaVersion is the version of every JSON document of this package. Fields
// may be added to a version; none is renamed or removed.
const SchemaVersion = 1

// Time is a time as JSON shows it: RFC 3339, UTC, milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"`), nil
}

// at returns a time for JSON, nil for none.
func at(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// value returns the time, zero for none.
func (t *Time) value() time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// maybe returns a string for JSON, nil for none.
func maybe(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Finding is a reason a check gave, as JSON shows it.
type Finding struct {
	Severity fleet.Severity `json:"severity"`
	Category *string        `json:"category"`
	Code     *string        `json:"code"`
	Message  *string        `json:"message"`
	Action   *string        `json:"action"`
	Items    []string       `json:"items"`
}

func findings(fs []fleet.Finding) []Finding {
	out := make([]Finding, len(fs))
	for i, f := range fs {
		out[i] = Finding{f.Severity, maybe(f.Category), maybe(f.Code), maybe(f.Message), maybe(f.Action), list(f.Items)}
	}
	return out
}

// list returns an empty list for none: an array is never null.
func list(ss []string) []string {
	if ss == nil {
		return []string{}
	}
	return ss
}

func labels(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func writeJSON(w io.Writer, v any) error {
	data, err := encode(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func writeJSONLines(w io.Writer, rows []any) error {
	out := bufio.NewWriter(w)
	for _, r := range rows {
		data, err := encode(r, "", "")
		if err != nil {
			return err
		}
		if _, err := out.Write(data); err != nil {
			return err
		}
	}
	return out.Flush()
}

// writeJSON writes the view as writeJSON would, but a vault at a time: of a
// hundred thousand, only one is ever in memory as text.
func (v *View) writeJSON(w io.Writer) error {
	const none = "[]\n}\n" // the vaults come last
	head := *v
	head.Vaults = []Vault{}
	data, err := encode(&head, "", "  ")
	if err != nil {
		return err
	}
	body, last := bytes.CutSuffix(data, []byte(none))
	if !last || len(v.Vaults) == 0 {
		return writeJSON(w, v)
	}
	out := bufio.NewWriter(w)
	out.Write(body) // a Writer keeps its first error for Flush
	before := "[\n    "
	for i := range v.Vaults {
		data, err := encode(&v.Vaults[i], "    ", "  ")
		if err != nil {
			return err
		}
		out.WriteString(before)
		out.Write(bytes.TrimSuffix(data, []byte("\n")))
		before = ",\n    "
	}
	out.WriteString("\n  ]\n}\n")
	return out.Flush()
}

// JSON is a value as an indented document, safe to look at on a terminal.
func JSON(v any) ([]byte, error) { return encode(v, "", "  ") }

// encode writes JSON in which the characters that Clean removes elsewhere are
// escapes too: people look at JSON on terminals. Outside a string JSON holds
// none of them but the line breaks of the indentation.
func encode(v any, prefix, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, indent)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	risky := func(r rune) bool { return r != '\n' && steering(r) }
	if bytes.IndexFunc(b.Bytes(), risky) < 0 {
		return b.Bytes(), nil
	}
	var out strings.Builder
	for _, r := range b.String() {
		switch {
		case !risky(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return []byte(out.String()), nil
}
