//go:build !linux

package main

func inMemory() (dir string, ok bool) { return "", false }
