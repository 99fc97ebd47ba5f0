// Package report answers "how does a plan or a run read": it turns a plan, a
// run's state, the results of checks and the progress of a live run into JSON,
// CSV, Markdown, tables and lines for a terminal.
//
// It promises that the same input reads the same to the byte, and that nothing
// which came from outside (a vault's name, a service's message) can steer the
// reader's terminal, break a table or start a formula in a spreadsheet. It
// writes to the writers it is given; it reads no file, no environment and no
// clock: times, time zones, widths and colour are parameters. One thing is left
// to the rendering library, which looks at the locale for it: whether
// characters of ambiguous width take one column or two.
package report
