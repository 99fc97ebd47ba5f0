// Package dryrun answers "how does what will happen look": a plan with its forecast,
// what checks found, and what a preflight found, as pages and documents. It sends
// nothing and reads nothing but what it is given.
package dryrun
