package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// lostLabel is a label that no inventory can hold.
type lostLabel struct{ name, why string }

// maxKey is the longest name that a label may have as it is written: YAML takes
// no longer key.
const maxKey = 1000

// fit returns the labels that an inventory can hold, and counts the others. In
// a cloud a tag is whatever somebody once typed.
func (f *Found) fit(labels map[string]string) map[string]string {
	var out map[string]string
	for name, value := range labels {
		err := wrong("", func(d *decoder, _ *entry) {
			d.labels(&entry{value: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map",
				Content: []*yaml.Node{textNode(name, place{}), textNode(value, place{})}}})
		})
		why := ""
		switch {
		case err != nil:
			why = err.Error()
		case !utf8.ValidString(name + value):
			why = "it is not valid UTF-8"
		case len(scalar(name)) > maxKey:
			why = "its name is too long"
		}
		if why != "" {
			if f.lost == nil {
				f.lost = map[lostLabel]int{}
			}
			f.lost[lostLabel{name, why}]++
			continue
		}
		if out == nil {
			out = make(map[string]string, len(labels))
		}
		out[name] = value
	}
	return out
}

// fitAll fits the labels of everything that is to be written.
func (f *Found) fitAll() {
	for i := range f.Subscriptions {
		f.Subscriptions[i].Labels = f.fit(f.Subscriptions[i].Labels)
	}
	for _, v := range f.all() {
		if v.LeftOut == "" {
			v.Labels = f.fit(v.Labels)
		}
	}
}

// maxLost is how many labels Lost tells of one by one.
const maxLost = 20

// Lost says which labels were not written, and why, after Write or Update.
func (f *Found) Lost() []string {
	var all []lostLabel
	for l := range f.lost {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b lostLabel) int {
		return cmp.Or(cmp.Compare(f.lost[b], f.lost[a]), strings.Compare(a.name, b.name), strings.Compare(a.why, b.why))
	})
	var out []string
	for i, l := range all {
		if i == maxLost {
			out = append(out, fmt.Sprintf("and %d more labels", len(all)-i))
			break
		}
		out = append(out, fmt.Sprintf("label %s of %d is left out: %s", quote(clip(l.name)), f.lost[l], l.why))
	}
	return out
}

// name gives the subscriptions that nobody named what the cloud calls them,
// where an inventory can hold that: some have the name of another, or a slash.
// taken are the names in use, in lower case.
func (f *Found) name(taken map[string]bool) {
	calls := map[string]int{}
	for i := range f.Subscriptions {
		s := &f.Subscriptions[i]
		taken[s.ID] = true
		if s.Name != "" {
			taken[strings.ToLower(s.Name)] = true
		} else {
			calls[strings.ToLower(s.Called)]++
		}
	}
	for i := range f.Subscriptions {
		s := &f.Subscriptions[i]
		if s.Name != "" || s.Called == "" || !utf8.ValidString(s.Called) {
			continue
		}
		name := s.Called
		if lower := strings.ToLower(name); taken[lower] || calls[lower] > 1 {
			name += " (" + s.ID[:8] + ")"
		}
		if CheckName(name) == nil && !taken[strings.ToLower(name)] {
			s.Name = name
			taken[strings.ToLower(name)] = true
		}
	}
}
