// Package words is how a number of things is put in a message: in plain digits,
// which can be searched for. Pages group them by thousands (pkg/report/lexicon).
package words

import "strconv"

// Count is a number of things whose plural ends in s: "1 vault", "1200 vaults".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
