// Package rsv answers "what is changed about a Recovery Services vault": the
// kinds that change one of its settings by a PATCH (todays-vault-upgrades, The
// common request of the RSV kinds), and those that put it back.
package rsv
