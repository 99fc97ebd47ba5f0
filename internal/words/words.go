// Package words is how a number of things is put in English, for every room that
// writes sentences. Messages have plain digits, which can be searched for; pages
// group them by thousands.
package words

import "strconv"

// Number writes 12345 as 12,345.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count is a number of things in a message: "1 vault", "1200 vaults".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Plural is a number of things on a page: "1 entry", "1,200 entries".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}
