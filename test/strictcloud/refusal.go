package strictcloud

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// nsWars is the namespace of refusals before an upgrade started
// (classic-service.md#errors, body 3).
const nsWars = "http://schemas.microsoft.com/wars"

// Refusal is an error body of the classic side (classic-service.md#errors).
type Refusal struct {
	Status  int // 0: 400
	Shape   int // 1: reasons in Details; 2: none; 3: the "wars" namespace
	Code    string
	Message string
	Action  string
	Reasons []Reason // with shape 1
	Element string   // what an entry of Details is called; empty: the vault's own choice
}

// Reason is one entry of a refusal's Details.
type Reason struct {
	Type     string // Error, where empty, or Warning
	Category string
	Code     string
	Message  string
	Table    [][]string // rows of columns, put behind the message
	Action   string
}

// entryElements are names for the entries of Details; no source has any,
// so a client must take any (classic-service.md#errors).
var entryElements = []string{"Detail", "ErrorDetail", "Reason", "ResourceUpgradeError"}

func (r *Refusal) status() int {
	if r.Status == 0 {
		return http.StatusBadRequest
	}
	return r.Status
}

// warningsOnly reports whether consent is enough to start.
func (r *Refusal) warningsOnly() bool {
	for _, reason := range r.Reasons {
		if reason.Type != "Warning" {
			return false
		}
	}
	return r.Shape == 1 && len(r.Reasons) > 0
}

// text is the entry's Message: a table has rows parted by | and columns by ;
// (classic-service.md#errors).
func (r *Reason) text() string {
	rows := make([]string, len(r.Table))
	for i, columns := range r.Table {
		rows[i] = strings.Join(columns, ";")
	}
	return r.Message + strings.Join(rows, "|")
}

// render writes the body. The vault, where there is one, picks the spelling.
func (r Refusal) render(element string, v *VaultHandle) string {
	if r.Element != "" {
		element = r.Element
	}
	prefixed := v != nil && v.index%3 == 1
	ns := nsAzure
	if r.Shape == 3 {
		ns = nsWars
	}
	x := newXML(prefixed)
	x.root("Error", ns)
	switch {
	case r.Shape == 3:
		if r.Code != "" {
			x.leaf("ErrorCode", r.Code)
		}
		if r.Message != "" {
			x.leaf("Message", r.Message)
		}
	default:
		x.leaf("Code", r.Code)
		if r.Shape == 1 {
			x.open("Details")
			for i := range r.Reasons {
				r.Reasons[i].render(x, element)
			}
			x.close("Details")
		}
		x.leaf("Message", r.Message)
		x.leaf("RecommendedAction", r.Action)
	}
	x.close("Error")
	return x.String()
}

func (r *Reason) render(x *xmlWriter, element string) {
	kind := r.Type
	if kind == "" {
		kind = "Error"
	}
	x.open(element)
	x.leaf("Category", r.Category)
	x.leaf("Code", r.Code)
	x.leaf("Message", r.text())
	x.null("Properties")
	x.leaf("RecommendedAction", r.Action)
	x.leaf("Type", kind)
	x.open("Origin") // in no source: to be passed over
	x.leaf("Type", "Service")
	x.close("Origin")
	x.close(element)
}

// xmlWriter writes elements of one namespace, under a prefix or as default.
type xmlWriter struct {
	b           strings.Builder
	prefix, nil string
	pretty      bool // comments and line ends between elements
}

func newXML(prefixed bool) *xmlWriter {
	if prefixed {
		return &xmlWriter{prefix: "az:", nil: "xsi"}
	}
	return &xmlWriter{nil: "i"}
}

func (x *xmlWriter) String() string { return x.b.String() }

func (x *xmlWriter) root(name, ns string) {
	colon := ""
	if x.prefix != "" {
		colon = ":" + strings.TrimSuffix(x.prefix, ":")
	}
	x.b.WriteString("<" + x.prefix + name + " xmlns" + colon + `="` + ns + `" xmlns:` + x.nil +
		`="http://www.w3.org/2001/XMLSchema-instance">`)
	x.newline()
}

func (x *xmlWriter) newline() {
	if x.pretty {
		x.b.WriteString("\r\n  ")
	}
}

func (x *xmlWriter) open(name string) {
	x.b.WriteString("<" + x.prefix + name + ">")
	x.newline()
}

func (x *xmlWriter) close(name string) {
	x.b.WriteString("</" + x.prefix + name + ">")
	x.newline()
}

// leaf writes an element with text; an empty one is written short.
func (x *xmlWriter) leaf(name, text string) {
	if text == "" {
		x.b.WriteString("<" + x.prefix + name + " />")
		x.newline()
		return
	}
	x.b.WriteString("<" + x.prefix + name + ">")
	x.text(text)
	x.b.WriteString("</" + x.prefix + name + ">")
	x.newline()
}

func (x *xmlWriter) text(s string) {
	// A strings.Builder takes every write.
	_ = xml.EscapeText(&x.b, []byte(s))
}

// null writes an element that is there and nil.
func (x *xmlWriter) null(name string) {
	x.b.WriteString("<" + x.prefix + name + " " + x.nil + `:nil="true" />`)
	x.newline()
}

func (x *xmlWriter) raw(s string) { x.b.WriteString(s) }
