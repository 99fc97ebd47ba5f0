// Package unsaid answers whether a text for people says what it must not: tests of
// several rooms ask it.
package unsaid

import (
	"encoding/json"
	"regexp"
	"strings"
)

// mayNameUpgrades are what may be said of a rollback all the same: what an inventory
// and a command line call things, and the names that programs read.
var mayNameUpgrades = regexp.MustCompile(strings.Join([]string{
	`upgrade: \{kind: [^}]*\}`, // how an inventory is written that does it again
	`upgrade\.expected`,        // the inventory's key
	`\bupgrades=(N|\d+|plan)`,  // the limit of that name
	`\blimits set: upgrades\b`, // the same
	`,upgraded,`,               // a cell of CSV: the name of a status
	`already-upgraded`,         // a finding's code
	`upgradedResourceId`,       // a column and a property
	`not-upgraded`,             // an exit code's name
}, "|"))

// Upgrades are the lines of a text for people that call something an upgrade, where
// all that it tells of is a rollback. Of JSON it looks at the sentences, and of HTML at
// what a page shows.
func Upgrades(text string) (said []string) {
	var doc any
	switch {
	case json.Unmarshal([]byte(text), &doc) == nil:
		text = strings.Join(sentencesIn(doc, nil), "\n")
	case strings.Contains(text, "<"):
		text = markup.ReplaceAllString(unseen.ReplaceAllString(text, "\n"), "\n")
	}
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(mayNameUpgrades.ReplaceAllString(line, "")), "upgrad") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	return said
}

var (
	unseen = regexp.MustCompile(`(?s)<(script|style|svg)\b.*?</(script|style|svg)>`)
	markup = regexp.MustCompile(`<[^>]*>`)
)

// sentencesIn are the texts of a document that hold more than one word.
func sentencesIn(doc any, found []string) []string {
	switch x := doc.(type) {
	case string:
		if strings.Contains(x, " ") {
			found = append(found, strings.ReplaceAll(x, "\n", " "))
		}
	case []any:
		for _, y := range x {
			found = sentencesIn(y, found)
		}
	case map[string]any:
		for _, y := range x {
			found = sentencesIn(y, found)
		}
	}
	return found
}
