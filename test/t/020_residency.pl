#
# Models in shared memory: loaded once, evicted, pinned, shared between databases, given up on
# every exit.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = aiaas_node('residency', 'max_connections = 100',
	'deadlock_timeout = 20s', 'restart_after_crash = on', 'autovacuum = off');

# One trained model; the others are the same file with another label, as long as the old one.
$node->safe_psql('postgres', q{
	CREATE EXTENSION aiaas;
	SELECT aiaas_train($$SELECT * FROM (VALUES
		('cheap pills now', 'spam'), ('buy cheap pills', 'spam'), ('pills pills', 'spam'),
		('meeting at noon', 'good'), ('your meeting notes', 'good'), ('noon meeting', 'good')
		) AS mails (body, label), generate_series(1, 10)$$,
		model => 'base', features => '{body}', options => '{"holdout": 0}')});
my $file = $node->safe_psql('postgres',
	q{SELECT encode(string_agg(data, '' ORDER BY chunk), 'hex') FROM aiaas_export('base')});
my $spam = unpack('H*', 'spam');
like($file, qr/$spam/, 'the label stands in the file');

sub file_of
{
	my $label = unpack('H*', shift);
	return $file =~ s/$spam/$label/gr;
}

sub import_sql
{
	my ($model, $label) = @_;
	return "SELECT aiaas_import('$model', '\\x" . file_of($label) . "');\n";
}

sub query { return $node->safe_psql(@_ > 1 ? @_ : ('postgres', @_)); }

# 200 models, and room for 20.
query(q{SELECT aiaas_classify('base', 'x')});
my $size = query('SELECT max(bytes) FROM aiaas.shared_models');
my $room = 20 * $size + 300_000;
$node->append_conf('postgresql.conf', sprintf("aiaas.shared_memory = '%dkB'", $room / 1024));
$node->restart;
my $models = 200;
query(join('', map { import_sql("m$_", sprintf('s%03d', $_)) } 1 .. $models));

# One after the other, twice: most of them don't fit at the same time.
for my $round (1, 2)
{
	my ($ret, $out, $err) = $node->psql('postgres', join('', map {
		"SELECT aiaas_classify('m$_', 'cheap pills');\n" } 1 .. $models));
	is($out, join("\n", map { sprintf('s%03d', $_) } 1 .. $models), "$models models, round $round");
	is($err, '', 'all of them in shared memory');
}
my ($resident, $bytes, $pins) = split /\|/,
	query('SELECT count(*), sum(bytes), sum(pins) FROM aiaas.shared_models');
cmp_ok($resident, '>=', 18, 'the arena is used');
cmp_ok($bytes, '<=', $room, 'and not exceeded');
is($pins, 0, 'none is in use');
is(query(q{SELECT count(*) FROM aiaas.shared_models WHERE model = 'm200'::regclass}), 1,
	'the last one is resident');

# A model in use stays, whatever comes.
my $user = $node->background_psql('postgres', on_error_stop => 0);
$user->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT aiaas_classify('m1', 'cheap pills ' || i) FROM generate_series(1, 10) i;");
is($user->query_safe('FETCH 1 FROM c'), 's001', 'first row of a cursor');
query(join('', map { "SELECT aiaas_classify('m$_', 'cheap pills');\n" } 2 .. $models));
is(query(q{SELECT pins FROM aiaas.shared_models WHERE model = 'm1'::regclass}), 1,
	'pinned while others were evicted');
my ($ret, $out, $err) = $node->psql('postgres', q{SELECT aiaas_unload('m1')});
is($out, 0, 'unload leaves what is in use');
like($err, qr/1 version of model m1 is in use/, 'and says so');
isnt($node->psql('postgres', q{SET lock_timeout = '50ms'; DROP TABLE m1}), 0,
	'a model in use can not be dropped');
