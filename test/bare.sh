#!/bin/bash
# bare.sh: "make demo" and "make test" from a clean clone, in a Debian 12 that has nothing.
#
# As root, with debootstrap: a minimal system in a temporary folder, to which only git and make
# are added, in namespaces of its own, so that nothing is left running or mounted.  Packages
# come from where this machine's apt gets them.  First root does both; then an ordinary user,
# for whom root only runs "make install".  Nothing of this is a part of "make test".
set -eu

cd "$(dirname "$0")/.."
suite=bookworm

if [ "${1:-}" != inside ]; then
	[ "$(id -u)" -eq 0 ] || { echo "bare.sh must be run as root"; exit 1; }
	exec unshare --mount --pid --fork --kill-child "$0" inside
fi

folder=$(mktemp -d /var/tmp/aiaas-bare.XXXXXX)
root=$folder/root
trap 'umount -l "$root/proc" "$root/dev/pts" "$root/dev/shm" 2>/dev/null || true
	rm -rf --one-file-system "$folder"' EXIT

mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
	awk -v suite="$suite" '$2 == suite { print $1; exit }')
echo "== debootstrap $suite"
debootstrap --variant=minbase --include=git,make "$suite" "$root" "$mirror" >"$folder/log" 2>&1 ||
	{ tail -n 20 "$folder/log"; exit 1; }

# How apt reaches its mirrors here (proxies, certificates) holds inside as well.
apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/90host" || true
[ ! -d /etc/ssl/certs ] || { mkdir -p "$root/etc/ssl"; cp -rL /etc/ssl/certs "$root/etc/ssl/"; }
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb

mount -t proc proc "$root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mkdir -p "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
git clone -q --no-hardlinks . "$root/opt/aiaas"

# inside USER COMMAND
inside()
{
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		su "$1" -c "$2" </dev/null
}

# timed SECONDS USER COMMAND
timed()
{
	local start=$SECONDS

	echo "== $2: $3"
	inside "$2" "$3" || { echo "FAILED: $3"; exit 1; }
	echo "== took $((SECONDS - start)) s"
	[ $((SECONDS - start)) -le "$1" ] || { echo "FAILED: more than $1 s"; exit 1; }
}

timed 180 root 'cd /opt/aiaas && make demo'
timed 900 root 'cd /opt/aiaas && make test'
if inside root 'ls /etc/postgresql/*/* /var/lib/postgresql/*/* /usr/sbin/policy-rc.d' 2>/dev/null; then
	echo "FAILED: a cluster was created, or something was left"
	exit 1
fi

inside root 'useradd -m visitor && /opt/aiaas/demo/run.sh stop && cp -r /opt/aiaas /home/visitor/ &&
	chown -R visitor: /home/visitor/aiaas && cd /home/visitor/aiaas && make -s clean'
inside root 'make -s -C /opt/aiaas uninstall'
if inside visitor 'cd ~/aiaas && make demo'; then
	echo "FAILED: the demo ran without what it needs"
	exit 1
fi
inside root 'cd /home/visitor/aiaas && make -s install'
timed 180 visitor 'cd ~/aiaas && make demo'
timed 900 visitor 'cd ~/aiaas && make test'
echo "bare.sh: all is well"
