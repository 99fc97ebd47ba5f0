#!/usr/bin/env bash
# record.sh PROGRAM FOLDER: makes the ledgers and saved plans of the fleets in
# fleets/ with a fleetup program, and keeps them in FOLDER, compressed. README.md
# says what each is.
set -euo pipefail
program=$(realpath "$1")
mkdir -p "$2"
kept=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$(dirname "$(realpath "$0")")"/fleets/*.yaml "$work"
cd "$work"
export TZ=UTC NO_COLOR=1

# ends CODE ARGUMENT...: the program must exit so.
ends() {
	local want=$1 got=0
	shift
	"$program" "$@" >>out.txt 2>&1 || got=$?
	[ "$got" = "$want" ] || { cat out.txt; echo "fleetup $*: exit $got, want $want"; exit 1; }
}

# told LOG FACT: how many of them the log tells of.
told() { cat "$1" 2>/dev/null | grep -c "\"$2\"" || true; }

# killed LEDGER INTENTS ANSWERS FLEET: a run is killed once so many
# starts, or more, are intended and so many answered.
killed() {
	"$program" run "$4" --yes --state "$1" --log-file "$4.log" --log-format json >>out.txt 2>&1 &
	local pid=$!
	until [ "$(told "$4.log" StartIntended)" -ge "$2" ] && [ "$(told "$4.log" StartAnswered)" = "$3" ]; do
		kill -0 "$pid" 2>/dev/null || { cat out.txt; echo "$4 ended by itself"; exit 1; }
	done
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
}

# keep LEDGER [NAME]: the ledger, what its emulated cloud remembers, and what the
# program says of it.
keep() {
	local name=${2:-$1}
	[ "$name" = "$1" ] || { cp "$1" "$name" && cp "$1.emulator" "$name.emulator"; }
	gzip -9nc "$name" >"$kept/$name.gz"
	gzip -9nc "$name.emulator" >"$kept/$name.emulator.gz"
	{
		for command in 'status -o json' 'report -o json' 'runs -o json' 'audit verify -o json' 'audit export'; do
			said "$name" $command
		done
		for vault in $("$program" status -o json --state "$name" | sed -n 's/^ *"vault": "\(.*\)",$/\1/p' | sort -u); do
			said "$name" show "$vault" -o json
		done
	} | gzip -9nc >"$kept/$name.said.gz"
}

# said LEDGER ARGUMENT...: the command and its data.
said() {
	local ledger=$1
	shift
	echo "-- fleetup $* --"
	"$program" "$@" --state "$ledger" 2>>out.txt
}

# Saved plans first: a rollback's is made from what its ledger holds then.
for fleet in classic alerts kv; do
	ends 0 plan "$fleet.yaml" --out "$kept/$fleet.plan"
	ends 3 run "$fleet.yaml" --yes
	keep "$fleet.db"
	ends 4 run "$fleet-halted.yaml" --yes
	keep "$fleet-halted.db"
done
killed classic-interrupted.db 4 2 classic-interrupted.yaml
keep classic-interrupted.db
killed alerts-interrupted.db 3 2 alerts-interrupted.yaml
keep alerts-interrupted.db
killed kv-interrupted.db 2 0 kv-interrupted.yaml
keep kv-interrupted.db
ends 5 run classic-gate.yaml --yes --exit-when-waiting
keep classic-gate.db
ends 8 run classic-suspended.yaml --yes
keep classic-suspended.db

# It halts, is let go on, halts again and is closed.
ends 4 run alerts-closed.yaml --yes
ends 4 resume --yes --state alerts-closed.db --accept-failures --reason 'a known bad vault'
ends 0 stop --close --state alerts-closed.db --reason 'the change is withdrawn'
keep alerts-closed.db

# A night with people in it; a vault is re-opened in the end.
night=classic-orders.db
ends 5 run classic-orders.yaml --yes --exit-when-waiting
ends 0 hold prod/held-01 prod/sql-02 --state $night --reason 'quarter end'
ends 0 release prod/sql-02 --state $night --reason 'it may go'
ends 0 note 'vendor case 4711 is open' --state $night
ends 0 pause --state $night --reason 'storage incident'
ends 0 pause --off --state $night --reason 'the incident is over'
ends 0 limit upgrades=5 --state $night --reason 'backup jobs are slow'
ends 0 approve --wave canary --state $night --reason 'the canary looks good'
ends 3 resume --yes --state $night
ends 0 refresh prod/sql-01 --state $night
ends 0 reopen prod/sql-02 --state $night --reason 'the vendor says so' --case 4711
keep $night

for fleet in alerts kv; do
	ends 0 plan "$fleet-back.yaml" --state "$fleet.db" --out "$kept/$fleet-back.plan"
done
ends 0 run alerts-back.yaml --yes --state alerts.db
keep alerts.db alerts-back.db
killed kv.db 1 0 kv-back.yaml
keep kv.db kv-back.db

# What is not in the journals is read by nobody later: all facts but NotSent must be.
facts=$(zcat "$kept"/*.said.gz | grep -o '"fact":"[A-Za-z]*"' | sort -u | wc -l)
[ "$facts" -ge 27 ] || { echo "the journals hold only $facts facts: record once more"; exit 1; }