is($user->query_safe('FETCH ALL FROM c'), join("\n", ('s001') x 9), 'the other rows');
$user->query_safe('COMMIT');
is(query(q{SELECT pins FROM aiaas.shared_models WHERE model = 'm1'::regclass}), 0,
	'released at the end of the query');
is(query(q{SELECT aiaas_unload('m1')}), 1, 'now it is unloaded');
is(query(q{SELECT count(*) FROM aiaas.shared_models WHERE model = 'm1'::regclass}), 0, 'and gone');
$user->query_safe(q{PREPARE p AS SELECT aiaas_classify('m1', 'cheap pills')});
is($user->query_safe('EXECUTE p'), 's001', 'a prepared statement');
query('DROP TABLE m1');
$user->query('EXECUTE p');
like($user->{stderr}, qr/does not exist|could not open/, 'fails when the model is dropped');
$user->{stderr} = '';

# Pins are given up on errors and by subtransactions.
query(q{
	CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS $$
	DECLARE n int := 0;
	BEGIN
		FOR i IN 1 .. 20 LOOP
			BEGIN
				IF aiaas_classify('m' || (i % 7 + 2), 'cheap pills') <> format('s%s', lpad((i % 7 + 2)::text, 3, '0')) THEN
					RETURN -1;
				END IF;
				n := n + 1 / (i % 2);
			EXCEPTION WHEN division_by_zero THEN
				NULL;
			END;
		END LOOP;
		RETURN n;
	END $$});
is($user->query_safe('SELECT fails()'), 10, 'subtransactions that abort, seven models at one place');
is(query('SELECT sum(pins) FROM aiaas.shared_models'), 0, 'nothing stays pinned');
$user->quit;

# Many sessions ask at once for a model that is not there: one load.
my $script = $node->basedir . '/ask.sql';
append_to_file($script, "SELECT aiaas_classify('m2', 'cheap pills') = 's002' AS ok \\gset\n\\if :ok\n\\else\nSELECT 1/0;\n\\endif\n");
query(q{SELECT aiaas_unload('m2')});
my $loads = query(q{SELECT aiaas_classify('m2', 'x') IS NOT NULL}) &&
	query(q{SELECT loads FROM aiaas.shared_models WHERE model = 'm2'::regclass});
query(q{SELECT aiaas_unload('m2')});
$node->command_ok([ 'pgbench', '-n', '-c', 64, '-j', 4, '-t', 3, '-f', $script, 'postgres' ],
	'64 connections');
is(query(q{SELECT loads FROM aiaas.shared_models WHERE model = 'm2'::regclass}), $loads + 1,
	'one load');

# The same bytes in two databases: one image.
query('CREATE DATABASE other');
query('other', "CREATE EXTENSION aiaas;\n" . import_sql('twin', 's003'));
is(query('other', q{SELECT aiaas_classify('twin', 'cheap pills')}), 's003', 'in another database');
query(q{SELECT aiaas_classify('m3', 'x')});
is(query(q{SELECT string_agg(database || ' ' || coalesce(model::text, '-'), ', ' ORDER BY database)
		FROM aiaas.shared_models WHERE digest = (SELECT digest FROM aiaas_versions('m3'))}),
	'other -, postgres m3', 'both are shown; a model of another database without its name');

# A digest is a claim: it opens no door to another's image.
query(q{
	CREATE ROLE thief LOGIN;
	GRANT CREATE ON SCHEMA public TO thief;
	CREATE TABLE public.bait AS SELECT manifest FROM m3 WHERE version = 1 AND chunk = 0;
	GRANT SELECT ON bait TO thief});
$node->psql('postgres', q{
	CREATE TABLE forged OF aiaas.model;
	INSERT INTO forged SELECT 1, 0, manifest, NULL FROM bait;
	INSERT INTO forged VALUES (1, 1, NULL, '\x00');
	SELECT aiaas_classify('forged', 1, 'cheap pills')},
	extra_params => [ '-U', 'thief' ], stdout => \$out, stderr => \$err);
