// Package graph answers "what does Resource Graph know": it asks the index of
// the Resource Manager for the vaults of many subscriptions at once
// (resource-manager.md#resource-graph).
//
// It promises that an answer is whole or an error. The service has many ways to
// give a part of an answer with status 200, and each is looked for: a scope that
// is too large, a result that is cut, pages that repeat or never end, a total
// that is not kept, rows that are not what was asked for. One is not visible in
// any answer: subscriptions that the identity cannot see are left out of the
// scope without a word. So [Client.Subscriptions] comes first and says which are
// seen, and [Client.Vaults] is asked for these alone.
//
// The index lags behind the vaults, and what an identity may not read is not in
// its answers: what was found here is read again before anything is started.
//
// Facts that are not there are from the service's documentation (its pages
// on pagination and on throttled requests) and from the published API
// description of version 2024-04-01.
package graph
