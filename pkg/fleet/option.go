package fleet

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are a kind's own settings by their names, in the one spelling that
// [Option.Normal] gives them.
type Options map[string]string

// Duration returns an option of type [OptionDuration]; 0 where it is not set.
func (o Options) Duration(key string) time.Duration {
	d, _ := time.ParseDuration(o[key]) // normal, so it parses
	return d
}

// OptionType says what an option's value may be.
type OptionType string

// The types of options.
const (
	OptionText     OptionType = "text"
	OptionDuration OptionType = "duration" // such as 90s
	OptionVersion  OptionType = "version"  // of an API: 2026-07-01, perhaps with -preview
	OptionGUID     OptionType = "guid"
	OptionKind     OptionType = "kind"   // one of Words
	OptionPath     OptionType = "path"   // of a file, relative to the inventory
	OptionNumber   OptionType = "number" // a whole one, from Min to Max
)

// Option is a setting of a kind, as the inventory's `upgrade:` takes it.
type Option struct {
	Key      string
	Type     OptionType
	Doc      string // what it is for, as a phrase
	Default  string // in the normal spelling; empty: none
	Required bool
	Words    []string // the values of OptionKind
	Min, Max int      // of OptionNumber
}

// The keys of [CommonOptions], of what every rollback needs, and of kinds whose
// vaults a resource guard may protect.
const (
	OptionAPIVersion  = "apiVersion"
	OptionExpected    = "expected"
	OptionLedger      = "ledger"
	OptionGuardTenant = "resourceGuardTenant"
)

// CommonOptions are those of every kind but classic. The version is the kind's
// own default.
func CommonOptions(apiVersion string) []Option {
	return []Option{
		{Key: OptionAPIVersion, Type: OptionVersion, Default: apiVersion,
			Doc: "the version of the service's API, where a cloud does not have the default yet"},
		{Key: OptionExpected, Type: OptionDuration, Default: "2m0s",
			Doc: "how long a vault is expected to take, for the forecast: a guess until there are measurements"},
	}
}

var versionPattern = regexp.MustCompile(`^20[0-9]{2}-[01][0-9]-[0-3][0-9](-preview)?$`)

// longestExpected is the longest duration that an option may have.
const longestExpected = 24 * time.Hour

// Normal returns a value in the one spelling that plans have, or what is wrong
// with it.
func (o *Option) Normal(value string) (string, error) {
	switch o.Type {
	case OptionDuration:
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s is no duration such as 90s or 5m", strconv.Quote(value))
		case d <= 0 || d > longestExpected:
			return "", fmt.Errorf("%s is not between 0 and 24h", strconv.Quote(value))
		}
		return d.String(), nil
	case OptionVersion:
		if !versionPattern.MatchString(value) {
			return "", fmt.Errorf("%s is no API version such as 2026-07-01", strconv.Quote(value))
		}
	case OptionGUID:
		return NormalizeGUID(value)
	case OptionKind:
		if !slices.Contains(o.Words, value) {
			return "", fmt.Errorf("%s is none of %s", strconv.Quote(value), strings.Join(o.Words, ", "))
		}
	case OptionNumber:
		n, err := strconv.Atoi(value)
		if err != nil || n < o.Min || n > o.Max {
			return "", fmt.Errorf("%s is no whole number from %d to %d", strconv.Quote(value), o.Min, o.Max)
		}
		return strconv.Itoa(n), nil
	default:
		if value == "" || len(value) > 1000 {
			return "", errors.New("it must have between 1 and 1000 characters")
		}
	}
	return value, nil
}

// Number returns an option of type [OptionNumber]; 0 where it is not set.
func (o Options) Number(key string) int {
	n, _ := strconv.Atoi(o[key]) // normal, so it is one
	return n
}

// OptionError says what is wrong with the value of an option.
type OptionError struct {
	Key string
	Err error
}

func (e *OptionError) Error() string { return "upgrade." + e.Key + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// Complete adds the defaults to options, and says what a kind lacks or does not
// know. An option whose value is wrong, and an API version that does not know what
// the kind relies on, is an *OptionError.
func (s *KindSpec) Complete(given Options) (Options, error) {
	out, known := Options{}, map[string]bool{}
	for i := range s.Options {
		o := &s.Options[i]
		known[o.Key] = true
		value, ok := given[o.Key]
		switch {
		case ok:
			normal, err := o.Normal(value)
			if err != nil {
				return nil, &OptionError{o.Key, err}
			}
			out[o.Key] = normal
		case o.Required:
			return nil, fmt.Errorf("upgrade.%s is missing: %s", o.Key, o.Doc)
		case o.Default != "":
			out[o.Key] = o.Default
		}
	}
	for key := range given {
		if !known[key] {
			return nil, fmt.Errorf("upgrade kind %s has no option %s", s.Kind, strconv.Quote(key))
		}
	}
	if err := s.checkVersion(out); err != nil {
		return nil, err
	}
	return out, nil
}
