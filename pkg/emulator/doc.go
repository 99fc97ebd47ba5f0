// Package emulator answers "what would Azure do": an Azure that fits in a
// process. One http.Handler speaks both sides of the classic vault upgrade
// (classic-service.md#endpoints-and-headers, #the-listing, #the-three-calls, #errors and
// #the-resource-manager-side), the Service Management side in XML and the Resource Manager side in
// JSON, under the same base URL, with the troubles a Scenario scripts. Beside the classic vaults it
// has vaults of today's Azure (resource-manager.md#sources), which the Resource Manager side reads
// and changes.
//
// It promises
//   - to be strict: a wrong path, method, version, header, body or namespace is
//     answered with 400 and words that say what was wrong, so that a client's
//     mistakes show here and not on the real service;
//   - to be reproducible: which vault suffers which fault follows from the
//     scenario's seed and the vault alone, whatever order requests come in;
//   - to remember: an accepted start is on disk, in the state file, before it is
//     answered, and Reopen goes on with the same cloud after a kill;
//   - to tell the truth: Summary counts what was really accepted, so that a test
//     can catch a vault that was started twice;
//   - to be quiet: it starts no goroutine. What time does to an upgrade is
//     worked out when somebody asks. Time comes from package time alone, so it
//     runs in a testing/synctest bubble.
//
// It imports only the standard library and pkg/emulator/kql, which reads the
// queries of Resource Graph.
package emulator
