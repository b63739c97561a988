# server.sh: a throw-away PostgreSQL server, for the scripts that read this file with "."
#
# The data directory and the unix socket lie in one temporary folder, /tmp/aiaas-NAME.XXXXXX,
# which only its owner may enter.  A server must not run as root: then it is run by
# "postgres", where that user exists, or "nobody".  Such a folder is found again by its name
# and its owner, a server by the postmaster.pid in it: nothing is ever stopped by a name.

PG_CONFIG=${PG_CONFIG:-pg_config}
bindir=$("$PG_CONFIG" --bindir)

if [ "$(id -u)" -ne 0 ]; then
	server_user=$(id -un)
elif id postgres >/dev/null 2>&1; then
	server_user=postgres
else
	server_user=nobody
fi

# Run a command as that user, in the folder $1.
as_server()
{
	(
		cd "$1"
		shift
		if [ "$(id -u)" -eq 0 ]; then
			exec setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --init-groups \
				env HOME=/tmp USER="$server_user" LOGNAME="$server_user" "$@"
		fi
		exec "$@"
	)
}

# Make the folder for NAME and print its path.
server_folder()
{
	folder=$(mktemp -d "/tmp/aiaas-$1.XXXXXX")
	chown "$server_user" "$folder"
	echo "$folder"
}

# Folders for NAME that this user's earlier runs left.
server_folders()
{
	find /tmp -maxdepth 1 -type d -name "aiaas-$1.??????" -user "$server_user"
}

# Start a server in FOLDER, with lines for its postgresql.conf from standard input.
server_start()
{
	as_server "$1" "$bindir/initdb" -D data -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >"$1/initdb.log" 2>&1 ||
		{ cat "$1/initdb.log"; return 1; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$1'"
		echo "shared_preload_libraries = 'aiaas'"
		echo "fsync = off"
		cat
	} >>"$1/data/postgresql.conf"
	as_server "$1" "$bindir/pg_ctl" -D data -l server.log -w -s start ||
		{ tail -n 20 "$1/server.log"; return 1; }
}

# Stop all servers whose data directories are below FOLDER.
server_stop()
{
	find "$1" -name postmaster.pid -user "$server_user" | while read -r file; do
		as_server "$1" "$bindir/pg_ctl" -D "${file%/*}" -m immediate -w -s stop </dev/null >/dev/null 2>&1 || true
	done
}
