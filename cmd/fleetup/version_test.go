package main

import (
	"runtime/debug"
	"testing"
)

// TestCommit: what the build recorded, and that it was not all committed.
func TestCommit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings []debug.BuildSetting
		want     string
	}{
		"clean": {[]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "c0ffee"},
			{Key: "vcs.modified", Value: "false"}}, "c0ffee"},
		"changed": {[]debug.BuildSetting{{Key: "vcs.revision", Value: "c0ffee"},
			{Key: "vcs.modified", Value: "true"}}, "c0ffee-dirty"},
		"without git":      {[]debug.BuildSetting{{Key: "GOOS", Value: "linux"}}, unknownCommit},
		"only the changes": {[]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, unknownCommit},
	} {
		if got := commitIn(tt.settings); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
