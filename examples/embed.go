// Package examples holds inventories to try and to start from. Each is run by
// a test; fleetup demo carries the quickstart.
package examples

import "embed"

// Quickstart is the folder quickstart: an inventory and its scenario.
//
//go:embed quickstart
var Quickstart embed.FS
