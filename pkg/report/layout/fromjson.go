package layout

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// plainText is a text that every reader of YAML takes for the same text without quotes.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./()-]*( [A-Za-z0-9_./()-]+)*$`)

// otherwise are the words among them that some readers take for something else
// (https://yaml.org/type/bool.html, https://yaml.org/type/null.html).
var otherwise = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// YAML writes a JSON document as YAML: the same values under the same keys in the same
// order. Like Encode it writes nothing that steers a terminal.
func YAML(w io.Writer, document []byte) error {
	root, err := nodes(document)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	b := bufio.NewWriter(w)
	for _, r := range out.String() {
		// A text with one of these is in double quotes, where it may be escaped.
		if r != '\n' && lexicon.IsSteering(r) {
			fmt.Fprintf(b, `\U%08X`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.Flush()
}

// TSV writes a JSON document in rows of values that tabs part, without a head, as the Azure
// CLI writes it with -o tsv: a list is a row for each of its items, anything else one row;
// the columns of an object are its values. A list within a row is its length, an object
// there is empty, and so is null. What would break a row, or steers a terminal, is
// escaped as in every table.
func TSV(w io.Writer, document []byte) error {
	root, err := nodes(document)
	if err != nil {
		return err
	}
	rows := []*yaml.Node{root}
	if root.Kind == yaml.SequenceNode {
		rows = root.Content
	}
	b := bufio.NewWriter(w)
	for _, row := range rows {
		cells := []*yaml.Node{row}
		switch row.Kind {
		case yaml.SequenceNode:
			cells = row.Content
		case yaml.MappingNode:
			cells = nil
			for i := 1; i < len(row.Content); i += 2 {
				cells = append(cells, row.Content[i])
			}
		}
		for i, c := range cells {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(cell(c))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

func cell(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return strconv.Itoa(len(n.Content))
	case n.Kind == yaml.MappingNode, n.Tag == "!!null":
		return ""
	}
	return lexicon.Clean(n.Value)
}

// nodes reads JSON, its keys in their order.
func nodes(document []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	n, err := node(d)
	if err != nil {
		return nil, fmt.Errorf("read the JSON: %w", err)
	}
	return n, nil
}

func node(d *json.Decoder) (*yaml.Node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for d.More() {
			item, err := node(d)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		_, err := d.Token() // its end
		return n, err
	case string:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t, Style: yaml.DoubleQuotedStyle}
		if plainText.MatchString(t) && !slices.Contains(otherwise, strings.ToLower(t)) {
			n.Style = 0
		}
		return n, nil
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(t.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: t.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}
