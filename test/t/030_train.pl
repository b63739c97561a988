#
# Training and judging on a server: parallel scans, memory, progress, cancelling, what others can do
# meanwhile; accuracy on a real corpus.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = aiaas_node('train', 'max_worker_processes = 8', 'autovacuum = off');
sub query { return $node->safe_psql('postgres', join(";\n", @_)); }

query(q{CREATE EXTENSION aiaas},
	q{CREATE TABLE paragraphs AS
		SELECT p, string_agg('w' || abs(hashint4(p * 1000 + i)) % 20000, ' ') AS text
		FROM generate_series(0, 999) p, generate_series(1, 330) i GROUP BY p},
	q{CREATE TABLE big (label text, body text)},
	q{ALTER TABLE big ALTER body SET STORAGE EXTERNAL},
	q{INSERT INTO big SELECT CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END,
			a.text || CASE WHEN i % 3 = 0 THEN ' alpha beta ' ELSE ' gamma delta ' END || b.text
		FROM generate_series(1, 40000) i, paragraphs a, paragraphs b
		WHERE a.p = i % 1000 AND b.p = i * 7 % 997},
	q{CREATE TABLE small AS SELECT label, right(body, 1000) || ' ' || label || label AS body FROM big LIMIT 2000},
	q{SELECT aiaas_train('small', model => 'model')});

# The scan may be parallel: the label tells which process read the row.
my $processes = query(
	q{SET parallel_setup_cost = 0}, q{SET parallel_tuple_cost = 0}, q{SET min_parallel_table_scan_size = 0},
	q{CREATE FUNCTION process() RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN pg_backend_pid(); END'},
	q{ALTER TABLE big SET (parallel_workers = 2)},
	q{SET client_min_messages = warning},
	q{SELECT count(DISTINCT actual) FROM aiaas_confusion_matrix('model', 'SELECT body, process() AS label FROM big')});
cmp_ok($processes, '>=', 2, 'a source is read in parallel');

# A source ten times maintenance_work_mem: its rows go to temporary files.  (A background session takes a NOTICE
# for a failure.)
my $session = $node->background_psql('postgres');
$session->query_safe('SET client_min_messages = warning');
my $pid = $session->query_safe('SELECT pg_backend_pid()');

sub private_memory
{
	return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 / 1024 : 0;
}

{
	$session->query_safe(q{SET maintenance_work_mem = '16MB'; SELECT aiaas_train('small', model => 'warm')});
	my $before = private_memory();
	my $peak = 0;
	my $files = query('SELECT sum(temp_bytes) FROM pg_stat_database');
	my $timer = fork();
	if ($timer == 0)
	{
		# a child watches, and tells by a file
		my $most = 0;
		open(my $fh, '>', "${\$node->basedir}/peak");
		for (1 .. 2000)
		{
			my $now = private_memory();
			if ($now > $most)
			{
				$most = $now;
				seek($fh, 0, 0);
				syswrite($fh, sprintf("%-20s\n", $most));
			}
			sleep(0.005);
		}
		exec('true');
	}
	$session->query_safe(q{SELECT aiaas_train('big', model => 'big_model', options => '{"holdout": 0, "word_ngrams": [1, 1]}')});
	kill('KILL', $timer);
	waitpid($timer, 0);
	$peak = slurp_file("${\$node->basedir}/peak") + 0;
	cmp_ok($peak - $before, '<', 20, sprintf('163 MB of text are learnt within 16 MB: %.1f MB', $peak - $before));
	$session->query_safe(q{SELECT pg_stat_force_next_flush()});
	cmp_ok(query('SELECT sum(temp_bytes) FROM pg_stat_database'), '>', $files + 10_000_000, 'and temporary files');
}

# While a training reads its source nobody who uses the model waits for it.  Its source waits for us.
my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(1)');
query(q{CREATE FUNCTION wait(t text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
	BEGIN PERFORM pg_advisory_lock_shared(1); PERFORM pg_advisory_unlock_shared(1); RETURN t; END $$});
$session->query_until(qr/begun/, q{\echo begun
	SELECT version FROM aiaas_train('SELECT label, CASE row_number() OVER () WHEN 1500 THEN wait(body) ELSE body END AS body FROM small', model => 'model');
	\echo done
});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted})
	or die 'the training did not begin';
