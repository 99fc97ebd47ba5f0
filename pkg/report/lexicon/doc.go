// Package lexicon answers "what do people read for this": it puts statuses, kinds,
// facts of people, halts, counts, names of vaults, times and durations into words,
// and makes every text that came from outside harmless where it is shown. It knows
// no run and no page: the same thing has the same words wherever it is shown.
package lexicon