is($out, '', 'a forged manifest gives nothing');
like($err, qr/model forged version 1/, 'but an error');
is($node->safe_psql('postgres',
		q{SELECT count(*), count(model), count(digest), count(pins), count(bytes) = count(*)
		FROM aiaas.shared_models WHERE database = 'postgres' AND bytes > 0},
		extra_params => [ '-U', 'thief' ]) =~ s/^[1-9]\d*//r,
	'|0|0|0|t', "others' models are masked");
$node->psql('postgres', q{SELECT aiaas_unload('m3')}, extra_params => [ '-U', 'thief' ],
	stderr => \$err);
like($err, qr/must be owner of/, 'unload is for the owner');

# Bytes that were changed by hand are noticed when they are loaded; the session goes on.
($ret, $out, $err) = $node->psql('postgres', q{
	\set VERBOSITY verbose
	SELECT aiaas_classify('m6', 'cheap pills');
	ALTER TABLE m6 DISABLE TRIGGER ALL;
	UPDATE m6 SET data = set_byte(data, length(data) - 1, (get_byte(data, length(data) - 1) + 1) % 256) WHERE chunk = 1;
	SELECT aiaas_unload('m6');
	SELECT aiaas_classify('m6', 'cheap pills');
	UPDATE m6 SET data = set_byte(data, length(data) - 1, (get_byte(data, length(data) - 1) + 255) % 256) WHERE chunk = 1;
	SELECT aiaas_classify('m6', 'cheap pills')}, on_error_stop => 0);
is($out, "s006\n1\ns006", 'damaged, then repaired');
like($err, qr/XX001: model m6 version 1 is damaged/, 'with an error between');

# Trained with another version of Unicode: said once per session.
my ($unicode) = pack('H*', $file) =~ /unicode\\*":\\*"(\d\d\.\d)/;
my $older = unpack('H*', $unicode eq '13.0' ? '12.0' : '13.0');
query("SELECT aiaas_import('older', '\\x" . $file =~ s/@{[unpack('H*', $unicode)]}/$older/gr . "')");
$node->psql('postgres', q{SELECT aiaas_classify('older', 'cheap pills') FROM generate_series(1, 2);
	SELECT aiaas_classify('older', 'cheap pills')}, stdout => \$out, stderr => \$err);
is($out, "spam\nspam\nspam", 'a model trained with another version of Unicode');
is(() = $err =~ /WARNING:  model older version 1 was trained with Unicode/g, 1, 'one warning');

# Loaders that die: by pg_terminate_backend, by Ctrl-C; the others go on.
my $work = "SELECT aiaas_unload('m4') >= 0;\nSELECT aiaas_classify('m4', 'cheap pills');\n";
my $churn = $node->basedir . '/churn.sql';
append_to_file($churn, $work);
sub churn
{
	my ($clients, $seconds) = @_;

	local $ENV{PGAPPNAME} = 'churn';
	return IPC::Run::start(
		[ 'pgbench', '-n', '-c', $clients, '-T', $seconds, '-h', $node->host, '-p', $node->port, '-f', $churn, 'postgres' ],
		'>', '/dev/null', '2>', '/dev/null');
}
for my $how ('pg_terminate_backend', 'pg_cancel_backend')
{
	my @pgbench = map { churn(4, 2) } 1 .. 10;
	query(qq{
		DO \$\$
		BEGIN
			FOR i IN 1 .. 40 LOOP
				PERFORM $how(pid) FROM pg_stat_activity
				WHERE application_name = 'churn' ORDER BY random() LIMIT 1;
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$});
	$_->finish for @pgbench;
	is(query(q{SELECT aiaas_classify('m4', 'cheap pills')}), 's004', "after $how");
	is(query('SELECT coalesce(sum(pins), 0) FROM aiaas.shared_models'), 0, 'nothing stays pinned');
}

