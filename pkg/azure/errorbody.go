package azure

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// ErrorBody is what the body of an answer said of an error, in whichever of the
// shapes that services and gateways write. It is fit to be shown: one line each,
// bounded, without what looks like a secret. A body that is no error is the zero
// ErrorBody; so are a web page and plain text, of which Response.Error shows an
// excerpt.
//
// The shapes, with where they come from:
//
//	{"error":{"code","message","details","innererror"}}    the Resource Manager (its guidelines, "Error condition…")
//	{"ErrorCode","Message":{"Language","Value"},"Values"}  Recovery Services (Azure/azure-powershell, issue 7551)
//	{"code","message"}, {"Code","Message"}                 bare, in any capitals (azure-sdk-for-go, ServiceError)
//	{"odata.error":{"code","message":{"lang","value"}}}    OData 3, JSON light
//	{"error":"…","error_description":"…"}                  OAuth 2.0 (RFC 6749, section 5.2)
//	{"type","title","status","detail"}                     problem details (RFC 9457)
//	{"statusCode","message"}                               API Management
//	{"errors":[…]}, and each of these as a JSON string     gateways
//	<Error><Code/><Message/></Error>                       XML, of whatever namespace
type ErrorBody struct {
	Code    string // the outermost; empty where it gives none
	Message string // the innermost sentence comes last, and is never what is cut
	Advice  string // what the service recommends; empty where it gives none
	// Manager says that it is in the Resource Manager's own shape, with a code: a
	// gateway's page or another server's error is not.
	Manager bool

	object bool     // it is a JSON object, as a service writes it
	codes  []string // all of them, the inner ones too
}

// Bounds of what is looked at and kept of an error body.
const (
	maxErrorBytes = 256 << 10
	maxErrorDepth = 16
	maxDetails    = 10
)

// ReadErrorBody reads what an answer's body said of an error.
func ReadErrorBody(body []byte) ErrorBody {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 || len(body) > maxErrorBytes {
		return ErrorBody{}
	}
	r := errorReader{}
	switch body[0] {
	case '{', '[', '"':
		v, ok := decodeJSON(body)
		if !ok {
			return ErrorBody{}
		}
		if m, isMap := v.(map[string]any); isMap {
			e, _ := field(m, "error").(map[string]any)
			code, _ := field(e, "code").(string)
			r.object, r.manager = true, strings.TrimSpace(code) != ""
		}
		r.value(v, 0)
	case '<':
		r.xml(body)
	}
	return r.result()
}

func decodeJSON(body []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, errors.Is(err, io.EOF)
}

// errorReader gathers what a body says, from the outside to the inside.
type errorReader struct {
	object, manager     bool
	codes, said, advice []string
}

// field is a member of an object; capitals do not count.
func field(m map[string]any, names ...string) any {
	for _, name := range names {
		if v, ok := m[name]; ok && v != nil {
			return v
		}
		var found string
		for k, v := range m { // the least of those that fit, so that one body reads in one way
			if v != nil && strings.EqualFold(k, name) && (found == "" || k < found) {
				found = k
			}
		}
		if found != "" {
			return m[found]
		}
	}
	return nil
}

// word is a member that is a text, or an object with the text inside, as OData
// writes messages with their language.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case map[string]any:
		s, _ := field(v, "value", "text", "#text", "message").(string)
		return strings.TrimSpace(s)
	case []any:
		var all []string
		for _, x := range v {
			if s, ok := x.(string); ok && strings.TrimSpace(s) != "" && len(all) < maxDetails {
				all = append(all, strings.TrimSpace(s))
			}
		}
		return strings.Join(all, " ")
	}
	return ""
}

// value reads an error, or what holds one.
func (r *errorReader) value(v any, depth int) {
	if depth > maxErrorDepth || len(r.said)+len(r.codes) > 4*maxDetails {
		return
	}
	switch v := v.(type) {
	case string: // JSON within JSON
		if s := strings.TrimSpace(v); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
			if inner, ok := decodeJSON([]byte(s)); ok {
				r.value(inner, depth+1)
				return
			}
		}
		if depth > 0 {
			r.say(v, depth)
		}
	case []any:
		for i, x := range v {
			if i == maxDetails {
				break
			}
			if _, isText := x.(string); !isText {
				r.value(x, depth+1)
			}
		}
	case map[string]any:
		r.members(v, depth)
	}
}

