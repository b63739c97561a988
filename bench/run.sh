#!/bin/sh
# run.sh [SCRIPT...]: our speeds beside the peers', in one run, one core; a table row each.
#
#	AIAAS_TEST_DATA=DIR		where spam/ lies (default: ../shared/data)
set -eu

cd "$(dirname "$0")/.."
. test/server.sh

bench/setup
folder=$(server_folder bench)
trap 'server_stop "$folder"; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP

server_start "$folder" <<'END'
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 1h
autovacuum = off
max_parallel_workers_per_gather = 0
max_connections = 120
END
"$bindir/psql" -X -q -h "$folder" -U postgres -d postgres -c 'CREATE DATABASE bench'

# A core type forced on OpenBLAS would slow the peers; their threads would not be one core.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export AIAAS_TEST_DATA="${AIAAS_TEST_DATA:-$PWD/../shared/data}"
export PGHOST="$folder" PGUSER=postgres PGDATABASE=bench

[ $# -gt 0 ] || set -- bench/[0-9]*.py
echo "| what | aiaas | peer | ratio | must |"
echo "|---|---|---|---|---|"
for script in "$@"; do
	build/venv/bin/python "$script"
done
