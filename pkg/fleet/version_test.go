package fleet

import (
	"errors"
	"strings"
	"testing"
)

// TestAPIVersionBefore: by their days; a preview comes before what it previews.
func TestAPIVersionBefore(t *testing.T) {
	t.Parallel()
	order := []string{"", "2022-08-01", "2023-12-31", "2024-02-01-preview", "2024-02-01", "2024-02-02-preview",
		"2026-05-01", "2026-05-31-preview", "2026-07-01"}
	for i, a := range order {
		for j, b := range order {
			if APIVersionBefore(a, b) != (i < j) {
				t.Errorf("%q before %q: %v", a, b, i >= j)
			}
		}
	}
}

// TestVersionMustKnow: the default too must know what the kind needs, and an
// option's needs count where it is given.
func TestVersionMustKnow(t *testing.T) {
	t.Parallel()
	s := KindSpec{Kind: "shine", Options: append(CommonOptions("2026-02-01"),
		Option{Key: "for", Type: OptionNumber, Min: 1, Max: 9}),
		Properties: []Property{{Name: "a.b", Since: "2025-01-01"}, {Name: "a.c", Since: "2026-03-01", With: "for"}}}
	for _, tt := range []struct {
		given     Options
		key, says string
	}{
		{nil, "", ""},
		{Options{"apiVersion": "2025-01-01"}, "", ""},
		{Options{"apiVersion": "2025-01-01-preview"}, "apiVersion",
			"2025-01-01-preview does not know a.b, which shine needs; 2025-01-01 and later do"},
		{Options{"for": "3"}, "for",
			"API version 2026-02-01 does not know a.c, which it needs; 2026-03-01 and later do"},
		{Options{"for": "3", "apiVersion": "2026-03-01"}, "", ""},
		{Options{"for": "10"}, "for", `"10" is no whole number from 1 to 9`},
		{Options{"for": "1.5"}, "for", "no whole number"},
	} {
		got, err := s.Complete(tt.given)
		oe, is := errors.AsType[*OptionError](err)
		if tt.key == "" && err != nil || tt.key != "" &&
			(!is || oe.Key != tt.key || !strings.Contains(err.Error(), tt.says) || got != nil) {
			t.Errorf("%v: %v, %v", tt.given, got, err)
		}
	}
	if got, err := s.Complete(Options{"for": "+07", "apiVersion": "2026-03-01"}); err != nil || got["for"] != "7" ||
		got.Number("for") != 7 || got.Number("nobody") != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := (&KindSpec{Properties: s.Properties}).Complete(nil); err != nil {
		t.Errorf("a kind without versions: %v", err)
	}
}
