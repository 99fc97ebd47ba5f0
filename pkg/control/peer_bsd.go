//go:build darwin || freebsd

package control

import (
	"golang.org/x/sys/unix"
)

// solLocal is SOL_LOCAL, the level of a local socket's options.
const solLocal = 0

func credentials(fd int) Peer {
	c, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return unknownPeer
	}
	return named(int(c.Uid), 0)
}
