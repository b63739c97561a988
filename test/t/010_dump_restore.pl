#
# Models through pg_dump and back: whole database, one table, data only, schema and data
# apart; rows come in any order, before or after keys and guards.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = aiaas_node('dump');
my $dir = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q{CREATE DATABASE origin});
$node->safe_psql('origin', q{
	CREATE EXTENSION aiaas;
	CREATE ROLE analyst;
	CREATE SCHEMA lab;
	SELECT aiaas_create_model('lab.m');
	CREATE FUNCTION version_rows(version int, bytes bytea) RETURNS SETOF aiaas.model LANGUAGE sql AS $$
		SELECT version, 0, jsonb_build_object('format', 1, 'digest', encode(sha256(bytes), 'hex'),
			'bytes', length(bytes), 'chunks', 2), NULL::bytea
		UNION ALL
		SELECT version, 1, NULL, substr(bytes, 1, 100000)
		UNION ALL
		SELECT version, 2, NULL, substr(bytes, 100001)
	$$;
	INSERT INTO lab.m SELECT * FROM version_rows(1, convert_to(repeat('one', 50000), 'UTF8'));
	-- not in the order of the key
	INSERT INTO lab.m SELECT * FROM version_rows(2, convert_to(repeat('two', 50000), 'UTF8')) ORDER BY chunk DESC;
	INSERT INTO lab.m SELECT * FROM version_rows(3, convert_to(repeat('three', 50000), 'UTF8'));
	SELECT aiaas_deploy('lab.m', 1), aiaas_deploy('lab.m', 3), aiaas_rollback('lab.m'), aiaas_deploy('lab.m', 2),
		aiaas_drop_version('lab.m', 3);
	GRANT SELECT (version, chunk, manifest) ON lab.m TO analyst;
	COMMENT ON TABLE lab.m IS 'a model';
	CREATE VIEW lab.v AS SELECT chunk, length(data) AS size FROM aiaas_export('lab.m');

	-- a trained one, in an index and in a view
	CREATE TABLE lab.mails (id int, label text, body text);
	INSERT INTO lab.mails SELECT i, CASE i % 3 WHEN 0 THEN 'spam' ELSE 'ham' END,
		CASE i % 3 WHEN 0 THEN 'win cheap money ' WHEN 1 THEN 'meeting on monday ' ELSE 'see you there ' END || i
		FROM generate_series(1, 200) i;
	SET client_min_messages = warning;
	SELECT aiaas_train('lab.mails', 'label', model => 'lab.spam', features => '{body}');
	CREATE INDEX classified ON lab.mails (aiaas_classify('lab.spam', 1, body));
	-- a network of series, in an index
	CREATE TABLE lab.waves AS SELECT i AS id, CASE i % 2 WHEN 0 THEN 'slow' ELSE 'fast' END AS label,
		ARRAY(SELECT sin(t * (1 + i % 2)) FROM generate_series(1, 8 + i % 9) t) AS readings FROM generate_series(1, 100) i;
	SELECT aiaas_train('lab.waves', 'label', 'lab.wave', '{readings}', 'network', '{"network": "cnn", "epochs": 3, "columns": {"readings": "series"}}');
	CREATE INDEX heard ON lab.waves (aiaas_classify('lab.wave', 1, readings));
	CREATE VIEW lab.counts AS SELECT aiaas_classify('lab.spam', body) AS label, count(*) FROM lab.mails GROUP BY 1;
});

# what must be equal before and after
my $rows = q{SELECT version, chunk, manifest, md5(data) FROM lab.m ORDER BY 1, 2};
my $use = q{SELECT md5(string_agg(data, '' ORDER BY chunk)) FROM aiaas_export('lab.m')};
my $scores = q{SELECT md5(string_agg(aiaas_score('lab.spam', body, 'spam')::text, ' ' ORDER BY id)) FROM lab.mails
	UNION ALL SELECT md5(string_agg(aiaas_score('lab.wave', w, 'slow')::text, ' ' ORDER BY id)) FROM lab.waves AS w};
