package strictcloud

import (
	"net/http"
	"strings"
)

// This file holds what a service may write oddly although it means the usual.

// SpellsIDs makes the service write the operation IDs of the vault's upgrades in
// another way than they were sent: a GUID's case is free, and space may stand
// around it.
func (v *VaultHandle) SpellsIDs(spell func(string) string) *VaultHandle {
	return v.with(func() { v.spell = spell })
}

// AbsurdTimes makes the service write times into the vault's records that
// nothing ever had.
func (v *VaultHandle) AbsurdTimes() *VaultHandle {
	return v.with(func() { v.absurd = true })
}

func (v *VaultHandle) spelled(id string) string {
	if v.spell == nil {
		return id
	}
	return v.spell(id)
}

// times are the start, the last update and the end of a record as they are
// written.
func (v *VaultHandle) times(start, updated, end string) (string, string, string) {
	if v.absurd {
		return "0000-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00"
	}
	return start, updated, end
}

// ListingOld answers completely with the first listing that the subscription
// ever gave: a cache that went back in time.
var ListingOld = ListingFault{"an old one", func(sub *SubscriptionHandle, _ *request, _ string) answer {
	return xmlAnswer(http.StatusOK, sub.firstListing)
}}

// ListingPadded is complete, and holds thousands of elements that nobody knows.
var ListingPadded = ListingFault{"padded", func(_ *SubscriptionHandle, _ *request, whole string) answer {
	at := strings.LastIndex(whole, "</")
	const unknown = `<Future xmlns="urn:example:future" kind="7"><Name>a</Name><Type>BackupVault</Type><Resources><Resource/></Resources></Future>`
	return xmlAnswer(http.StatusOK, whole[:at]+strings.Repeat(unknown, 3000)+whole[at:]).AsGood()
}}
