package strictarm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"reflect"
	"slices"
	"strings"
)

// readBody demands a body of JSON and returns it; nil where there is none that
// can be read, which is recorded.
func (in *request) readBody() object {
	kind, params, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(in.Header.Values("Content-Type")) != 1 {
		in.Problem("Content-Type is %q, want application/json", in.Header.Values("Content-Type"))
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		in.Problem("the body's charset is %q, want UTF-8", c)
	}
	v, err := decode(in.Body)
	if err != nil {
		in.Problem("body: %v", err)
		return nil
	}
	body, ok := v.(object)
	if !ok {
		in.Problem("the body is %s, want an object", word(v))
		return nil
	}
	return body
}

// decode reads one JSON value, without a key given twice.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	v, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("no JSON: %w", err)
			}
			name := key.(string) // the decoder lets nothing else through
			if _, twice := o[name]; twice {
				return nil, fmt.Errorf("the key %q is given twice", name)
			}
			if o[name], err = decodeValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return t, nil
}

// equal holds a body against what is wanted, field by field: nothing may be
// missing, other, or there besides.
func (in *request) equal(path string, got, want any) {
	switch want := want.(type) {
	case object:
		have, ok := got.(object)
		if !ok {
			in.Problem("body: %s is %s, want an object", path, word(got))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			v, ok := have[key]
			if !ok {
				in.Problem("body: %s.%s is missing", path, key)
				continue
			}
			in.equal(path+"."+key, v, want[key])
		}
		for _, key := range slices.Sorted(maps.Keys(have)) {
			if _, ok := want[key]; !ok {
				in.Problem("body: %s.%s has no business there", path, key)
			}
		}
	case oneOf:
		if !holds(got, want) {
			in.Problem("body: %s is %s, want one of %q", path, word(got), []string(want))
		}
	default:
		if !reflect.DeepEqual(got, want) {
			in.Problem("body: %s is %s, want %s", path, word(got), word(want))
		}
	}
}

func word(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
