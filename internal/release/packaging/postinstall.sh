#!/bin/sh
set -e
# A container without systemd runs no units, and needs no user for them.
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers fleetup.conf
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
