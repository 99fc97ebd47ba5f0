// Package rsv answers "what is changed about a Recovery Services vault": the
// kinds that change one of its settings by a PATCH (resource-manager.md#the-request), and those
// that put it back.
//
// It promises that what was unset and cannot be unset again is not guessed at: its
// vault is not rolled back, and the reason says so.
package rsv
