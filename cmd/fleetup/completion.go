package main

import (
	"embed"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
)

// The scripts only ask the program itself (completeCommand), so they need no
// change when a command comes or goes.
//
//go:embed completion
var completionScripts embed.FS

// shells are those with a script, by the script's ending.
var shells = []struct{ name, script string }{
	{"bash", "fleetup.bash"}, {"zsh", "fleetup.zsh"}, {"fish", "fleetup.fish"}, {"powershell", "fleetup.ps1"},
}

func (e *environment) completionCommand() *cli.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: strings.Join(names, "|"),
		Description: "It completes commands, flags, their values, and vaults, waves and labels of the ledger or the inventory.\n" +
			"  bash        source <(fleetup completion bash)\n" +
			"  zsh         source <(fleetup completion zsh)\n" +
			"  fish        fleetup completion fish | source\n" +
			"  powershell  fleetup completion powershell | Out-String | Invoke-Expression",
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "a shell: "+strings.Join(names, ", "))
			if err != nil {
				return err
			}
			i := slices.Index(names, shell)
			if i < 0 {
				return failure.Usage("fleetup completion bash", "there is no completion for %q; there is for %s", shell, strings.Join(names, ", "))
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
