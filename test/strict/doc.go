// Package strict answers "what do the strict servers have in common": a request
// as it came over the wire, with what was found wrong with it; an answer, with
// how badly it ends; how many of something ran at once; and the parts of an
// inventory that are the same for every kind. What a request ought to be is for
// the servers to say: strictcloud for the classic upgrade, strictarm for
// today's Azure.
package strict
