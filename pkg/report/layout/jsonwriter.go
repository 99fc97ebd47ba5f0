package layout

import (
	"bytes"
	"encoding"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// List is an array of JSON whose members are made one at a time, when they are written:
// of a hundred thousand, one is in memory.
type List[T any] struct {
	Len int
	At  func(i int) T
}

// MarshalJSON implements json.Marshaler, for whoever wants the whole.
func (l List[T]) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i := range l.Len {
		if i > 0 {
			b = append(b, ',')
		}
		one := l.At(i)
		data, err := marshal(&one, "", "")
		if err != nil {
			return nil, err
		}
		b = append(b, bytes.TrimSuffix(data, []byte("\n"))...)
	}
	return append(b, ']'), nil
}

func (l List[T]) each(write func(reflect.Value)) {
	var one T
	v := reflect.ValueOf(&one).Elem()
	for i := range l.Len {
		one = l.At(i)
		write(v)
	}
}

// sequence is a List of anything.
type sequence interface {
	each(write func(reflect.Value))
}

// jsonWriter writes what Encode makes, to the byte, without having it in memory. What
// our documents are made of it writes itself; anything else is encoding/json's, a part
// at a time.
type jsonWriter struct {
	to  io.Writer
	b   []byte
	err error
}

// full is how much is gathered before it is written.
const full = 64 << 10

func (w *jsonWriter) flush() {
	if w.err == nil && len(w.b) > 0 {
		_, w.err = w.to.Write(w.b)
	}
	w.b = w.b[:0]
}

// line begins a line at a depth.
func (w *jsonWriter) line(depth int) {
	w.b = append(w.b, '\n')
	for range depth {
		w.b = append(w.b, "  "...)
	}
}

// members writes what stands in brackets, each member on a line of its own.
type members struct {
	*jsonWriter
	open, shut byte
	depth, n   int
}

func (m *members) next() {
	if len(m.b) > full {
		m.flush()
	}
	mark := byte(',')
	if m.n == 0 {
		mark = m.open
	}
	m.b = append(m.b, mark)
	m.n++
	m.line(m.depth + 1)
}

func (m *members) end() {
	if m.n == 0 {
		m.b = append(m.b, m.open, m.shut)
		return
	}
	m.line(m.depth)
	m.b = append(m.b, m.shut)
}

// writing writes a value of one type at a depth.
type writing func(w *jsonWriter, v reflect.Value, depth int)

var (
	writings     sync.Map // of each type that was met: its writing
	marshaler    = reflect.TypeFor[json.Marshaler]()
	textual      = reflect.TypeFor[encoding.TextMarshaler]()
	zeroer       = reflect.TypeFor[interface{ IsZero() bool }]()
	aSequence    = reflect.TypeFor[sequence]()
	asFieldsName = func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		})
	}
)

func writingOf(t reflect.Type) writing {
	if f, ok := writings.Load(t); ok {
		return f.(writing)
	}
	// A type that holds itself is looked up while it is made.
	var made writing
	var once sync.WaitGroup
	once.Add(1)
	f, known := writings.LoadOrStore(t, writing(func(w *jsonWriter, v reflect.Value, depth int) {
		once.Wait()
		made(w, v, depth)
	}))
	if known {
		return f.(writing)
	}
	made = makeWriting(t)
	once.Done()
	writings.Store(t, made)
	return made
}

func makeWriting(t reflect.Type) writing {
	switch {
	case t.Implements(aSequence):
		return (*jsonWriter).sequence
	case t.Implements(marshaler):
		return (*jsonWriter).marshaled
	case reflect.PointerTo(t).Implements(marshaler), reflect.PointerTo(t).Implements(textual):
		return (*jsonWriter).other
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(w *jsonWriter, v reflect.Value, _ int) { w.b = strconv.AppendBool(w.b, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(w *jsonWriter, v reflect.Value, _ int) { w.b = strconv.AppendInt(w.b, v.Int(), 10) }
	case reflect.Float64:
		return (*jsonWriter).float
	case reflect.String:
		return func(w *jsonWriter, v reflect.Value, _ int) { w.text(v.String()) }
	case reflect.Interface:
		return func(w *jsonWriter, v reflect.Value, depth int) {
			if v.IsNil() {
				w.b = append(w.b, "null"...)
				return
			}
			writingOf(v.Elem().Type())(w, v.Elem(), depth)
		}
	case reflect.Pointer:
		return pointerWriting(t)
	case reflect.Slice:
		return sliceWriting(t)
	case reflect.Map:
		return mapWriting(t)
	case reflect.Struct:
		return structWriting(t)
	}
	return (*jsonWriter).other
}

// other has encoding/json write a value.
func (w *jsonWriter) other(v reflect.Value, depth int) {
	if v.CanAddr() { // then methods of its pointer count
		v = v.Addr()
	}
	data, err := Encode(v.Interface(), strings.Repeat("  ", depth), "  ")
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, bytes.TrimSuffix(data, []byte("\n"))...)
}

// marshaled writes what writes itself, as times do: most are a plain word in quotes.
func (w *jsonWriter) marshaled(v reflect.Value, depth int) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		w.b = append(w.b, "null"...)
		return
	}
	if raw, ok := v.Interface().(json.RawMessage); ok {
		if isPlain(raw) {
			w.b = append(w.b, raw...)
			return
		}
	} else if v.Kind() != reflect.Interface {
		if data, err := v.Interface().(json.Marshaler).MarshalJSON(); err == nil && isPlain(data) {
			w.b = append(w.b, data...)
			return
		}
	}
	w.other(v, depth)
}