my $indexed = q{SET enable_seqscan = off; SELECT count(*) FROM lab.mails WHERE aiaas_classify('lab.spam', 1, body) = 'spam'
	UNION ALL SELECT count(*) FROM lab.waves WHERE aiaas_classify('lab.wave', 1, readings) = 'slow'};
my $before = $node->safe_psql('origin', $rows);
my $used = $node->safe_psql('origin', $use);
my $scored = $node->safe_psql('origin', $scores);
my $found = $node->safe_psql('origin', $indexed);

sub dump_origin
{
	my ($file, @options) = @_;
	command_ok([ 'pg_dump', '--no-sync', '-f', "$dir/$file", @options, $node->connstr('origin') ],
		"pg_dump @options");
}

# psql stops at the first error
sub restore
{
	my ($database, @files) = @_;
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database),
			map { ('-f', "$dir/$_") } @files ], "$database: restored");
}

sub check
{
	my ($database) = @_;
	is($node->safe_psql($database, $rows), $before, "$database: the same rows");
	is($node->safe_psql($database, $use), $used, "$database: the same live version");
	is($node->safe_psql($database, q{SELECT aiaas_rollback('lab.m')}), 1, "$database: rolls back");
	my ($status, undef, $error) = $node->psql($database, q{DELETE FROM lab.m WHERE version = 1});
	like($error, qr/not deleted one by one/, "$database: guarded");
	is($node->safe_psql($database, q{INSERT INTO lab.m VALUES (4, 0, '{}', NULL) RETURNING version}), 4,
		"$database: takes new versions");
	($status, undef, $error) = $node->psql($database, q{INSERT INTO lab.m VALUES (3, 0, '{}', NULL)});
	like($error, qr/was dropped/, "$database: remembers dropped versions");
	is($node->safe_psql($database, q{SELECT attstorage FROM pg_attribute WHERE attrelid = 'lab.m'::regclass AND attname = 'data'}),
		'e', "$database: stored uncompressed");
}

sub check_trained
{
	my ($database) = @_;
	is($node->safe_psql($database, $scores), $scored, "$database: bit-identical scores");
	is($node->safe_psql($database, $indexed), $found, "$database: the same rows through an index");
	is($node->safe_psql($database, q{SELECT sum(count) FROM lab.counts}), 200, "$database: a view that classifies");
}

sub fresh
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
}

# the whole database
dump_origin('whole.sql');
fresh('whole');
restore('whole', 'whole.sql');
is($node->safe_psql('whole', q{SELECT * FROM lab.v}), $node->safe_psql('origin', q{SELECT * FROM lab.v}), 'a view on a model works');
is($node->safe_psql('whole', q{SET ROLE analyst; SELECT count(*) FROM aiaas.models WHERE comment = 'a model'}), 1, 'privileges and comment came along');
check('whole');
check_trained('whole');

# with INSERTs, one row a statement
dump_origin('inserts.sql', '--inserts');
fresh('inserts');
restore('inserts', 'inserts.sql');
check('inserts');
check_trained('inserts');

# schema first: the data meets keys and guards
dump_origin('schema.sql', '-s');
dump_origin('data.sql', '-a');
fresh('apart');
restore('apart', 'schema.sql');
# an index that calls a model can't be filled before the model is there
$node->safe_psql('apart', 'DROP INDEX lab.classified');
restore('apart', 'data.sql');
check('apart');
check_trained('apart');

# the custom format, in parallel, and one table only
dump_origin('custom', '-Fc');
fresh('custom');
command_ok([ 'pg_restore', '-j', '2', '-d', $node->connstr('custom'), "$dir/custom" ], 'custom: restored');
check('custom');
check_trained('custom');
dump_origin('table.sql', '-t', 'lab.m');
fresh('one');
$node->safe_psql('one', 'CREATE EXTENSION aiaas; CREATE SCHEMA lab');
restore('one', 'table.sql');
check('one');

# the data alone does not add to a model that has versions
my ($status, undef, $error) = $node->psql('whole', "\\i $dir/data.sql");
like($error, qr/versions never change|duplicate key/, 'data only does not change versions that are there');

done_testing();
