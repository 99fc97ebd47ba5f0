package layout

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

func writeJSONLines(w io.Writer, rows iter.Seq[any]) error {
	out := bufio.NewWriter(w)
	for r := range rows {
		data, err := Encode(r, "", "")
		if err != nil {
			return err
		}
		if _, err := out.Write(data); err != nil {
			return err
		}
	}
	return out.Flush()
}

// JSON is a value as an indented document, safe to look at on a terminal.
func JSON(v any) ([]byte, error) { return Encode(v, "", "  ") }

// Encode writes JSON in which the characters that Clean removes elsewhere are
// escapes too: people look at JSON on terminals. Outside a string JSON holds
// none of them but the line breaks of the indentation.
func Encode(v any, prefix, indent string) ([]byte, error) {
	data, err := marshal(v, prefix, indent)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	risky := func(r rune) bool { return r != '\n' && lexicon.IsSteering(r) }
	if bytes.IndexFunc(data, risky) < 0 {
		return data, nil
	}
	var out strings.Builder
	for _, r := range string(data) {
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

func marshal(v any, prefix, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, indent)
	err := enc.Encode(v)
	return b.Bytes(), err
}
