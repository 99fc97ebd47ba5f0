package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/urfave/cli/v2"
)

func (e *environment) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			return e.printVersion()
		},
	}
}

func (e *environment) printVersion() error {
	line := fmt.Sprintf("fleetup %s (commit %s, %s %s/%s)", versionString(), commit(), runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
	_, err := fmt.Fprintln(e.stdout, fitted(e.stdout, line))
	return err
}

// Set by the linker in releases (-X main.version=…): what a build without the
// repository around it cannot know.
var (
	version  = ""
	revision = ""
)

// versionString is the program's version: the release's, else the module's,
// else "dev".
func versionString() string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "dev"
}

// commit is the revision that the program was built from: the release's, else
// what the build recorded, with -dirty behind it where files had been changed.
var commit = sync.OnceValue(func() string {
	if revision != "" {
		return revision
	}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return unknownCommit
	}
	return commitIn(b.Settings)
})

const unknownCommit = "unknown"

func commitIn(settings []debug.BuildSetting) string {
	at, dirty := unknownCommit, ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			at = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if at == unknownCommit {
		return at
	}
	return at + dirty
}
