package inventory

import "strings"

// Nearest returns the word that was probably meant, "" when none is near: the
// one with the fewest letters added, dropped, changed or swapped, and at most
// a third of them. Capitals do not count.
func Nearest(s string, words []string) string {
	const longest = 40 // no key is; a long text is not worth the comparison
	if len(s) > longest {
		return ""
	}
	best, bestCost := "", 0
	for _, w := range words {
		cost := editDistance(strings.ToLower(s), strings.ToLower(w))
		if cost <= max(len(w)/3, 1) && (best == "" || cost < bestCost) {
			best, bestCost = w, cost
		}
	}
	return best
}

// editDistance counts the single letters to add, drop or change, and the
// neighbours to swap, that make b of a.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}
