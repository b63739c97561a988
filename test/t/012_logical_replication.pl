#
# One model follows another on a different server: a deploy there is a deploy here.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $publisher = aiaas_node('publisher', 'wal_level = logical', 'max_wal_senders = 4', 'max_replication_slots = 4');
my $subscriber = aiaas_node('subscriber');

$publisher->safe_psql('postgres', q{
	CREATE EXTENSION aiaas;
	CREATE TABLE mails (id int, label text, body text);
	INSERT INTO mails SELECT i, CASE i % 3 WHEN 0 THEN 'spam' ELSE 'ham' END,
		CASE i % 3 WHEN 0 THEN 'win cheap money ' WHEN 1 THEN 'meeting on monday ' ELSE 'see you there ' END || i
		FROM generate_series(1, 200) i;
	SET client_min_messages = warning;
	SELECT aiaas_train('mails', 'label', model => 'm', features => '{body}');
	CREATE PUBLICATION p FOR TABLE m;
});
$subscriber->safe_psql('postgres', 'CREATE EXTENSION aiaas; SELECT aiaas_create_model(\'m\')');
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$subscriber->wait_for_subscription_sync($publisher, 's');

my $state = q{SELECT version, live, digest FROM aiaas_versions('m')};
my $score = q{SELECT aiaas_score('m', 'cheap money on monday', 'spam')};

sub same
{
	my ($name) = @_;
	$publisher->wait_for_catchup('s');
	is($subscriber->safe_psql('postgres', $state), $publisher->safe_psql('postgres', $state), "$name: the same versions");
	is($subscriber->safe_psql('postgres', $score), $publisher->safe_psql('postgres', $score), "$name: the same score");
}

same('first copy');
$publisher->safe_psql('postgres', q{
	SET client_min_messages = warning;
	SELECT aiaas_train('mails', 'label', model => 'm', features => '{body}', options => '{"seed": 7, "epochs": 1}')});
same('a new version, deployed');
$publisher->safe_psql('postgres', q{SELECT aiaas_rollback('m')});
same('rolled back');
$publisher->safe_psql('postgres', q{SELECT aiaas_drop_version('m', 2)});
same('a version dropped');

done_testing();
