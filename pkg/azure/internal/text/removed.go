package text

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A server can send back what it was sent, and needs no evil intent to write it in
// another way: a proxy escapes an address once more, a library prints a header as
// base64, a log breaks lines. So a known secret is looked for as it is, in base64 and
// in hexadecimal, whole or in pieces, and in each of these with escapes read and with
// what cannot be part of it left out.

// pieceWindow is half of the length from which a piece of a secret is found in a text,
// wherever it was cut: every piece of 31 bytes holds a whole window that begins at a
// multiple of 16. Real tokens have hundreds of characters, and what is shorter than
// that tells nobody the rest.
const pieceWindow = 16

// maxUnescaped is how long a text may be that is looked at with its escapes read. Only
// errors quote what they were sent, and they are short.
const maxUnescaped = 1 << 20

// maxEscapes is how often a text may have been escaped, one way or another.
const maxEscapes = 4

// minEncoded is the length from which a secret is looked for in other spellings.
const minEncoded = 8

// Remove takes a secret out of a text that somebody sent who knows it.
func Remove(b []byte, secret string) []byte {
	if secret == "" {
		return b
	}
	f := finderOf(secret)
	found := f.find(b, nil, nil)
	if len(b) <= maxUnescaped && len(secret) >= minEncoded {
		found = f.deeper(b, nil, found)
		if bytes.ContainsAny(b, `\%&`) { // escapes may be broken by ends of lines
			joined, at := kept(b, nil, func(c byte) bool { return c > ' ' })
			found = f.deeper(joined, at, found)
		}
	}
	if len(found) == 0 {
		return b
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	done := 0
	for n, s := range found {
		if n == 0 || s.from >= done {
			out = append(append(out, b[done:s.from]...), Removed...)
		}
		done = max(done, s.to)
	}
	return append(out, b[done:]...)
}

// deeper finds what is in a text with its escapes read once, twice and so on.
func (f *finder) deeper(plain []byte, at, found []span) []span {
	for depth := 0; ; depth++ {
		only, where := kept(plain, at, isSecret)
		if found = f.find(only, where, found); depth == maxEscapes || !bytes.ContainsAny(plain, `\%&`) {
			return found
		}
		plain, at = unescaped(plain, at)
		found = f.find(plain, at, found)
	}
}

// finder knows the spellings of one secret.
type finder struct {
	spellings []string
	windows   map[string]place // nil where the secret is too short for a piece of it
}

// place is where in a spelling a window begins.
type place struct{ spelling, at int }

// finders are kept, for one token goes with thousands of requests.
var finders struct {
	sync.Mutex
	of map[string]*finder
}

// maxFinders is how many are kept.
const maxFinders = 32

func finderOf(secret string) *finder {
	finders.Lock()
	defer finders.Unlock()
	if f := finders.of[secret]; f != nil {
		return f
	}
	if finders.of == nil || len(finders.of) >= maxFinders {
		finders.of = map[string]*finder{}
	}
	f := newFinder(secret)
	finders.of[secret] = f
	return f
}

func newFinder(secret string) *finder {
	f := &finder{spellings: []string{secret}}
	if len(secret) >= minEncoded {
		f.spellings = append(f.spellings, hex.EncodeToString([]byte(secret)),
			strings.ToUpper(hex.EncodeToString([]byte(secret))))
		for shift := range 3 { // by how many bytes stand before it
			s := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
			s = s[(8*shift+5)/6:]
			if (shift+len(secret))%3 != 0 {
				s = s[:len(s)-1] // holds bits of what follows
			}
			f.spellings = append(f.spellings, s, strings.NewReplacer("+", "-", "/", "_").Replace(s))
		}
	}
	if len(secret) < 2*pieceWindow-1 {
		return f
	}
	f.windows = map[string]place{}
	for n, s := range f.spellings {
		for i := range len(s) - pieceWindow + 1 {
			if w := s[i : i+pieceWindow]; f.windows[w] == (place{}) {
				f.windows[w] = place{n, i}
			}
		}
	}
	return f
}

// span is where a byte of a text was written before its escapes were read.
type span struct{ from, to int }

func spanOf(at []span, i int) span {
	if at == nil {
		return span{i, i + 1}
	}
	return at[i]
}

// find adds the places of what is found in plain. at has the place of each byte of it
// in the text that it is from; nil where they are one.
func (f *finder) find(plain []byte, at, found []span) []span {
	keep := func(from, to int) {
		found = append(found, span{spanOf(at, from).from, spanOf(at, to-1).to})
	}
	if f.windows == nil {
		for from := 0; from < len(plain); {
			i, n := f.first(plain[from:])
			if i < 0 {
				break
			}
			keep(from+i, from+i+n)
			from += i + n
		}
		return found
	}
	for i := 0; i+pieceWindow <= len(plain); i += pieceWindow {
		p, known := f.windows[string(plain[i:i+pieceWindow])]
		if !known {
			continue
		}
		s := f.spellings[p.spelling]
		from, start := i, p.at
		for from > 0 && start > 0 && plain[from-1] == s[start-1] {
			from, start = from-1, start-1
		}
		to, end := i+pieceWindow, p.at+pieceWindow
		for to < len(plain) && end < len(s) && plain[to] == s[end] {
			to, end = to+1, end+1
		}
		keep(from, to)
		i = (to+pieceWindow-1)/pieceWindow*pieceWindow - pieceWindow // the next is the first behind it
	}
	return found
}

// first finds the first whole spelling, and how long it is; -1 for none.
func (f *finder) first(b []byte) (at, length int) {
	at = -1
	for _, s := range f.spellings {
		if i := bytes.Index(b, []byte(s)); i >= 0 && (at < 0 || i < at || i == at && len(s) > length) {
			at, length = i, len(s)
		}
	}
	return at, length
}

// kept leaves out of a text what is not wanted of it.
func kept(b []byte, at []span, want func(byte) bool) (plain []byte, where []span) {
	plain, where = make([]byte, 0, len(b)), make([]span, 0, len(b))
	for i, c := range b {
		if want(c) {
			plain, where = append(plain, c), append(where, spanOf(at, i))
		}
	}
	return plain, where
}

// isSecret reports whether a byte may be part of a token or of an encoding. Spaces and
// ends of lines are not, nor the quotes and commas between the pieces of a list, nor
// the zeros of UTF-16.
func isSecret(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/=", c) >= 0
}

// unescaped reads the escapes of JSON, of URLs and of XML that stand for one byte of
// ASCII. at has the places of the bytes of b in the text that they are from.
func unescaped(b []byte, at []span) (plain []byte, where []span) {
	plain, where = make([]byte, 0, len(b)), make([]span, 0, len(b))
	for i := 0; i < len(b); {
		c, n := escape(b[i:])
		plain, where = append(plain, c), append(where, span{spanOf(at, i).from, spanOf(at, i+n-1).to})
		i += n
	}
	return plain, where
}

// escape reads the byte that b begins with, and how long it is there.
func escape(b []byte) (c byte, n int) {
	number := func(digits []byte, base int) (byte, bool) {
		n, err := strconv.ParseUint(string(digits), base, 32)
		return byte(n), err == nil && n < 0x80
	}
	switch c = b[0]; {
	case c == '\\' && len(b) > 1 && strings.IndexByte(`/\"`, b[1]) >= 0:
		return b[1], 2
	case c == '\\' && len(b) > 1 && strings.IndexByte("nrtfb", b[1]) >= 0:
		return ' ', 2
	case c == '\\' && len(b) > 5 && b[1] == 'u':
		if x, ok := number(b[2:6], 16); ok {
			return x, 6
		}
	case c == '\\' && len(b) > 3 && b[1] == 'x':
		if x, ok := number(b[2:4], 16); ok {
			return x, 4
		}
	case c == '%' && len(b) > 2:
		if x, ok := number(b[1:3], 16); ok {
			return x, 3
		}
	case c == '&' && len(b) > 3 && b[1] == '#':
		end := bytes.IndexByte(b[:min(len(b), 12)], ';')
		digits, base := b[2:max(end, 2)], 10
		if len(digits) > 1 && (digits[0] == 'x' || digits[0] == 'X') {
			digits, base = digits[1:], 16
		}
		if x, ok := number(digits, base); ok {
			return x, end + 1
		}
	case c == '&' && bytes.HasPrefix(b, []byte("&amp;")):
		return '&', len("&amp;")
	}
	return c, 1
}
