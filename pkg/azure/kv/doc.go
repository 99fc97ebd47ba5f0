// Package kv answers "what is changed about a key vault": the kinds that change one of
// its settings by a PATCH (resource-manager.md#key-vaults), and those that put it
// back. How it goes from access policies to roles is kvrbac's.
package kv
