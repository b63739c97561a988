#
# 64 connections that classify, deploy, store and evict at the same time for half a minute: no
# error, no wrong answer.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{AIAAS_HAMMER_SECONDS} // 30;
my $models = 12;
my $node = aiaas_node('hammer', 'max_connections = 100', 'log_statement = none');

# Version v of model i calls a spam "i-v", as long as "spam": the same bytes but for the label.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION aiaas;
	SELECT aiaas_train(\$\$SELECT * FROM (VALUES
		('cheap pills now', '00-0'), ('buy cheap pills', '00-0'), ('pills pills', '00-0'),
		('meeting at noon', 'good'), ('your meeting notes', 'good'), ('noon meeting', 'good')
		) AS mails (body, label), generate_series(1, 10)\$\$,
		target => 'label', model => 'base', features => '{body}', options => '{"holdout": 0}');
	SELECT aiaas_import('m' || i, decode(replace(encode(file, 'hex'), encode('00-0', 'hex'),
			encode(convert_to(lpad(i::text, 2, '0') || '-' || v, 'UTF8'), 'hex')), 'hex'))
	FROM (SELECT string_agg(data, '' ORDER BY chunk) AS file FROM aiaas_export('base')) AS f,
		generate_series(1, $models) AS i, generate_series(1, 2) AS v;
	CREATE TABLE file AS SELECT string_agg(data, '' ORDER BY chunk) AS data FROM aiaas_export('base');
	SELECT aiaas_classify('base', 'x')});

# room for five of the 24 versions
my $size = $node->safe_psql('postgres', 'SELECT max(bytes) FROM aiaas.shared_models');
$node->append_conf('postgresql.conf',
	sprintf("aiaas.shared_memory = '%dkB'", (5 * $size + 300_000) / 1024));
$node->restart;

sub script
{
	my ($name, $body) = @_;
	my $path = $node->basedir . "/$name.sql";

	append_to_file($path, "\\set m random(1, $models)\n\\set v random(1, 2)\n$body");
	return $path;
}

# "\if" turns a wrong answer into an error, which ends pgbench's client.
my $check = "\\if :right\n\\else\nSELECT 'wrong answer'::int;\n\\endif\n";
my @scripts = (
	script('live', "SELECT count(*) = 3 AS right FROM generate_series(1, 3) AS i
		WHERE aiaas_classify(('m' || :m)::regclass, 'cheap pills ' || i)
			IN (lpad('' || :m, 2, '0') || '-1', lpad('' || :m, 2, '0') || '-2') \\gset\n$check") . '@6',
	script('pinned', "SELECT aiaas_classify(('m' || :m)::regclass, :v, 'cheap pills')
		= lpad('' || :m, 2, '0') || '-' || :v AS right \\gset\n$check") . '@6',
	script('repeatable', "BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT aiaas_classify(('m' || :m)::regclass, 'cheap pills') AS first \\gset
		SELECT aiaas_classify(('m' || :m)::regclass, 'cheap pills') = ':first' AS right \\gset
		END;\n$check") . '@3',
	script('store', "SELECT aiaas_import('base', data, '{\"deploy\": false}') FROM file;\n"),
	script('deploy', "SELECT aiaas_deploy(('m' || :m)::regclass, :v);\n") . '@2',
	script('unload', "SELECT aiaas_unload(('m' || :m)::regclass);\n") . '@2');

my $deadlocks = 'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()';
my ($out, $err);
my $ok = IPC::Run::run(
	[ 'pgbench', '-n', '-c', 64, '-j', 2, '-T', $seconds, '-h', $node->host, '-p', $node->port,
		(map { ('-f', $_) } @scripts), 'postgres' ],
	'>', \$out, '2>', \$err);
ok($ok, "$seconds seconds of 64 connections");
my @errors = grep { /ERROR|aborted/ && !/is in use/ } split /\n/, $err;
is(scalar(@errors), 0, 'no error, no wrong answer') or diag(join("\n", splice(@errors, 0, 5)));
unlike($err, qr/does not exist|WARNING|PANIC|FATAL/, 'nothing unexpected was said');
note($1) if $out =~ /(number of transactions actually processed: \d+)/;
is($node->safe_psql('postgres', 'SELECT coalesce(sum(pins), 0) FROM aiaas.shared_models'), 0,
	'nothing stays pinned');
is($node->safe_psql('postgres', "SELECT count(*) - max(version) FROM aiaas_versions('base')"), 0,
	'versions that were stored at the same time have their own numbers');
is($node->safe_psql('postgres', $deadlocks), 0, 'no deadlock');
$node->stop;
done_testing();