is(query(q{SELECT concat_ws(' ', pid, model, phase, rows > 1000, "user", elapsed > '0') FROM aiaas.training_progress}),
	"$pid model reading t " . query('SELECT current_user') . ' t',
	'a training shows in aiaas.training_progress');
is(query('SET search_path = pg_catalog', q{SELECT model FROM aiaas.training_progress}), 'public.model', 'by a name that means it to whoever looks');
is(query(q{SET statement_timeout = '10s'}, q{SELECT aiaas_classify('model', 'aa')}), 'a', 'the model answers meanwhile');
is(query(q{SET statement_timeout = '10s'}, q{SELECT version FROM aiaas_train('small', model => 'model')}), 2, 'others train it');
is(query(q{SET statement_timeout = '10s'}, q{SELECT aiaas_deploy('model', 1)}), 1, 'and deploy');
$lock->query_safe('SELECT pg_advisory_unlock(1)');
$session->query_until(qr/done/, '');
is(query(q{SELECT version FROM aiaas_versions('model') WHERE live}), 3, 'it gets the next number and goes live');
is(query(q{SELECT count(*) FROM aiaas.training_progress}), 0, 'and is seen no more');

# Cancelled wherever it is, it ends at once and leaves nothing.
my $versions = query(q{SELECT count(*) FROM aiaas_versions('model')});
for my $delay (0.02, 0.1, 0.2, 0.3, 0.5, 0.7)
{
	my $timeout = int($delay * 1000);
	my ($ret, $out, $err) = $node->psql('postgres', qq{SET statement_timeout = $timeout; SELECT version FROM aiaas_train('big', model => 'model')});
	like($err, qr/canceling statement due to statement timeout/, "cancelled after $timeout ms") unless $ret == 0;
}
is(query(q{SELECT count(*) FROM aiaas.training_progress}), 0, 'a cancelled training is over');
is(query(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, 'no temporary file is left');
cmp_ok(query(q{SELECT count(*) FROM aiaas_versions('model')}), '<=', $versions + 1, 'no version came of it');

# Two trainings at once get two numbers.
my ($first, $second) = map { $node->background_psql('postgres') } 1, 2;
$_->query_safe('SET client_min_messages = warning') for $first, $second;
query(q{CREATE TABLE pair AS TABLE small}, q{SELECT aiaas_create_model('pair_model')});
$first->query_safe('BEGIN');
is($first->query_safe(q{SELECT version FROM aiaas_train('pair', options => '{"deploy": false}')}), 1, 'one not yet committed');
is($second->query_safe(q{SELECT version FROM aiaas_train('pair', options => '{"deploy": false}')}), 2, 'the other has the next number');
$first->query_safe('ROLLBACK');
is(query(q{SELECT string_agg(version::text, ',') FROM aiaas_versions('pair_model')}), '2', 'the one is undone');
$_->quit for $first, $second, $session, $lock;

# A real corpus.
SKIP:
{
	skip 'no ../shared/data here', 4 unless $ENV{AIAAS_TEST_DATA};
	my $data = "$ENV{AIAAS_TEST_DATA}/spam";
	query(q{CREATE TABLE spam_train (label text, body text)}, q{CREATE TABLE spam_test (label text, body text)});
	for my $part ('train', 'test')
	{
		$node->safe_psql('postgres',
			qq{\\copy spam_$part FROM '$data/$part.tsv' (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01')});
	}
	my ($version, $accuracy) = split /\|/,
		query(q{SELECT version, (metrics ->> 'accuracy')::float8 FROM aiaas_train('spam_train', model => 'spam')});
	cmp_ok($accuracy, '>=', 0.98, "spam: accuracy on rows held out is $accuracy");
	query(q{SELECT aiaas_train('spam_train', model => 'spam', options => '{"holdout": 0}')});
	my %figure = map { split /\|/ } split /\n/, query(q{SELECT metric, value FROM aiaas_evaluate('spam', 'spam_test')});
	cmp_ok($figure{accuracy}, '>=', 0.990, "spam: accuracy on the test part is $figure{accuracy}");
	cmp_ok($figure{roc_auc}, '>=', 0.999, "spam: ROC AUC is $figure{roc_auc}");
	is(query(q{SELECT aiaas_accuracy(label, aiaas_classify('spam', body)) = (SELECT value FROM aiaas_evaluate('spam', 'spam_test')
			WHERE metric = 'accuracy') FROM spam_test}), 't', 'the aggregate says the same');
}

done_testing();