# kill -9 while loading: the server recovers, the models are there.
{
	my $pgbench = churn(2, 20);
	my $pid;

	$node->poll_query_until('postgres',
		q{SELECT count(*) = 2 FROM pg_stat_activity WHERE application_name = 'churn'});
	$pid = query(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'churn' LIMIT 1});
	kill 'KILL', $pid;
	$pgbench->finish;
	$node->poll_query_until('postgres', 'SELECT 1', '1');
	is(query(q{SELECT aiaas_classify('m4', 'cheap pills')}), 's004', 'after kill -9');
	is(query('SELECT count(*) FROM aiaas.shared_models'), 1, 'the arena began anew');
}

$node->restart;
is(query('SELECT count(*) FROM aiaas.shared_models'), 0, 'after a restart');
is(query(q{SELECT aiaas_classify('m5', 'cheap pills')}), 's005', 'it loads again');
$node->stop('immediate');
$node->start;
is(query(q{SELECT aiaas_classify('m5', 'cheap pills')}), 's005', 'after an immediate stop');

# An arena that is too small, or full of models in use: private images, said once per session.
query(q{
	SELECT aiaas_train($$SELECT * FROM (
		SELECT string_agg(md5((i * 7 + j)::text), ' ') AS body, 'l' || i % 40 AS label
		FROM generate_series(1, 2000) AS i, generate_series(1, 40) AS j GROUP BY i) AS t$$,
		target => 'label', model => 'huge', options => '{"holdout": 0}')});
cmp_ok(query(q{SELECT max(size) FROM aiaas_versions('huge')}), '>', 1_000_000, 'a large model');
$node->stop;
$node->append_conf('postgresql.conf', "aiaas.shared_memory = '64kB'");
$node->start;
$node->psql('postgres', q{
	SELECT aiaas_classify('huge', 'x') IS NOT NULL; SELECT aiaas_classify('huge', 'y') IS NOT NULL;
	SELECT count(*) FROM aiaas.shared_models},
	stdout => \$out, stderr => \$err);
is($out, "t\nt\n0", 'larger than the arena');
is(() = $err =~ /NOTICE:  model huge is loaded into memory of this session/g, 1, 'said once');
like($err, qr/larger than the shared arena/, 'with the reason');

$node->stop;
$node->append_conf('postgresql.conf', "aiaas.shared_memory = 0");
$node->start;
$node->psql('postgres', q{SELECT aiaas_classify('m5', 'cheap pills')}, stdout => \$out, stderr => \$err);
is($out, 's005', 'without an arena');
like($err, qr/no shared arena/, 'said');

# Not preloaded.
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
$node->psql('postgres', q{
	SELECT aiaas_classify('m5', 'cheap pills') FROM generate_series(1, 3); SELECT aiaas_classify('m6', 'cheap pills');
	SELECT aiaas_classify('m5', 'cheap pills'); SELECT count(*) FROM aiaas.shared_models; SELECT aiaas_unload('m5')},
	stdout => \$out, stderr => \$err);
is($out, "s005\ns005\ns005\ns006\ns005\n0\n1", 'not preloaded');
is(() = $err =~ /NOTICE/g, 2, 'one notice for each model');
like($err, qr/shared_preload_libraries/, 'with what to do');
$node->psql('postgres', q{SET aiaas.private_memory = '1MB'; SELECT aiaas_classify('huge', 'x')},
	stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/53400.*does not fit into aiaas.private_memory/, 'private memory has a limit');
my $many = join('', map { "SELECT aiaas_classify('m$_', 'cheap pills');\n" } 2 .. $models);
my $little = sprintf('%dkB', 3 * $size / 1024);
is($node->safe_psql('postgres', "SET client_min_messages = warning; SET aiaas.private_memory = '$little';\n$many$many"),
	join("\n", map { sprintf('s%03d', $_) } (2 .. $models, 2 .. $models)),
	'many models through little private memory');

$node->stop;
done_testing();
