// Package report answers "how does a run read, as data and in every format": it
// makes a View of a run's state, the contract of the JSON, and of that CSV, JUnit,
// Markdown, tables and the timeline. What will happen is for pkg/report/dryrun, what
// goes on for pkg/report/progress.
//
// It promises that the same input reads the same to the byte, and that nothing
// which came from outside (a vault's name, a service's message) can steer the
// reader's terminal, break a table or start a formula in a spreadsheet. It
// writes to the writers it is given; it reads no file, no environment and no
// clock: times, time zones, widths and colour are parameters. One thing is left
// to the rendering library, which looks at the locale for it: whether
// characters of ambiguous width take one column or two.
package report
