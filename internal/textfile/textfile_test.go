package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func encode(order binary.AppendByteOrder, mark bool, s string) (out []byte) {
	if mark {
		out = order.AppendUint16(out, 0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

// TestDecode: the same text comes out of every way to store it.
func TestDecode(t *testing.T) {
	t.Parallel()
	const text = "name,größe 备份 🍦\r\nx,1\r\n"
	for what, data := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with a mark": []byte("\uFEFF" + text),
		"UTF-16LE": encode(binary.LittleEndian, true, text), "UTF-16BE": encode(binary.BigEndian, true, text),
		"UTF-16LE without a mark": encode(binary.LittleEndian, false, text),
		"UTF-16BE without a mark": encode(binary.BigEndian, false, text),
	} {
		if got, err := Decode(data); string(got) != text || err != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		if plain := what[:5] == "UTF-8"; Plain(data) != plain {
			t.Errorf("%s: plain is %v", what, !plain)
		}
	}
	for in, want := range map[string]string{"": "", "a": "a", "a\rb\r": "a\nb\n", "a\rb\n": "a\rb\n", "a\xff": "a\xff",
		"\xff\xfe": ""} {
		if got, err := Decode([]byte(in)); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"\xff\xfea", "\xff\xfe\x00\xd8", "\xff\xfe\x00\xd8a\x00", "\xfe\xff\xdc\x00"} {
		if got, err := Decode([]byte(in)); !errors.Is(err, ErrUTF16) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

// TestDecodeAnything: no bytes make it panic, and UTF-8 text passes unchanged.
func TestDecodeAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		got, err := Decode(data)
		if err == nil && Plain(data) && bytes.IndexByte(data, '\r') < 0 &&
			!bytes.Equal(got, bytes.TrimPrefix(data, []byte("\uFEFF"))) {
			t.Fatalf("%q became %q", data, got)
		}
	})
}
