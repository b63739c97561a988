#!/bin/bash
# run.sh: all floors of the tests in one run of prove, on throw-away servers.
#
# The tests run as the user of the servers (server.sh), on a copy of the tree in a temporary
# folder: the checkout may be unreadable for that user, and nothing is written into it.
# The folder is removed at the end, unless a test failed.
#
#	TESTS="test/t/010_deploy.pl ..."	only these
#	AIAAS_TEST_DATA=DIR					larger data sets (default: ../shared/data, where present)
#	AIAAS_NO_SKIP=1						fail if a test was skipped that need not be
set -eu

cd "$(dirname "$0")/.."
. test/server.sh

work=$(server_folder test)
prove=
result=interrupted

finish()
{
	trap '' INT TERM HUP
	if [ -n "$prove" ]; then
		kill -TERM -- "-$prove" && wait "$prove"
	fi 2>/dev/null || true
	server_stop "$work"
	if [ "$result" = failed ]; then
		echo "Logs and servers' folders are kept in $work"
	else
		rm -rf "$work"
	fi
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

mkdir "$work/aiaas" "$work/tap"
tar --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.d' --exclude='*.so' -cf - . |
	tar -C "$work/aiaas" -xf -
chown -R "$server_user" "$work/aiaas" "$work/tap"

data=${AIAAS_TEST_DATA:-$(cd ../shared/data 2>/dev/null && pwd)} || data=
if [ -n "$data" ] && ! as_server "$work" test -r "$data/spam"; then
	cp -r "$data" "$work/data"
	chown -R "$server_user" "$work/data"
	data=$work/data
fi
[ -z "$data" ] || { mkdir "$work/shared" && ln -s "$data" "$work/shared/data"; }

unit()
{
	as_server "$work/aiaas" ${MAKE:-make} --no-print-directory -s -j"$(nproc)" -C test/unit OUT="$work/aiaas/build/$1" SANITIZE="$2"
}
result=failed
if [ -z "${TESTS:-}" ]; then
	unit unit ''
	unit sanitized address,undefined
fi

# What is timed, or ended at a moment, does not run beside the hammer.
result=interrupted
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
set -m							# prove and all below it: a process group that can be ended as one
as_server "$work/aiaas" env \
	PATH="$bindir:$PATH" LANG=C.UTF-8 TMPDIR="$work" AIAAS_TEST_DATA="$data" \
	TESTDIR="$work" PG_TEST_PORT_DIR="$work/ports" PG_REGRESS="$pgxs/src/test/regress/pg_regress" \
	PG_ISOLATION_REGRESS="$pgxs/src/test/isolation/pg_isolation_regress" \
	PERL5LIB="$pgxs/src/test/perl:$work/aiaas/test/lib" PERL_TEST_HARNESS_DUMP_TAP="$work/tap" \
	sh -c "exec prove -j2 --rules='seq=test/t/{021,040,041}_*.pl' --rules='par=**' --timer ${TESTS:-test/t/*.pl build/unit/test_* build/sanitized/test_*}" </dev/null &
prove=$!
if wait "$prove"; then result=passed; else result=failed; fi
prove=

# A skip is right only where the data or a CPU's instructions are not there.
excuses=cpu
[ -n "$data" ] || excuses="cpu|data"
skipped=$(grep -rhiE '^ *(ok .*|1\.\.0 *)# *skip' "$work/tap" | grep -viE "$excuses" || true)
if [ -n "${AIAAS_NO_SKIP:-}" ] && [ -n "$skipped" ]; then
	printf 'Skipped, though nothing is missing:\n%s\n' "$skipped"
	result=failed
fi
[ "$result" = passed ]
