#!/bin/sh
set -e
# Only when the package goes, not when a newer one takes its place: dpkg says
# "remove", rpm counts what stays. A night under way stops in order, which may take
# three minutes; its ledger in /var/lib/fleetup stays where it is.
case ${1:-} in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl stop 'fleetup-resume@*.timer' 'fleetup-resume@*.service' 'fleetup-run@*.service'
	fi
	;;
esac
