// Package classic answers "how is a classic vault upgraded": it speaks the
// protocol of the classic upgrade kind (classic-service.md#endpoints-and-headers, #the-listing,
// #the-three-calls, #errors and #the-resource-manager-side) and turns its answers into the words of
// package fleet.
//
// It promises what the runner's Upgrader port asks: a start is one POST that
// carries its operation ID, reads are complete or errors, and every reason that
// keeps a vault from starting is reported together with the others. It never
// branches on a code that the service made up.
//
// One file each: the XML (wire.go), the listing, the three shapes of errors,
// the checks of validation, the Resource Manager's answers, the start, and the
// reads after it.
package classic
