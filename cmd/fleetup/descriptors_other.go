//go:build !unix

package main

// descriptorLimit: this system has no limit that matters.
func descriptorLimit() (int, bool) { return 0, false }
