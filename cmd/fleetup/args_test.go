package main

import (
	"strings"
	"testing"
)

func TestFlagsFirst(t *testing.T) {
	t.Parallel()
	e := &environment{}
	for in, want := range map[string]string{
		"":                                   "",
		"plan":                               "plan",
		"plan f -o json":                     "plan -o json f",
		"plan f -o=json --details":           "plan -o=json --details f",
		"-o json plan f":                     "plan -o json f",
		"--state x status":                   "status --state x",
		"inventory lint f -o json":           "inventory lint -o json f",
		"inventory -o json lint f":           "inventory lint -o json f",
		"reopen a/b --reason why c/d":        "reopen --reason why a/b c/d",
		"run f --yes":                        "run --yes f",
		"run --yes f":                        "run --yes f",
		"run f --yes=false":                  "run --yes=false f",
		"run f --state --yes":                "run --state --yes f",
		"plan -- -o":                         "plan -- -o",
		"plan f -- -o":                       "plan -- f -o",
		"plan -o json -- plan":               "plan -o json -- plan",
		"plan plan":                          "plan plan",
		"plan f --unknown":                   "plan --unknown f",
		"plan f --state":                     "plan --state",
		"plan f --help --bogus":              "plan --help",
		"--help run":                         "run --help",
		"-h":                                 "--help",
		"bogus --yes":                        "bogus",
		"--version":                          "--version",
		"emulate f --log -":                  "emulate --log - f",
		"resume --accept-failures --reason=": "resume --accept-failures --reason=",
		"status --log-level debug --state x": "--log-level debug status --state x",
		"--log-file f status":                "--log-file f status",
		"inventory lint f --log-format=json": "--log-format=json inventory lint f",
		"-log-file f plan plan -o json":      "-log-file f plan -o json plan",
		"plan f --log-file":                  "--log-file",
		"--log-file g plan f --state":        "--log-file g plan --state",
		"plan -- --log-file f":               "plan -- --log-file f",
		"bogus --log-file f":                 "bogus",
	} {
		args := append([]string{"fleetup"}, strings.Fields(in)...)
		if got := strings.Join(flagsFirst(e.app(), args)[1:], " "); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestWantsJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"plan f -o json": true, "plan --output=json": true, "plan -o": false, "plan -o csv json": false,
		"plan json": false, "plan -- -o json": false, "bogus -o json": true,
	} {
		if got := wantsJSON(strings.Fields(in)); got != want {
			t.Errorf("%q asks for JSON: %v, want %v", in, got, want)
		}
	}
}
