#!/bin/sh
# run.sh: the main job on real data, on a throw-away server that keeps running.
#
#	demo/run.sh			replace the server of an earlier run, then show demo.sql
#	demo/run.sh stop	stop that server and remove its folder
set -eu

cd "$(dirname "$0")/.."
. test/server.sh

stop()
{
	server_folders demo | while read -r old; do
		server_stop "$old"
		rm -rf "$old"
	done
}

stop
[ "${1:-}" != stop ] || exit 0

folder=$(server_folder demo)
keep=
trap '[ -n "$keep" ] || { server_stop "$folder"; rm -rf "$folder"; }' EXIT
trap 'exit 130' INT TERM HUP

server_start "$folder" <<'END'
shared_buffers = 512MB
max_wal_size = 4GB
END

export PGCLIENTENCODING=UTF8
psql="$bindir/psql -h $folder -U postgres"
$psql -q -d postgres -c 'CREATE DATABASE demo'
$psql -X -q -v ON_ERROR_STOP=1 -d demo -f demo/demo.sql -f demo/tables.sql -f demo/images.sql

keep=yes
cat <<END

The server of this demo goes on running.
  a session on it:        $psql demo
  stop it, remove all:    $PWD/demo/run.sh stop
END
