// Package layout answers "how does a page or a document look": pages of titles,
// pairs, items and tables, broken between words for a terminal or as Markdown; lines
// of a live view that fit their terminal; JSON that is safe to look at; and the
// formats that -o names. It knows nothing of runs and plans.
package layout
