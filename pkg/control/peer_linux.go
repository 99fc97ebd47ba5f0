package control

import (
	"golang.org/x/sys/unix"
)

func credentials(fd int) Peer {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return unknownPeer
	}
	return named(int(c.Uid), int(c.Pid))
}
