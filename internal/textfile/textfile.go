// Package textfile answers how a file that somebody names is read and replaced.
// Spreadsheets and shells write UTF-16, byte order marks and line ends of their
// own; pipes and devices are neither read nor replaced; and who reads a file that is
// written here sees the whole of it, or what was there before. It knows nothing of
// what the text means.
package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"unicode/utf16"
)

// ErrUTF16 says that a file is cut in the middle of a UTF-16 character, or is
// UTF-32.
var ErrUTF16 = errors.New("it is neither UTF-8 nor whole UTF-16; save it as UTF-8")

// Decode returns the text of a file as UTF-8 without a byte order mark. It reads
// UTF-8, and UTF-16 of both byte orders: with a byte order mark, as PowerShell and
// Excel ("Unicode Text") write it, or without one where every other byte of the
// beginning is 0. Line ends of a carriage return alone become line feeds, where
// the file has no others. What is not valid UTF-8 comes back as it is.
//
// The error is ErrUTF16.
func Decode(data []byte) ([]byte, error) {
	text, err := decode(data)
	if err == nil && bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	}
	return text, err
}

// Plain reports whether a file is stored as UTF-8, with or without a byte order
// mark, so that an edit of its bytes is an edit of its text.
func Plain(data []byte) bool { return orderOf(data) == nil }

func decode(data []byte) ([]byte, error) {
	order := orderOf(data)
	if order == nil {
		return bytes.TrimPrefix(data, []byte("\uFEFF")), nil
	}
	if len(data)%2 != 0 {
		return nil, ErrUTF16
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	if units[0] == 0xFEFF {
		units = units[1:]
	}
	runes := utf16.Decode(units)
	if !slices.Equal(utf16.Encode(runes), units) { // half a character became another one
		return nil, ErrUTF16
	}
	return []byte(string(runes)), nil
}

// orderOf returns the byte order of UTF-16, nil for other text. The mark of
// UTF-32 begins like that of UTF-16 and is followed by a zero character, which
// no text holds.
func orderOf(data []byte) binary.ByteOrder {
	if len(data) < 2 {
		return nil
	}
	switch a, b := data[0], data[1]; {
	case a == 0xFF && b == 0xFE:
		return binary.LittleEndian
	case a == 0xFE && b == 0xFF:
		return binary.BigEndian
	case a != 0 && b == 0 && len(data) >= 4 && data[2] != 0 && data[3] == 0:
		return binary.LittleEndian
	case a == 0 && b != 0 && len(data) >= 4 && data[2] == 0 && data[3] != 0:
		return binary.BigEndian
	}
	return nil
}
