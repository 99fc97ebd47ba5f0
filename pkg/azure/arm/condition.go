package arm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jmespath/go-jmespath"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// condition is one of fleet.Patch.Require.
type condition struct {
	text string
	of   *jmespath.JMESPath
}

// The bounds of a condition. What is worked out cannot be interrupted, and each flattening
// may double a list.
const (
	maxCondition = 300 // characters
	maxFlattened = 4
)

// CheckCondition says what is wrong with a condition of a patch that is written anew: one
// that a plan has already is only compiled.
func CheckCondition(text string) error {
	switch {
	case utf8.RuneCountInString(text) > maxCondition:
		return fmt.Errorf("it has more than %d characters", maxCondition)
	case strings.Count(text, "[]") > maxFlattened:
		return fmt.Errorf("it flattens lists more than %d times", maxFlattened)
	}
	if _, err := compile(text); err != nil {
		return err
	}
	if name := nameOfNothing(text); name != "" {
		return fmt.Errorf("%s is the name of nothing that a vault has there: a text stands in single quotes, and "+
			"true, false, null and numbers in backticks", name)
	}
	return nil
}

func compile(text string) (c condition, err error) {
	c.text = text
	if c.of, err = jmespath.Compile(text); err != nil {
		return c, fmt.Errorf("it is no JMESPath: %w", err)
	}
	return c, nil
}

// search works the condition out. The library panics where merge is given what is no
// object (go-jmespath 0.4.0, jpfMerge): one vault's tags must not end a run.
func (c condition) search(doc any) (got any, err error) {
	defer func() {
		if p := recover(); p != nil {
			got, err = nil, fmt.Errorf("a function was given what it does not take: %v", p)
		}
	}()
	return c.of.Search(doc)
}

// What of a condition holds no names: texts and literals. And names, with quotes or without.
var (
	conditionLiterals = lazyregexp.New("'(?:\\\\'|[^'])*'|`(?:\\\\`|[^`])*`")
	conditionNames    = lazyregexp.New(`"(?:\\"|[^"])*"|[A-Za-z_][A-Za-z0-9_]*`)
)

// vaultParts are what a vault has at its top (the Resource Manager's common fields of a
// resource).
var vaultParts = []string{"id", "name", "type", "location", "tags", "properties", "sku", "identity", "etag", "eTag",
	"kind", "plan", "zones", "managedBy", "extendedLocation", "systemData"}

// nameOfNothing finds a name in a condition that no vault has where it stands: a text
// without its quotes, or a misspelt part. Such a name is null, and what is unlike
// something is always true of null. Behind brackets and pipes names are those of other
// things, and only what is compared with is looked at.
func nameOfNothing(text string) string {
	text = conditionLiterals().ReplaceAllString(text, "0")
	plain := !strings.ContainsAny(strings.NewReplacer("&&", "", "||", "").Replace(text), "[{&|@")
	for _, at := range conditionNames().FindAllStringIndex(text, -1) {
		name := text[at[0]:at[1]]
		before, after := strings.TrimSpace(text[:at[0]]), strings.TrimSpace(text[at[1]:])
		compared := conditionComparator().MatchString(before) && !strings.Contains(text, "[?")
		switch {
		case strings.HasSuffix(before, "."), strings.HasPrefix(after, "("),
			slices.Contains(vaultParts, strings.Trim(name, `"`)):
		case plain || compared:
			return name
		}
	}
	return ""
}

var conditionComparator = lazyregexp.New(`(?:[=!<>]=|[<>])$`)

// unmet are the conditions that a vault does not meet.
func (p *patch) unmet(res *Resource) (found []fleet.Finding) {
	if len(p.requires) == 0 {
		return nil
	}
	doc, err := res.whole()
	for _, c := range p.requires {
		var got any
		if err == nil {
			got, err = c.search(doc)
		}
		if got == true && err == nil {
			continue
		}
		says := "is " + leaf(got)
		if err != nil {
			says = "cannot be worked out: " + err.Error()
		}
		found = append(found, fleet.Finding{Severity: fleet.SeverityError, Code: codeRequired,
			Message: text.Clean("what the patch requires does not hold: "+c.text+" "+says, text.MaxMessage),
			Action:  "Hold the vault, see to it, or correct upgrade.require."})
		err = nil
	}
	return found
}

// whole is all that was read of the vault, with numbers as conditions compare them.
func (r *Resource) whole() (any, error) {
	all := object{}
	maps.Copy(all, r.Rest)
	all["properties"] = r.Properties
	data, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	var doc any
	err = json.Unmarshal(data, &doc)
	return doc, err
}
