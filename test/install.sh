#!/bin/sh
# install.sh: install what was built; without the right to do so, insist that it is installed.
set -eu

PG_CONFIG=${PG_CONFIG:-pg_config}

if [ "$(id -u)" -eq 0 ]; then
	exec ${MAKE:-make} --no-print-directory -s install
fi

extension=$("$PG_CONFIG" --sharedir)/extension
if ! cmp -s aiaas.so "$("$PG_CONFIG" --pkglibdir)/aiaas.so" ||
	! cmp -s aiaas.control "$extension/aiaas.control" ||
	! cmp -s build/aiaas--1.0.sql "$extension/aiaas--1.0.sql" ||
	! cmp -s sql/aiaas--1.0--1.1.sql "$extension/aiaas--1.0--1.1.sql" ||
	! cmp -s sql/aiaas--1.1--1.2.sql "$extension/aiaas--1.1--1.2.sql"; then
	echo 'What was built is not what is installed.  Run "sudo make install", then this again.'
	exit 1
fi
