package azure

import (
	"bytes"
	"strconv"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// pieceWindow is half of the length from which a piece of a token is found in a text,
// wherever it was cut: every piece of 31 bytes holds a whole window that begins at a
// multiple of 16. Real tokens have hundreds of characters, and what is shorter than
// that tells nobody the rest.
const pieceWindow = 16

// maxUnescaped is how long a text may be that is looked at with its escapes read. Only
// errors quote what they were sent, and they are short.
const maxUnescaped = 1 << 20

// pieces takes a token out of a text that a server sent: whole or cut short, as it
// is or with characters escaped as JSON and URLs do.
func (t sentToken) pieces(b []byte) []byte {
	if t == "" {
		return b
	}
	if len(b) <= maxUnescaped && bytes.ContainsAny(b, `\%`) {
		plain, at := unescaped(b)
		b = t.cut(b, plain, at)
	}
	return t.cut(b, b, nil)
}

// cut replaces the pieces that are found in plain where they stand in b. at has the
// place in b of each byte of plain, and of its end; nil where they are one.
func (t sentToken) cut(b, plain []byte, at []int) []byte {
	place := func(i int) int {
		if at == nil {
			return i
		}
		return at[i]
	}
	var out []byte
	done := 0
	keep := func(from, to int) {
		out = append(append(out, b[done:place(from)]...), text.Removed...)
		done = place(to)
	}
	token := []byte(t)
	if len(token) < 2*pieceWindow-1 { // too short for a piece of it
		for from := 0; ; {
			i := bytes.Index(plain[from:], token)
			if i < 0 {
				break
			}
			keep(from+i, from+i+len(token))
			from += i + len(token)
		}
	} else if len(plain) >= pieceWindow {
		windows := make(map[string]int, len(token))
		for i := range len(token) - pieceWindow + 1 {
			windows[string(token[i:i+pieceWindow])] = i
		}
		for i := 0; i+pieceWindow <= len(plain); i += pieceWindow {
			j, found := windows[string(plain[i:i+pieceWindow])]
			if !found {
				continue
			}
			from, start := i, j
			for from > 0 && start > 0 && plain[from-1] == token[start-1] && place(from-1) >= done {
				from, start = from-1, start-1
			}
			to, end := i+pieceWindow, j+pieceWindow
			for to < len(plain) && end < len(token) && plain[to] == token[end] {
				to, end = to+1, end+1
			}
			keep(from, to)
			i = (to+pieceWindow-1)/pieceWindow*pieceWindow - pieceWindow // the next is the first behind it
		}
	}
	if out == nil {
		return b
	}
	return append(out, b[done:]...)
}

// unescaped reads the escapes of JSON and of URLs that stand for one byte of ASCII.
func unescaped(b []byte) (plain []byte, at []int) {
	hex := func(digits []byte) (byte, bool) {
		n, err := strconv.ParseUint(string(digits), 16, 16)
		return byte(n), err == nil && n < 0x80
	}
	for i := 0; i < len(b); {
		c, n := b[i], 1
		switch {
		case c == '\\' && i+1 < len(b) && (b[i+1] == '/' || b[i+1] == '\\' || b[i+1] == '"'):
			c, n = b[i+1], 2
		case c == '\\' && i+5 < len(b) && b[i+1] == 'u':
			if x, ok := hex(b[i+2 : i+6]); ok {
				c, n = x, 6
			}
		case c == '%' && i+2 < len(b):
			if x, ok := hex(b[i+1 : i+3]); ok {
				c, n = x, 3
			}
		}
		plain, at = append(plain, c), append(at, i)
		i += n
	}
	return plain, append(at, len(b))
}
