package kql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mistake is why a query cannot be run.
type Mistake struct {
	Unknown bool   // the language may have it, this package does not
	Line    int    // from 1
	Column  int    // in characters, from 1
	Token   string // what stands there; empty at the end
	Message string
}

func (m *Mistake) Error() string {
	return fmt.Sprintf("line %d, character %d: %s", m.Line, m.Column, m.Message)
}

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a name or a keyword
	tokenString           // its text without quotes
	tokenNumber
	tokenSign // an operator, a bracket, a bar
)

type token struct {
	kind tokenKind
	text string
	at   int // byte offset in the query
}

// signs are those of several characters, the longer ones first.
var signs = []string{"!in~", "in~", "!~", "=~", "==", "!=", "<=", ">=", "<>"}

type lexer struct {
	text   string
	tokens []token
}

// lex cuts a query into tokens. Comments go from two slashes to the line's end.
func lex(text string) ([]token, *Mistake) {
	if !utf8.ValidString(text) {
		return nil, place(text, token{}, "the query is no valid UTF-8")
	}
	l := &lexer{text: text}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		rest := text[i:]
		switch {
		case unicode.IsSpace(r):
			i += size
			continue
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			i += n
			continue
		}
		t, n, err := l.next(i, rest, r)
		if err != nil {
			return nil, err
		}
		l.tokens = append(l.tokens, t)
		i += n
	}
	return append(l.tokens, token{kind: tokenEnd, at: len(text)}), nil
}

// next reads the token that rest begins with, and how long it is.
func (l *lexer) next(at int, rest string, r rune) (token, int, *Mistake) {
	switch {
	case r == '\'' || r == '"' || r == '@':
		s, n, ok := quoted(rest)
		if !ok {
			return token{}, 0, place(l.text, token{at: at, text: string(r)}, "a string is left open")
		}
		return token{tokenString, s, at}, n, nil
	case unicode.IsLetter(r) || r == '_' || r == '$':
		first := utf8.RuneLen(r)
		n := strings.IndexFunc(rest[first:], func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
		})
		word := rest
		if n >= 0 {
			word = rest[:first+n]
		}
		if word == "in" && strings.HasPrefix(rest, "in~") {
			return token{tokenSign, "in~", at}, 3, nil
		}
		return token{tokenWord, word, at}, len(word), nil
	case unicode.IsDigit(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' })
		if n < 0 {
			n = len(rest)
		}
		return token{tokenNumber, rest[:n], at}, n, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s) {
			return token{tokenSign, s, at}, len(s), nil
		}
	}
	return token{tokenSign, string(r), at}, utf8.RuneLen(r), nil
}

// quoted reads a string that rest begins with: '…' and "…" with backslashes,
// @'…' and @"…" with doubled quotes.
func quoted(rest string) (text string, n int, ok bool) {
	i, verbatim := 0, rest[0] == '@'
	if verbatim {
		i = 1
	}
	if i >= len(rest) || rest[i] != '\'' && rest[i] != '"' {
		return "", 0, false
	}
	quote := rest[i]
	var out strings.Builder
	for i++; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '\n' || c == '\r':
			return "", 0, false
		case c == '\\' && !verbatim && i+1 < len(rest):
			i++
			out.WriteString(escaped(rest[i]))
		case c != quote:
			out.WriteByte(c)
		case verbatim && i+1 < len(rest) && rest[i+1] == quote:
			i++
			out.WriteByte(quote)
		default:
			return out.String(), i + 1, true
		}
	}
	return "", 0, false
}

// escaped is what a backslash and a character stand for.
func escaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	}
	return string([]byte{c})
}

// place is a mistake at a token.
func place(text string, t token, format string, args ...any) *Mistake {
	before := text[:min(t.at, len(text))]
	line := strings.Count(before, "\n") + 1
	start := strings.LastIndexByte(before, '\n') + 1
	return &Mistake{Line: line, Column: utf8.RuneCountInString(before[start:]) + 1, Token: t.text,
		Message: fmt.Sprintf(format, args...)}
}
