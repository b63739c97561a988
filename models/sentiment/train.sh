#!/bin/sh
# train.sh DATA: make sentiment.safetensors and sentiment.json (how it was trained) from sentiment_en/ and reviews_zh/ in the folder DATA.
set -eu

cd "$(dirname "$0")/../.."
. test/server.sh

folder=$(server_folder sentiment)
trap 'server_stop "$folder"; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP

# the server reads the files, so they must be where its user may
mkdir "$folder/here"
cp -R "$1/sentiment_en" "$1/reviews_zh" models/sentiment/train.sql models/sentiment/supplement.tsv "$folder/here"
chown -R "$server_user" "$folder/here"
chmod -R u+rwX "$folder/here"

server_start "$folder" <<'END'
shared_buffers = 512MB
max_wal_size = 4GB
END
psql="$bindir/psql -X -q -h $folder -U postgres -d postgres"
$psql -c 'CREATE EXTENSION aiaas' -v ON_ERROR_STOP=1
$psql -v data="$folder/here" -v here="$folder/here" -f models/sentiment/train.sql
$psql -At -v ON_ERROR_STOP=1 -c \
	"SELECT encode(string_agg(data, '' ORDER BY chunk), 'base64') FROM aiaas_export('public.sentiment')" |
	base64 -d >models/sentiment/sentiment.safetensors.new
$psql -At -v ON_ERROR_STOP=1 -c "SELECT jsonb_pretty(jsonb_build_object('trained', manifest -> 'trained'))
	FROM public.sentiment WHERE version = 1 AND chunk = 0" >models/sentiment/sentiment.json
mv models/sentiment/sentiment.safetensors.new models/sentiment/sentiment.safetensors
ls -l models/sentiment/sentiment.safetensors
