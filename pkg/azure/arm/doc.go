// Package arm answers "how is a vault changed through the Resource Manager": it
// is what the kinds of today's Azure share. A kind says what it changes and when
// it may, as a [Change]; the Upgrader here reads vaults one by one, sends the one
// PATCH of a start, follows its long-running operation from what the journal
// kept, and tells by a vault's state whether a start whose answer was lost has
// arrived. Facts of the service have their sources in
// resource-manager.md#sources.
package arm
