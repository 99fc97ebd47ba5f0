package main

import (
	"embed"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
)

// The scripts only ask the program itself (completeCommand), so they need no
// change when a command comes or goes.
//
//go:embed completion
var completionScripts embed.FS

// shells are those with a script, by the script's ending.
var shells = []shell{
	{"bash", "fleetup.bash"}, {"zsh", "fleetup.zsh"}, {"fish", "fleetup.fish"}, {"powershell", "fleetup.ps1"},
}

type shell struct{ name, script string }

func shellNames(between string) string {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return strings.Join(names, between)
}

func (e *environment) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: shellNames("|"),
		Description: "It completes commands, flags, their values, and vaults, waves and labels of the ledger or the " +
			"inventory.\n" +
			"  bash        source <(fleetup completion bash)\n" +
			"  zsh         source <(fleetup completion zsh)\n" +
			"  fish        fleetup completion fish | source\n" +
			"  powershell  fleetup completion powershell | Out-String | Invoke-Expression",
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			i := slices.IndexFunc(shells, func(s shell) bool { return s.name == name })
			if i < 0 {
				return failure.Mistyped(name, words.Likeliest(name, strings.Split(shellNames("|"), "|")),
					"fleetup completion bash", "there is no completion for %q; there is for %s", name, shellNames(", "))
			}
			script, err := completionScripts.ReadFile("completion/" + shells[i].script)
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(script)
			return err
		},
	}
}
