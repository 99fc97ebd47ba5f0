//go:build !unix

package main

// distinctCrash does nothing here: a crash exits with Go's own code, 2.
func distinctCrash() {}
