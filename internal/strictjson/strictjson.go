// Package strictjson reads JSON that people hand over and look at before: each name
// stands once, is spelled as it is, and means something. encoding/json takes the last of
// two values with one name, and a name in other capitals for the same one, so that the
// program would hear another thing than whoever read the text.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// An Error is what is wrong with a text, and where: lines and columns count from 1.
type Error struct {
	Line, Column int
	Detail       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Detail)
}

// Decode reads one value into v, which must be a pointer, as json.Unmarshal does. What
// reads itself (json.Unmarshaler) is asked for its names no further than that each stands
// once.
func Decode(data []byte, v any) error {
	if at := invalid(data); at < len(data) {
		return fault(data, at, "it is not UTF-8")
	}
	if !json.Valid(data) { // then the walk may rely on how deep it goes
		syntax, _ := errors.AsType[*json.SyntaxError](json.Unmarshal(data, new(json.RawMessage)))
		switch {
		case syntax == nil, strings.HasPrefix(syntax.Error(), "unexpected end"):
			return fault(data, len(data), "it ends in the middle: it was cut short")
		case strings.HasSuffix(syntax.Error(), "after top-level value"):
			return fault(data, int(syntax.Offset)-1, "something comes after it")
		}
		return fault(data, int(syntax.Offset)-1, "%v", syntax)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	w := walk{data, json.NewDecoder(bytes.NewReader(data))}
	if err := w.value(reflect.TypeOf(v)); err != nil {
		return err
	}
	return d.Decode(v)
}

// invalid is where a text is no UTF-8, its length where it is.
func invalid(data []byte) int {
	for at := 0; at < len(data); {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return len(data)
}

// fault is an Error at a byte of a text.
func fault(data []byte, at int, format string, args ...any) error {
	before := data[:max(0, min(at, len(data)))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &Error{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(line) + 1, fmt.Sprintf(format, args...)}
}

type walk struct {
	data []byte
	d    *json.Decoder
}

// value goes over one value of a type; nil: of any.
func (w walk) value(t reflect.Type) error {
	names, below := members(t)
	token, err := w.d.Token()
	if err != nil {
		return err
	}
	opened, _ := token.(json.Delim)
	seen := map[string]bool{}
	for opened != 0 && w.d.More() {
		of := below
		if opened == '{' {
			from := int(w.d.InputOffset())
			token, err := w.d.Token()
			if err != nil {
				return err
			}
			from += len(w.data[from:]) - len(bytes.TrimLeft(w.data[from:], " \t\r\n,"))
			name, _ := token.(string)
			at, known := names[name]
			switch {
			case names != nil && !known:
				return fault(w.data, from, "unknown field %q", name)
			case seen[name]:
				return fault(w.data, from, "it has %q twice", name)
			case names != nil:
				of = at
			}
			seen[name] = true
		}
		if err := w.value(of); err != nil {
			return err
		}
	}
	if opened != 0 {
		_, err = w.d.Token() // what closes it
	}
	return err
}

// members are what a value of a type may hold: the types of its fields by their names, or
// else of its elements; neither is known of what reads itself.
func members(t reflect.Type) (names map[string]reflect.Type, below reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer {
		if t.Implements(reflect.TypeFor[json.Unmarshaler]()) && t.Elem().Kind() != reflect.Pointer {
			return nil, nil
		}
		t = t.Elem()
	}
	switch {
	case t == nil, reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array, t.Kind() == reflect.Map:
		return nil, t.Elem()
	case t.Kind() == reflect.Struct:
		names = map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(t) {
			tag := f.Tag.Get("json")
			name, _, _ := strings.Cut(tag, ",")
			if !f.IsExported() || tag == "-" || f.Anonymous && name == "" {
				continue
			}
			if name == "" {
				name = f.Name
			}
			names[name] = f.Type
		}
	}
	return names, nil
}
