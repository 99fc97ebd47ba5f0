package words

import "strings"

// Nearest returns the word that was probably meant, "" when none is near: the
// one with the fewest letters added, dropped, changed or swapped, and at most
// a third of them. Capitals do not count.
func Nearest(s string, words []string) string {
	best, _ := nearest(s, words)
	return best
}

// Likeliest is Nearest where one word alone is the nearest: of several that differ
// as much none was meant more than another.
func Likeliest(s string, words []string) string {
	if best, tied := nearest(s, words); !tied {
		return best
	}
	return ""
}

func nearest(s string, words []string) (best string, tied bool) {
	const longest = 150 // no key and no vault's name is; a long text is not worth the comparison
	if len(s) > longest {
		return "", false
	}
	bestCost := 0
	for _, w := range words {
		most := max(len(w)/3, 1)
		if len(w)-len(s) > 4*most || len(s)-len(w) > 4*most { // a letter has at most four bytes
			continue
		}
		cost := editDistance(strings.ToLower(s), strings.ToLower(w))
		switch {
		case cost > most:
		case best == "" || cost < bestCost:
			best, bestCost, tied = w, cost, false
		case cost == bestCost:
			tied = true
		}
	}
	return best, tied
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
