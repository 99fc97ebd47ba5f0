package failure

import "strings"

// To is a command with what it is for, or what must be so first, where the command
// alone does not tell.
func To(purpose, command string) string { return purpose + ": " + command }

// Lines are several things to do, one after the other. One that begins with "or"
// takes the place of the one before.
func Lines(steps ...string) string { return strings.Join(steps, "\n") }
