#!/bin/sh
# setup.sh TARGET: see to it that the Debian packages which "make TARGET" needs are there.
#
# As root it installs what is missing and says so; for others it prints the one line to
# run and fails.  Installing PostgreSQL's package neither creates nor starts a server.
# On other systems than Debian nothing is done: the compiler will tell what is missing.
set -eu

command -v apt-get >/dev/null || exit 0

conf=/etc/postgresql-common/createcluster.d
policy=/usr/sbin/policy-rc.d
log=

# Undo what kept the packages from creating and starting servers.
restore()
{
	[ -z "$log" ] || rm -f "$log" "$conf/aiaas-setup.conf"
	[ -z "${made_conf:-}" ] || rmdir "$conf" 2>/dev/null || true
	[ -z "${made_policy:-}" ] || rm -f "$policy"
}
trap restore EXIT
trap 'exit 130' INT TERM HUP

# The major version: that of pg_config, else the one that this Debian calls "postgresql".
version()
{
	if command -v "${PG_CONFIG:-pg_config}" >/dev/null; then
		"${PG_CONFIG:-pg_config}" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
	else
		apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p'
	fi
}

packages()
{
	# A PostgreSQL that is not Debian's is there already, complete.
	case $("${PG_CONFIG:-pg_config}" --bindir 2>/dev/null || echo /usr/lib/postgresql) in
		/usr/lib/postgresql*) echo postgresql-$1 postgresql-server-dev-$1 ;;
	esac
	echo gcc libc6-dev libicu-dev libjpeg62-turbo-dev libpng-dev perl
	case $2 in
		test) echo libipc-run-perl postgresql-$1-pgtap valgrind ;;
		demo) echo dataset-fashion-mnist ;;
		bench) echo g++ python3-dev python3-venv ;;
		fuzz) echo clang libclang-rt-14-dev ;;
		format) echo clang-format-14 ;;
	esac
}

missing()
{
	for package in $(packages "$1" "$2"); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf ' %s' "$package"
	done
}

# The demo reads the descriptions of all packages of this Debian (and images of a package).
lists_are_empty()
{
	[ "$(apt-cache dumpavail 2>/dev/null | grep -c '^Package:')" -lt 20000 ]
}

target=${1:-build}
version=$(version)
missing=$(missing "${version:-15}" "$target")
update=
[ -z "$missing" ] || update=yes
[ "$target" != demo ] || ! lists_are_empty || update=yes
[ -n "$update" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "This needs to be run once, then make $target again:"
	echo "    sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends${missing:- make}'"
	exit 1
fi

log=$(mktemp)
echo "== apt-get update"
apt-get update >"$log" 2>&1 || { cat "$log"; exit 1; }
version=$(version)
missing=$(missing "$version" "$target")
[ -n "$missing" ] || exit 0

[ -d "$conf" ] || { mkdir -p "$conf"; made_conf=yes; }
echo "create_main_cluster = false" >"$conf/aiaas-setup.conf"
if [ ! -e "$policy" ]; then
	made_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
echo "== apt-get install$missing"
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >"$log" 2>&1 </dev/null ||
	{ cat "$log"; exit 1; }
