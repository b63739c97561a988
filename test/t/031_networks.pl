#
# Trainings of networks, seen from another session.
#
use strict;
use warnings;

use AiaasTest;
use Test::More;

my $node = aiaas_node('networks', "autovacuum = off\nmaintenance_work_mem = '256MB'");
sub query { return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', @_)); }

query(q{CREATE EXTENSION aiaas},
	q{CREATE TABLE points AS SELECT x, y, (x * x + y * y < 0.5)::text AS inside
		FROM (SELECT hashint4(i) / 2e9 AS x, hashint4(-i) / 2e9 AS y FROM generate_series(1, 20000) i) AS p});

# Start what is to be cancelled; returns its psql.
sub start
{
	my ($sql) = @_;

	return IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null', IPC::Run::timer(120));
}

# Cancel the training that runs, and wait for its end.
sub cancel
{
	my ($psql) = @_;

	query('SELECT pg_cancel_backend(pid) FROM aiaas.training_progress');
	$psql->finish;
	is(query(q{SELECT count(*) FROM aiaas.training_progress}), 0, 'cancelled, it is gone');
}

# Progress within an epoch, after some.
my $psql = start(q{SELECT aiaas_train('points', 'inside', 'ring', '{x,y}', 'network',
	aiaas.sequential(aiaas.dense(512, 'relu'), aiaas.dense(512, 'relu'), aiaas.dense(1, 'sigmoid')) ||
	'{"epochs": 10000, "validation": 0.25, "batch_size": 16}')});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM aiaas.training_progress WHERE epoch > 1 AND batch BETWEEN 1 AND batches - 1}),
	'it is seen within an epoch');
my ($model, $phase, $epoch, $epochs, $batch, $batches, $loss, $validation, $rate, $left) = split /\|/,
	query(q{SELECT concat_ws('|', model, phase, epoch, epochs, batch, batches, loss, validation_metric, examples_per_second, extract(epoch FROM time_left))
		FROM aiaas.training_progress});
is("$model $phase $epochs", 'ring fitting 10000', "what and how far: epoch $epoch");
is($batches, 750, 'three quarters of four fifths of the rows, 16 at a time');
ok($batch >= 1 && $batch <= $batches, "batch $batch");
ok($loss > 0 && $loss < 1, "loss $loss");
ok($validation > 0.5 && $validation <= 1, "accuracy $validation on the rows that validate");
cmp_ok($rate, '>', 1000, "$rate examples per second");
my $expected = 10000 * 12000 / $rate;
ok($left > $expected / 10 && $left < $expected * 10, "$left seconds are left");
cancel($psql);
is(query(q{SELECT to_regclass('ring') IS NULL}), 't', 'and left nothing');

# Of other models these columns are NULL.
$psql = start(q{SELECT aiaas_train('SELECT p.*, pg_sleep(0.01) IS NULL AS slow FROM points p', 'inside', 'line', '{x,y}', 'logistic_regression')});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM aiaas.training_progress}), 'another model');
is(query(q{SELECT num_nulls(epochs, batch, batches, validation_metric, examples_per_second, time_left) FROM aiaas.training_progress}), 6, 'has none of these');
cancel($psql);

done_testing();
