// Package progress answers "how does a run look while it goes on": a Tracker follows
// its facts, and shows them as a live view on a terminal, as plain lines, or as a
// stream of JSON. Drawing costs what is in flight, never the size of the fleet. What
// a run waits for, its phase and its words are those of pkg/standing and of
// pkg/report: nothing is concluded here.
package progress