// isPlain reports whether JSON is a string in which nothing is to be looked at twice.
func isPlain(data []byte) bool {
	last := len(data) - 1
	if last < 1 || data[0] != '"' || data[last] != '"' {
		return false
	}
	for i := 1; i < last; i++ {
		switch c := data[i]; {
		case c < ' ' || c >= 0x7f || c == '"':
			return false
		case c == '\\':
			if i++; i == last || !strings.ContainsRune(`"\/bfnrt`, rune(data[i])) {
				return false
			}
		}
	}
	return true
}

func (w *jsonWriter) sequence(v reflect.Value, depth int) {
	m := members{jsonWriter: w, open: '[', shut: ']', depth: depth}
	v.Interface().(sequence).each(func(one reflect.Value) {
		m.next()
		writingOf(one.Type())(w, one, depth+1)
	})
	m.end()
}

func (w *jsonWriter) float(v reflect.Value, depth int) {
	const exact = 1 << 53
	f := v.Float()
	if f != math.Trunc(f) || math.Abs(f) > exact || f == 0 && math.Signbit(f) {
		w.other(v, depth)
		return
	}
	w.b = strconv.AppendInt(w.b, int64(f), 10)
}

func (w *jsonWriter) text(s string) {
	start := len(w.b)
	w.b = append(w.b, '"')
	from := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f:
			w.b = w.b[:start]
			w.other(reflect.ValueOf(s), 0)
			return
		case c == '"' || c == '\\':
			w.b = append(append(w.b, s[from:i]...), '\\')
			from = i
		}
	}
	w.b = append(append(w.b, s[from:]...), '"')
}

func pointerWriting(t reflect.Type) writing {
	pointed := writingOf(t.Elem())
	return func(w *jsonWriter, v reflect.Value, depth int) {
		if v.IsNil() {
			w.b = append(w.b, "null"...)
			return
		}
		pointed(w, v.Elem(), depth)
	}
}

func sliceWriting(t reflect.Type) writing {
	if t.Elem().Kind() == reflect.Uint8 {
		return (*jsonWriter).other
	}
	member := writingOf(t.Elem())
	return func(w *jsonWriter, v reflect.Value, depth int) {
		if v.IsNil() {
			w.b = append(w.b, "null"...)
			return
		}
		m := members{jsonWriter: w, open: '[', shut: ']', depth: depth}
		for i := range v.Len() {
			m.next()
			member(w, v.Index(i), depth+1)
		}
		m.end()
	}
}

func mapWriting(t reflect.Type) writing {
	if t.Key().Kind() != reflect.String || t.Key().Implements(textual) {
		return (*jsonWriter).other
	}
	member := writingOf(t.Elem())
	return func(w *jsonWriter, v reflect.Value, depth int) {
		if v.IsNil() {
			w.b = append(w.b, "null"...)
			return
		}
		m := members{jsonWriter: w, open: '{', shut: '}', depth: depth}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			m.next()
			w.text(k.String())
			w.b = append(w.b, ": "...)
			member(w, v.MapIndex(k), depth+1)
		}
		m.end()
	}
}

// written is a field of a struct.
type written struct {
	index     []int
	name      string // as JSON, with what stands behind it
	write     writing
	omitEmpty bool
	omitZero  bool
}

func structWriting(t reflect.Type) writing {
	fields, ok := fieldsOf(t, nil)
	names := map[string]bool{}
	for _, f := range fields {
		ok = ok && !names[f.name] // which of two counts is encoding/json's to say
		names[f.name] = true
	}
	if !ok {
		return (*jsonWriter).other
	}
	return func(w *jsonWriter, v reflect.Value, depth int) {
		m := members{jsonWriter: w, open: '{', shut: '}', depth: depth}
		for i := range fields {
			f := &fields[i]
			value := v.FieldByIndex(f.index)
			if f.omitZero && value.IsZero() || f.omitEmpty && isEmpty(value) {
				continue
			}
			m.next()
			w.b = append(w.b, f.name...)
			f.write(w, value, depth+1)
		}
		m.end()
	}
}

// fieldsOf are the fields that JSON has of a struct. ok is false where that takes rules
// which only encoding/json knows.
func fieldsOf(t reflect.Type, at []int) (fields []written, ok bool) {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		index := append(slices.Clip(at), i)
		switch {
		case tag == "-", !sf.IsExported() && !sf.Anonymous:
			continue
		case sf.Anonymous && name == "":
			within, plain := embedded(sf.Type, index)
			if !plain {
				return nil, false
			}
			fields = append(fields, within...)
			continue
		case !sf.IsExported():
			return nil, false
		}
		f := written{index: index, write: writingOf(sf.Type)}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "":
			case "omitempty":
				f.omitEmpty = true
			case "omitzero":
				f.omitZero = true
			default:
				return nil, false
			}
		}
		if !tagged || name == "" {
			name = sf.Name
		}
		if !asFieldsName(name) || f.omitZero && reflect.PointerTo(sf.Type).Implements(zeroer) {
			return nil, false
		}
		f.name = strconv.Quote(name) + ": "
		fields = append(fields, f)
	}
	return fields, true
}

// embedded are those of an embedded struct.
func embedded(t reflect.Type, at []int) ([]written, bool) {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(marshaler) ||
		reflect.PointerTo(t).Implements(textual) {
		return nil, false
	}
	return fieldsOf(t, at)
}

// isEmpty is what omitempty leaves out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// WriteJSON writes a value as an indented document, safe to look at on a terminal.
func WriteJSON(to io.Writer, v any) error {
	w := &jsonWriter{to: to}
	writingOf(reflect.TypeFor[any]())(w, reflect.ValueOf(&v).Elem(), 0)
	w.b = append(w.b, '\n')
	w.flush()
	return w.err
}
