// Package notify answers "who is told of what, outside": it turns the facts of a
// run into a few notifications that people want, and delivers them to webhooks.
//
// A run never waits for it. Tell does not block, a dispatcher works in goroutines
// of its own, one for each target, and at the end it is given a few seconds. What
// could not be delivered is told. A target's URL is a secret: only its host is
// ever shown. No notification holds a secret.
package notify