func (r *errorReader) members(m map[string]any, depth int) {
	description := field(m, "error_description")
	switch e := field(m, "odata.error", "error").(type) {
	case map[string]any, []any:
		r.value(e, depth+1)
		return
	case string:
		if description == nil {
			r.value(e, depth+1)
		} else {
			r.code(e)
		}
	}
	r.code(word(field(m, "code", "errorCode")))
	r.say(word(field(m, "message", "errorMessage")), depth)
	r.say(word(description), depth)
	if field(m, "title") != nil { // problem details
		r.say(word(field(m, "title")), depth)
		r.say(word(field(m, "detail")), depth)
	}
	r.advise(word(field(m, "recommendedAction", "recommendedActions", "recommendation", "recommendations")))
	if errs, ok := field(m, "errors").([]any); ok {
		r.value(errs, depth+1)
	}
	if details, ok := field(m, "details").([]any); ok {
		r.value(details, depth+1)
	}
	switch inner := field(m, "innererror").(type) {
	case map[string]any:
		r.members(inner, depth+1)
	case string:
		r.value(inner, depth+1)
	}
}

func (r *errorReader) code(s string) {
	if s = text.Clean(s, text.MaxID); s != "" {
		r.codes = append(r.codes, s)
	}
}

// say keeps a sentence once. One that holds an error as JSON says that in words.
func (r *errorReader) say(s string, depth int) {
	if i := strings.IndexAny(s, "{["); i >= 0 && depth < maxErrorDepth {
		if inner, ok := decodeJSON([]byte(strings.TrimSpace(s[i:]))); ok {
			within := errorReader{}
			within.value(inner, depth+1)
			if len(within.said) > 0 {
				r.keep(s[:i])
				if len(within.codes) > 0 {
					within.said[0] = within.codes[0] + ": " + within.said[0]
				}
				for _, x := range within.said {
					r.keep(x)
				}
				r.codes, r.advice = append(r.codes, within.codes...), append(r.advice, within.advice...)
				return
			}
		}
	}
	r.keep(s)
}

// keep keeps a sentence as it came: what looks like a secret is taken out once, of
// the whole.
func (r *errorReader) keep(s string) {
	if s = strings.Join(strings.Fields(s), " "); s != "" && !slices.Contains(r.said, s) {
		r.said = append(r.said, s)
	}
}

func (r *errorReader) advise(s string) {
	if s = strings.TrimSpace(s); s != "" && !slices.Contains(r.advice, s) {
		r.advice = append(r.advice, s)
	}
}

// result puts together what was gathered. A message that is too long loses its
// middle: how it begins and how the innermost sentence ends stay.
func (r *errorReader) result() ErrorBody {
	e := ErrorBody{Manager: r.manager, object: r.object, codes: r.codes,
		Message: bothEnds(sentences(r.said), text.MaxMessage)}
	if len(r.codes) > 0 {
		e.Code = r.codes[0]
	}
	if len(r.advice) > 0 {
		e.Advice = text.Clean(strings.Join(r.advice, " "), text.MaxMessage)
	}
	return e
}

// sentences puts sentences one behind the other.
func sentences(said []string) string {
	var b strings.Builder
	for i, s := range said {
		if i > 0 {
			if !strings.HasSuffix(said[i-1], ".") && !strings.HasSuffix(said[i-1], ":") {
				b.WriteString(";")
			}
			b.WriteString(" ")
		}
		b.WriteString(s)
	}
	return b.String()
}

// bothEnds makes a text fit for one line of at most limit characters, and cuts
// it in the middle.
func bothEnds(s string, limit int) string {
	s = text.Clean(s, 2*len(s)+limit) // what stands for a secret may be longer than it
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	head := limit / 2
	tail := limit - head - 3
	return strings.TrimSpace(string(r[:head])) + " … " + strings.TrimSpace(string(r[len(r)-tail:]))
}

// xml reads an error of XML: the texts of its elements by their names, whatever
// their namespace, where the document is an error at all.
func (r *errorReader) xml(body []byte) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("only UTF-8 is read") }
	var path []string
	within := map[string]*strings.Builder{}
	got := errorReader{}
	for {
		tok, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) || len(path) > 0 {
				return
			}
			break
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := strings.ToLower(tok.Name.Local)
			if len(path) == 0 && !slices.Contains([]string{"error", "errors", "fault", "envelope", "serviceerror",
				"exception"}, name) || len(path) > maxErrorDepth {
				return
			}
			path = append(path, name)
			within[name] = &strings.Builder{}
		case xml.CharData:
			if len(path) > 0 {
				if b := within[path[len(path)-1]]; b != nil {
					b.Write(tok)
				}
			}
		case xml.EndElement:
			if len(path) == 0 {
				return
			}
			name := path[len(path)-1]
			path = path[:len(path)-1]
			b := within[name]
			if b == nil {
				continue
			}
			switch s := strings.TrimSpace(b.String()); name {
			case "code", "errorcode", "faultcode":
				got.code(s)
			case "message", "errormessage", "faultstring", "text", "value":
				got.say(s, maxErrorDepth)
			case "recommendedaction", "recommendedactions":
				got.advise(s)
			}
			delete(within, name)
		}
	}
	r.codes, r.said, r.advice = got.codes, got.said, got.advice
}
