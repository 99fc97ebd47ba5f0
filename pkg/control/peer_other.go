//go:build !linux && !darwin && !freebsd

package control

func credentials(int) Peer { return unknownPeer }
