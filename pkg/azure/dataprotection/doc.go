// Package dataprotection answers "what is changed about a Backup vault of today's
// portal": the kinds that change one of its settings by a PATCH
// (resource-manager.md#backup-vaults), and those that put it back.
//
// It promises that each kind is data, an arm.Setting, and that what was unset and
// cannot be unset again is not guessed at.
package dataprotection
