#
# What goes wrong around a backend: kill -9 while it loads, trains, stores and deploys, an
# immediate stop, a file system that is full.  The server recovers, the models are intact and
# answer as before, and nothing is left behind.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8', '--wal-segsize=1' ]);
$node->append_conf('postgresql.conf', join("\n", "shared_preload_libraries = 'aiaas'", 'restart_after_crash = on',
		'autovacuum = off', 'log_statement = none', "maintenance_work_mem = '256MB'",
		"max_wal_size = '64MB'", "min_wal_size = '2MB'"));
$node->start;
sub query { return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', q{SET work_mem = '64MB'}, @_)); }

# A model of some megabytes, whose training and loading take their time.
query(q{CREATE EXTENSION aiaas},
	q{CREATE TABLE many AS SELECT 'l' || i % 40 AS label, string_agg(md5((i * 100 + j)::text), ' ') AS body
		FROM generate_series(1, 3000) i, generate_series(1, 100) j GROUP BY i});
my $options = q{'{"holdout": 0, "min_df": 1, "hash_bits": 22}'};
my $train = "SELECT aiaas_train('many', 'label', model => 'm', options => $options)";
query($train, q{SELECT aiaas_import('n', string_agg(data, '' ORDER BY chunk)) FROM aiaas_export('m')},
	q{SELECT aiaas_import('n', string_agg(data, '' ORDER BY chunk)) FROM aiaas_export('m')});
cmp_ok(query(q{SELECT max(size) FROM aiaas_versions('m')}), '>', 4_000_000, 'a model of several chunks');

my $answers = q{SELECT sum(hashtext(aiaas_classify('%s', body) || aiaas_score('%s', body))) FROM many};
my $expected = query(sprintf($answers, 'm', 'm'));
my $digest = query(q{SELECT digest FROM aiaas_versions('m') WHERE version = 1});

# And one of a table.
query(q{CREATE TABLE measures AS SELECT hashint4(i) / 2e9 AS a, hashint4(i + 1000000) / 2e9 AS b, 'k' || i * 7919 % 23 AS k,
			(SELECT string_agg('w' || abs(hashint4(i * 100 + j)) % 3000, ' ') FROM generate_series(1, 20) j) AS t,
			hashint4(i)::float8 + hashint4(i + 3000000) > 0 AS label FROM generate_series(1, 10000) i});
my $train_table = q{SELECT aiaas_train('measures', 'label', model => 't', algorithm => 'svm')};
query($train_table);
my $table_answers = q{SELECT sum(hashtext(aiaas_classify('t', r))), sum(aiaas_score('t', r, 'true')) FROM measures r};
my $table_expected = query($table_answers);

# All that must hold after a failure.
sub intact
{
	my ($after) = @_;

	is(query(sprintf($answers, 'm', 'm')), $expected, "$after: the model answers as before");
	is(query(sprintf($answers, 'n', 'n')), $expected, "$after: so does the other");
	is(query($table_answers), $table_expected, "$after: and that of a table");
	is(query(q{SELECT digest FROM aiaas_versions('m') WHERE version = 1}), $digest, "$after: its digest");
	# an export checks each version's bytes against its digest
	is(query(q{SELECT count(*) FROM (VALUES ('m'::regclass), ('n'), ('t')) m (m), aiaas_versions(m) v,
			LATERAL (SELECT count(*) FROM aiaas_export(m, v.version)) e WHERE e.count = 0}), 0, "$after: all versions are whole");
	is(query(q{SELECT count(*) FROM aiaas.training_progress}), 0, "$after: nobody trains");
	is(query(q{SELECT coalesce(sum(pins), 0) FROM aiaas.shared_models}), 0, "$after: nothing is pinned");
	is(query(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, "$after: no temporary file is left");
}

# Start what repeats the SQL in a session of its own; returns its handle and process.
sub busy
{
	my ($sql) = @_;
	my $script = $node->basedir . '/busy.sql';

	append_to_file($script, "$sql;\n" x 20000);
	my $psql = IPC::Run::start(
		[ 'psql', '-X', '-q', '-f', $script, '-d', $node->connstr('postgres') . ' application_name=busy' ],
		'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
	my $pid = '';

	for (1 .. 600)
	{
		# once it works
		$pid = query(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'busy' AND backend_type = 'client backend' AND state = 'active'});
		last if $pid ne '';
		sleep(0.02);
	}
	unlink $script;
	return ($psql, $pid);
}

# kill -9 a backend, and wait until the server has begun anew: its checkpointer is another process.
# (That a connection works says nothing: the postmaster may not have noticed the death yet.)
my $checkpointer = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'};
sub crash
{
	my ($pid) = @_;
	my $before = query($checkpointer);

	kill('KILL', $pid) == 1 or die 'the backend is gone';
	for (1 .. 600)
	{
		# a psql that can't connect may end before it is given the query, which is a broken pipe
		my ($failed, $now) = eval { $node->psql('postgres', $checkpointer) };

		return if defined $failed && $failed == 0 && $now ne '' && $now ne $before;
		sleep(0.1);
	}
	die 'the server did not come back';
}

my %work = (
	loading => q{SELECT aiaas_unload('m'), aiaas_classify('m', 'x')},
	training => $train,
	importing => q{SELECT aiaas_import('n', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('m', 1)), '{"deploy": false}')},
	deploying => q{SELECT aiaas_deploy('n', 2), aiaas_rollback('n')});
for my $what (sort keys %work)
{
	for my $delay (0.02, 0.3, 0.9)
	{
		my ($psql, $pid) = busy($work{$what});

		sleep($delay);
		crash($pid);
		$psql->finish;
	}
	intact("killed while $what");
}

# A training on a table, killed in each phase: it runs again and again until it is seen there.
query(q{CREATE FUNCTION seen_in(who int, wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
	DECLARE
		begun timestamptz := clock_timestamp();
	BEGIN
		LOOP
			PERFORM pg_stat_clear_snapshot();
			IF EXISTS (SELECT FROM aiaas.training_progress WHERE pid = who AND phase = wanted) THEN
				RETURN true;
			END IF;
			EXIT WHEN clock_timestamp() > begun + interval '60 s';
		END LOOP;
		RETURN false;
	END $$});
for my $phase (qw(reading counting fitting calibrating evaluating storing))
{
	my ($psql, $pid) = busy($train_table =~ s/'t'/'t', options => '{"deploy": false}'/r);

	is(query("SELECT seen_in($pid, '$phase')"), 't', "a training on a table is $phase");
	crash($pid);
	$psql->finish;
}
intact('killed while training on a table');

{
	my ($psql) = busy($train);

	sleep(0.5);
	$node->stop('immediate');
	$psql->finish;
	$node->start;
	intact('an immediate stop');
}

# A limit on temporary files is a full disk for the training's rows.
my ($ret, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
	SET maintenance_work_mem = '16MB'; SET temp_file_limit = '1MB';
	SELECT aiaas_train('SELECT label, body || i AS body FROM many, generate_series(1, 5) i', 'label', model => 'm')},
	on_error_stop => 1);
like($err, qr/53400: +temporary file size exceeds temp_file_limit/, 'temp_file_limit ends a training');
intact('temp_file_limit');

# Files that can't grow: a server whose files may have 4 MB.
$node->stop;
system_or_bail('bash', '-c', 'ulimit -f 4096; exec pg_ctl -w -D "$0" -l "$1" start >/dev/null', $node->data_dir, $node->logfile);
$node->_update_pid(1);
($ret, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
	SET maintenance_work_mem = '16MB';
	SELECT aiaas_train('SELECT label, body || i AS body FROM many, generate_series(1, 5) i', 'label', model => 'm')});
like($err, qr/53100: could not write to file ".*pgsql_tmp/, 'the temporary file is full');
($ret, $out, $err) = $node->psql('postgres', $train);
like($err, qr/could not extend file.*File too large/s, 'the table is full');
intact('full files');
$node->restart;
is(query($train, q{SELECT digest FROM aiaas_versions('m') WHERE live}) =~ s/.*\n//sr, $digest, 'with space again, a training gives the same digest');
intact('with space again');
$node->stop;
done_testing();
