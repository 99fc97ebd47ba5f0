// Package rollout answers "what happens next": it is the brain of fleetup, a
// pure and deterministic state machine. Observations go in, facts and actions
// come out. It reads no clock, does no I/O and starts no goroutine.
//
// State is the fold of a run's facts and holds no policy of its own; Machine
// adds the policy: who may start now, when a wave is over, when to stop. The
// same Machine runs a rollout, resumes it after replaying its facts, and
// forecasts it under a simulated clock.
//
// The caller's loop is: facts and actions = Step(now, observations); commit
// the facts (an error: drop the actions and stop); carry the actions out; feed
// what they bring back into the next Step. Neither type is safe for concurrent
// use.
package rollout
