// Package lazyregexp answers "what does a pattern cost a command that does not
// need it": nothing. Patterns that a package keeps in variables would otherwise
// be compiled by every process of the program before its main function begins.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns what compiles the pattern when it is first called, and gives the
// same expression every time. It panics then if the pattern is wrong. It may be
// called from several goroutines at once.
func New(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
