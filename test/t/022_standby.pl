#
# A hot standby answers like its primary: after a deploy is replayed, after a version is dropped,
# after VACUUM FULL gave the model new files, and after promotion.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = aiaas_node('primary', "wal_level = 'replica'", 'max_wal_senders = 4', 'hot_standby = on');

sub train
{
	my ($label) = @_;

	$primary->safe_psql('postgres', qq{
		SELECT aiaas_train(\$\$SELECT * FROM (VALUES
			('cheap pills now', '$label'), ('buy cheap pills', '$label'), ('pills pills', '$label'),
			('meeting at noon', 'good'), ('your meeting notes', 'good'), ('noon meeting', 'good')
			) AS mails (body, label), generate_series(1, 10)\$\$,
			target => 'label', model => 'm', features => '{body}', options => '{"holdout": 0}')});
}

$primary->safe_psql('postgres', 'CREATE EXTENSION aiaas');
train('spam');
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;

my $ask = q{SELECT aiaas_classify('m', text), aiaas_score('m', text), aiaas_classify('m', 1, text)
	FROM (VALUES ('cheap pills'), ('noon'), ('nothing known')) AS t (text)};
sub same
{
	my ($name, $pattern) = @_;
	my ($ret, $out, $err) = $standby->psql('postgres', $ask);

	is($out, $primary->safe_psql('postgres', $ask), "the same answers $name");
	like($out, $pattern, 'and the right ones');
	is($err, '', 'from shared memory');
}

my $user = $standby->background_psql('postgres');
same('at first', qr/^spam\|.*\|spam\n/);
train('junk');
is($user->query_safe(q{BEGIN; SELECT aiaas_classify('m', 1, 'cheap pills')}), 'spam', 'a query begins');
$primary->wait_for_catchup($standby);
same('after a deploy', qr/^junk\|.*\|spam\n/);
is($user->query_safe(q{SELECT aiaas_classify('m', 'cheap pills'); COMMIT}), 'junk',
	'an open session sees it, too');
$primary->safe_psql('postgres', q{SELECT aiaas_rollback('m'); VACUUM FULL m});
$primary->wait_for_catchup($standby);
same('after a rollback and VACUUM FULL', qr/^spam\|.*\|spam\n/);
my ($ret, $out, $err) = $standby->psql('postgres', q{SELECT aiaas_deploy('m', 2)});
like($err, qr/recovery|read-only/, 'no deploy on a standby');
($ret, $out, $err) = $standby->psql('postgres', q{CALL aiaas_fit('SELECT ''a'' AS label, ''b'' AS body')});
like($err, qr/cannot execute aiaas_fit\(\) in a read-only transaction/, 'nor a training');
$user->quit;
$standby->promote;
is($standby->safe_psql('postgres', q{SELECT aiaas_deploy('m', 2)}), 2, 'but after its promotion');
is($standby->safe_psql('postgres', q{SELECT aiaas_classify('m', 'cheap pills')}), 'junk', 'which counts');
is($standby->safe_psql('postgres', 'SELECT coalesce(sum(pins), 0) FROM aiaas.shared_models'), 0,
	'nothing stays pinned');

$standby->stop;
$primary->stop;
done_testing();
