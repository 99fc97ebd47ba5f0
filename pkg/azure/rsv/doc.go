// Package rsv answers "what is changed about a Recovery Services vault": the
// kinds that change one of its settings by a PATCH (resource-manager.md#the-request), and those
// that put it back.
package rsv
