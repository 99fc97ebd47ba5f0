// Package strictarm answers "does a client speak today's Resource Manager to
// the letter, and keep its promises". It is an http.Handler that plays the
// Recovery Services and Key Vault providers, locks, role assignments, alert
// processing rules and Resource Graph, written from the published REST
// specification (azure-rest-api-specs) and its examples alone. It shares no
// code with the program it judges.
//
// It promises three things. Every request is held against the published shape,
// field by field, and every deviation is kept as a violation, whatever is
// answered. The truth of each vault is held apart from what the client was
// told: which PATCHes were accepted, when and with which body, what was
// refused, how many requests came. And every fault is scripted per vault or
// subscription, so that a run is repeatable.
//
// A Server is safe for concurrent use, starts no goroutine and takes the time
// from package time alone: what happens "later" is worked out when the next
// request asks.
//
//	cloud := strictarm.New(strictarm.Config{})
//	web := httptest.NewServer(cloud)
//	v := cloud.AddVault(strictarm.Vault{Subscription: id, Name: "sql-07", Kind: strictarm.Alerts}).
//		Takes(2 * time.Second).
//		Patch(strictarm.ResetAfterAcceptance)
//	…
//	if n := len(v.Report().Accepted); n != 1 { … }
//	if vs := cloud.Violations(); len(vs) > 0 { … }
//
// What the specification leaves open, and the server decides: while an accepted
// PATCH is carried out, the vault's provisioningState is Updating, as the
// contract for resource providers asks for; the codes of a busy vault and of a
// resource guard's refusal are those that Azure uses for the same thing
// elsewhere. Each is said where it is decided.
package strictarm
