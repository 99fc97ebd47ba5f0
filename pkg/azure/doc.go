// Package azure answers "how do we sign in and speak to a cloud". It turns a
// kind of credential into tokens, an endpoint into a client, and knows two ways
// to send a request:
//
//   - [Client.Do] is for reads, and for POSTs that only check. It goes through
//     an azcore pipeline: a few retries, Retry-After honoured up to a bound,
//     client request IDs, a timeout per try and in all.
//   - [Once.Send] is for starts. One call is one HTTP exchange at most: no
//     retry, no redirect, no challenge answered, no connection reused, and it
//     says whether anything may have left this machine (design.md#rule-3).
//
// Both count for a class of a subscription (Request.Subject): a [Pacer] says when
// a read may go, or a start be made ready, and hears of every answer. Response.Busy
// tells the 429 of a busy resource from the one that asks to slow down.
//
// It promises that no token goes over plain HTTP except the fixed one to
// loopback hosts, where no sign-in takes place, and that no secret gets into an
// error or a log. What the calls mean is the business of the sub-packages, one
// for each upgrade kind.
package azure
