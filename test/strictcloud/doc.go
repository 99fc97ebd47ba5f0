// Package strictcloud answers "does a client speak the classic upgrade's
// protocol to the letter, and keep its promises". It is an http.Handler that
// plays both sides of the cloud, Service Manager and Resource Manager, from
// classic-service.md#sources alone, and shares no code with the program it judges.
//
// It promises three things. Every request is held against the protocol, and
// every deviation is kept as a violation, whatever is answered. The truth of
// each vault is held apart from what the client was told: what was accepted
// and when, what was refused, how many requests came. And every fault is
// scripted per vault or subscription, so that a run is repeatable.
//
// A Server is safe for concurrent use, starts no goroutine and takes the time
// from package time alone: what happens "later" is worked out when the next
// request asks.
//
//	cloud := strictcloud.New(strictcloud.Config{})
//	web := httptest.NewServer(cloud)
//	v := cloud.AddVault(strictcloud.Vault{Subscription: id, Name: "sql-07"}).
//		Duration(2 * time.Second).
//		Start(strictcloud.ResetAfterAcceptance)
//	…
//	if n := len(v.Report().Accepted); n != 1 { … }
//	if vs := cloud.Violations(); len(vs) > 0 { … }
package strictcloud
