package fleet

import (
	"fmt"
	"strings"
)

// Property is a property of the service's resources that a kind sends or relies
// on, and that not every version of the service's API knows: asked for in an
// older one, the service refuses the request, or answers it and leaves the
// property out.
type Property struct {
	Name  string // its path below "properties", with dots
	Since string // the first API version whose published specification has it
	// With is the option that needs the property; empty: the kind does, whatever its
	// options are.
	With string
}

// APIVersionBefore reports whether an API version is older than another. Versions
// are dates; of two of one date the preview is the older one (Azure's versioning
// guidelines: a stable version follows its previews).
func APIVersionBefore(a, b string) bool {
	dayA, previewA := strings.CutSuffix(a, "-preview")
	dayB, previewB := strings.CutSuffix(b, "-preview")
	if dayA != dayB {
		return dayA < dayB // written so that the order of the letters is that of the days
	}
	return previewA && !previewB
}

// checkVersion says that the API version of complete options does not know what
// the kind relies on.
func (s *KindSpec) checkVersion(o Options) error {
	version, ok := o[OptionAPIVersion]
	if !ok {
		return nil
	}
	for _, p := range s.Properties {
		if p.With != "" && o[p.With] == "" || !APIVersionBefore(version, p.Since) {
			continue
		}
		if p.With != "" {
			return &OptionError{p.With, fmt.Errorf("API version %s does not know %s, which it needs; %s and later do", version, p.Name, p.Since)}
		}
		return &OptionError{OptionAPIVersion, fmt.Errorf("%s does not know %s, which %s needs; %s and later do", version, p.Name, s.Kind, p.Since)}
	}
	return nil
}
