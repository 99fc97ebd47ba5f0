// Package web answers "how does a run look in a browser": one page that a live
// run serves and that a report freezes into a file.
//
// The page needs nothing from elsewhere: no network, no asset, no build step.
// The verdict, the totals and everyone who needs a person are HTML that this
// package writes; the script adds the timeline of waves and vaults, search and
// filters over the data that the page carries as JSON, and, while a run lives,
// takes in what changes.
//
// It promises that nothing which came from outside (a vault's name, a service's
// message) is markup, script or a change of writing direction; that a file
// opens without a network; and that a server only ever reads: no request
// changes a run, and no slow, greedy or broken client can hold one up.
package web
