#
# CALL aiaas_fit: while it learns it holds neither an id nor a snapshot nor a lock, so that what others delete is
# vacuumed; however it ends, its temporary file is gone; what happens to the model and to rights between its
# transactions is noticed.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = aiaas_node('fit', 'autovacuum = off', 'log_statement = none', 'restart_after_crash = on', "maintenance_work_mem = '1MB'");
sub query { return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', @_)); }

query(q{CREATE EXTENSION aiaas},
	q{CREATE ROLE trainer LOGIN},
	q{CREATE TABLE measures AS SELECT hashint4(i) / 2e9 AS a, hashint4(i + 1000000) / 2e9 AS b, hashint4(i + 2000000) / 2e9 AS c,
			hashint4(i)::float8 + hashint4(i + 3000000) > 0 AS label FROM generate_series(1, 20000) i},
	q{CREATE TABLE others AS SELECT i FROM generate_series(1, 10000) i},
	q{GRANT SELECT ON measures TO trainer},
	q{GRANT CREATE ON SCHEMA public TO trainer});

# Training that does not end by itself, with rows in a temporary file: how, to be CALLed or SELECTed.
sub training
{
	my ($how, $model, $options) = @_;

	return qq{$how('measures', 'label', '$model', '{a,b,c}', 'network', '{"layers": [{"type": "dense", "units": 8}, {"type": "dense"}],
		"epochs": 1000000, "patience": 1000000, "validation": 0.1, "optimizer": {"type": "adam", "learning_rate": 0.0001}}'::jsonb || '$options')};
}

# Run it in a session of its own, until it is seen to learn; its handle, process and messages.
my $activity = q{FROM pg_stat_activity WHERE application_name = 'fit' AND backend_type = 'client backend'};
sub start
{
	my ($sql, @settings) = @_;
	my $err = '';
	my $psql = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . ' application_name=fit', map { ('-c', $_) } @settings, $sql ],
		'<', '/dev/null', '>', '/dev/null', '2>', \$err);

	$node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM aiaas.training_progress WHERE phase = 'fitting' AND epoch > 1})
		or die "the training did not begin: $err";
	return ($psql, query("SELECT pid $activity"), \$err);
}

# Wait for its end.
sub finish
{
	my ($psql) = @_;

	$psql->finish;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 $activity");
}

# Stopped while it learns, it can't go on before we have done what we want.
sub while_stopped
{
	my ($pid, @statements) = @_;

	for (1 .. 1000)
	{
		kill('STOP', $pid);
		last if query("SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype <> 'virtualxid'") == 0;
		# it is just storing a checkpoint
		kill('CONT', $pid);
		sleep(rand(0.02));
	}
	query(q{SET lock_timeout = '20s'}, @statements);
	kill('CONT', $pid);
}

# What none leaves: a line in the view, a temporary file, a lock.
sub left
{
	return query(q{SELECT (SELECT count(*) FROM aiaas.training_progress), (SELECT count(*) FROM pg_ls_tmpdir()),
		(SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND pid <> pg_backend_pid())});
}

my $holds = "SELECT backend_xid IS NOT NULL OR backend_xmin IS NOT NULL, state $activity";
my $delete = q{DELETE FROM others WHERE i IN (SELECT i FROM others LIMIT 1000)};

# Tuples that VACUUM removes, and those that it must leave.
sub vacuum
{
	my ($ret, $out, $err) = $node->psql('postgres', 'VACUUM (VERBOSE) others');
	my ($removed) = $err =~ /tuples: (\d+) removed/;
	my ($kept) = $err =~ /(\d+) (?:remain, \d+ )?are dead but not yet removable/;
	($removed, $kept) = ($1, $2) if $err =~ /tuples: (\d+) removed, \d+ remain, (\d+) are dead/;
	return "$removed removed, $kept kept";
}

# aiaas_train is a statement like any other.
{
	my ($psql, $pid, $err) = start('SELECT ' . training('aiaas_train', 'm', '{}'));

	is(query($holds), 't|active', 'aiaas_train holds a snapshot');
	query($delete);
	is(vacuum(), '0 removed, 1000 kept', 'so that nothing is vacuumed');
	query("SELECT pg_cancel_backend($pid)");
	finish($psql);
	is(vacuum(), '1000 removed, 0 kept', 'until it ends');
}

# aiaas_fit is not.  Names, sort orders and messages, which it looks up as it goes, don't bring a snapshot back.
{
	my ($psql, $pid, $err) = start('CALL ' . training('aiaas_fit', 'm', '{"verbose": true}'));
	my %seen;

	for (1 .. 20)
	{
		$seen{query($holds)}++;
		sleep(0.05);
	}
	is_deeply(\%seen, { 'f|active' => 20 }, 'aiaas_fit holds neither an id nor a snapshot');
	is(query("SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype <> 'virtualxid'"), 0, 'nor a lock');
	is(query('SELECT model, phase FROM aiaas.training_progress'), 'm|fitting', 'it is seen in aiaas.training_progress');
	cmp_ok(query('SELECT count(*) FROM pg_ls_tmpdir()'), '>=', 1, 'and has a temporary file');
	query($delete);
	is(vacuum(), '1000 removed, 0 kept', 'what is deleted meanwhile is vacuumed');
	query(q{SET lock_timeout = '5s'}, 'TRUNCATE measures', q{INSERT INTO measures SELECT hashint4(i) / 2e9, hashint4(i + 1000000) / 2e9, hashint4(i + 2000000) / 2e9,
			hashint4(i)::float8 + hashint4(i + 3000000) > 0 FROM generate_series(1, 20000) i});
	pass('nobody waits for it, even to truncate the source');
	query("SELECT pg_cancel_backend($pid)");
	finish($psql);
	like($$err, qr/ERROR:  canceling statement due to user request/, 'it can be cancelled');
	is(left(), '0|0|0', 'and leaves nothing');
	is(query(q{SELECT to_regclass('m')}), '', 'not even a model');
}

# From a procedure that has a cursor open, likewise; and it is at once that it ends.
query(q{CREATE FUNCTION cancelled_in(who int) RETURNS float8 LANGUAGE plpgsql AS $$
	DECLARE
		begun timestamptz := clock_timestamp();
	BEGIN
		PERFORM pg_cancel_backend(who);
		WHILE EXISTS (SELECT FROM aiaas.training_progress WHERE pid = who) LOOP
			PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
		END LOOP;
		RETURN extract(epoch FROM clock_timestamp() - begun) * 1000;
	END $$});
my $limit = $ENV{AIAAS_CANCEL_LIMIT} // 200;
for my $i (1 .. 5)
{
	my $call = training('aiaas_fit', 'm', '{}') =~ s/\)$/, v)/r;
	my ($psql, $pid, $err) = start(qq{DO \$\$ DECLARE v int; r record; BEGIN FOR r IN SELECT relname FROM pg_class LOOP CALL $call; END LOOP; END \$\$});

	is(query($holds), 'f|active', 'called by a loop over a query it holds nothing');
	sleep(rand(0.3));
	my $time = query("SELECT cancelled_in($pid)");
	cmp_ok($time, '<', $limit, "cancelled within $time ms");
	finish($psql);
	is(left(), '0|0|0', 'and leaves nothing');
}

# Other ends.
{
	my ($psql, $pid, $err) = start('CALL ' . training('aiaas_fit', 'm', '{}'), q{SET statement_timeout = '3s'});

	finish($psql);
	like($$err, qr/ERROR:  canceling statement due to statement timeout/, 'statement_timeout ends it');
	is(left(), '0|0|0', 'which leaves nothing');
	($psql, $pid, $err) = start('CALL ' . training('aiaas_fit', 'm', '{}'));
	query("SELECT pg_terminate_backend($pid)");
	finish($psql);
	like($$err, qr/FATAL:  terminating connection due to administrator command/, 'so does the end of its session');
	is(left(), '0|0|0', 'which leaves nothing');
	my $messages;
	($psql, undef, $messages) = start('CALL ' . training('aiaas_fit', 'm', '{"epochs": 300}'));
	finish($psql);
	unlike($$messages, qr/ERROR|WARNING/, 'a training of some seconds ends by itself');
	is(left(), '0|0|0', 'and leaves nothing');
	is(query(q{SELECT version, live FROM aiaas_versions('m')}), '1|t', 'but a version');
}

# The model, between one transaction and the next.
{
	my $call = 'CALL ' . training('aiaas_fit', 'm', '{"epochs": 300}');
	my ($psql, $pid, $err) = start($call);

	while_stopped($pid, q{CREATE SCHEMA lab}, q{ALTER TABLE m RENAME TO n}, q{ALTER TABLE n SET SCHEMA lab}, q{SELECT aiaas_create_model('m')},
		q{SELECT aiaas_train('measures', 'label', 'lab.n', '{a,b,c}')});
	finish($psql);
	like($$err, qr/NOTICE:  version 3 of model lab\.n is live/, 'a model that was renamed is still the one');
	is(query(q{SELECT version, live, algorithm FROM aiaas_versions('lab.n') ORDER BY 1}), "1|f|network\n2|f|logistic_regression\n3|t|network",
		'it gets the next number');
	is(query(q{SELECT count(*) FROM aiaas_versions('m')}), 0, 'and another one of its old name gets nothing');

	($psql, $pid, $err) = start($call =~ s/'m'/'lab.n'/r);
	while_stopped($pid, 'DROP TABLE lab.n');
	finish($psql);
	like($$err, qr/ERROR:  model n was dropped while it was trained\nDETAIL:  What was learnt is lost\./, 'a model that was dropped is an error');

	($psql, $pid, $err) = start($call =~ s/'m'/'lab.new'/r);
	while_stopped($pid, 'DROP SCHEMA lab');
	finish($psql);
	like($$err, qr/ERROR:  the schema in which model new was to be created was dropped/, 'so is its schema');

	($psql, $pid, $err) = start($call =~ s/'m'/'made'/r);
	while_stopped($pid, q{SELECT aiaas_train('measures', 'label', 'made', '{a,b,c}')});
	finish($psql);
	is(query(q{SELECT version, live, algorithm FROM aiaas_versions('made') ORDER BY 1}), "1|f|logistic_regression\n2|t|network",
		'a model that somebody else made meanwhile gets a second version');

	($psql, $pid, $err) = start($call =~ s/'m'/'taken'/r);
	while_stopped($pid, q{CREATE TABLE taken (i int)});
	finish($psql);
	like($$err, qr/ERROR:  taken is not a model/, 'a table that somebody else made is an error');
	is(left(), '0|0|0', 'none leaves anything');
}

# Rights.
{
	my $call = 'CALL ' . training('aiaas_fit', 'm', '{"epochs": 300}');

	query('GRANT SELECT, INSERT, UPDATE ON m TO trainer');
	my ($psql, $pid, $err) = start($call, 'SET ROLE trainer');
	while_stopped($pid, 'REVOKE INSERT ON m FROM trainer');
	finish($psql);
	like($$err, qr/ERROR:  permission denied to add versions to model m\nHINT:  The right is given by: GRANT/, 'a right that was revoked is missing');

	query('GRANT INSERT ON m TO trainer');
	($psql, $pid, $err) = start($call, 'SET ROLE trainer');
	while_stopped($pid, 'REVOKE UPDATE ON m FROM trainer', 'REVOKE SELECT ON measures FROM trainer');
	finish($psql);
	like($$err, qr/NOTICE:  version 1 of model m is stored, but not live: you have no right to deploy/, 'without that to deploy it is stored; the source is not needed any more');
	query('GRANT SELECT ON measures TO trainer');
	is(left(), '0|0|0', 'neither leaves anything');
}

# kill -9 while it learns.
sub crash
{
	my ($pid) = @_;
	my $checkpointer = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'};
	my $before = query($checkpointer);

	kill('KILL', $pid) == 1 or die 'the backend is gone';
	for (1 .. 600)
	{
		my ($failed, $now) = $node->psql('postgres', $checkpointer, on_error_die => 0);

		return if $failed == 0 && $now ne '' && $now ne $before;
		sleep(0.1);
	}
	die 'the server did not come back';
}
{
	my ($psql, $pid, $err) = start('CALL ' . training('aiaas_fit', 'm', '{}'));

	crash($pid);
	$psql->finish;
	is(left(), '0|0|0', 'kill -9 leaves nothing');
	is(query(q{SELECT count(*) FROM aiaas_versions('m')}), 1, 'and changes nothing');
}

# Checkpoints.  A training that is cut and gone on with is the one that was not.
my $epochs = 400;
sub checkpointed
{
	my ($model, $more) = @_;

	return 'CALL ' . training('aiaas_fit', $model, qq({"epochs": $epochs, "checkpoint": 10}) . ($more // ''));
}

# Versions that are checkpoints, with their epochs.
sub checkpoints
{
	my ($model) = @_;

	return query(qq{SELECT version, (manifest -> 'checkpoint' ->> 'epoch')::int, (manifest -> 'checkpoint' ->> 'epochs')::int
		FROM $model WHERE manifest ? 'checkpoint' ORDER BY 1});
}

# Until there is one: of a model that may not exist yet.
sub wait_checkpoint
{
	my ($model, $after) = @_;

	$after //= 0;
	$node->poll_query_until('postgres', qq{SELECT to_regclass('$model') IS NOT NULL}) or die 'no model';
	$node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM $model WHERE manifest ? 'checkpoint' AND version > $after}) or die 'no checkpoint';
}

# The last one that there is, and how to go on with it; checks that it is one of some epochs.
sub last_checkpoint
{
	my ($model, $name) = @_;
	my ($version, $done, $all) = split(/\|/, checkpoints($model) || '0|0|0');

	ok($done > 0 && $done % 10 == 0 && $done < $all && $all == $epochs, "$name: the last checkpoint is kept") or diag(checkpoints($model));
	return $version;
}

query('SELECT ' . training('aiaas_train', 'whole', qq({"epochs": $epochs})));
my $digest = query(q{SELECT digest FROM aiaas_versions('whole')});
{
	my ($psql, $pid, $err) = start(checkpointed('parts'));

	wait_checkpoint('parts', 1);
	is(query($holds), 'f|active', 'after a checkpoint it holds nothing, either');
	is(query(q{SELECT model, epoch > 1 FROM aiaas.training_progress}), 'parts|t', 'and is still seen');
	finish($psql);
	like($$err, qr/NOTICE:  20 of $epochs epochs are kept as version 2 of model parts/, 'it tells of each checkpoint');
	is(checkpoints('parts'), '', 'with success the last one is dropped');
	is(query(q{SELECT version, live, digest FROM aiaas_versions('parts')}), ($epochs / 10) . "|t|$digest", 'and the result is that of one piece');
	is(left(), '0|0|0', 'nothing is left');
}

# Each end keeps the last one, from which aiaas_fit and aiaas_train go on.
my %ends = (
	cancel => sub { query("SELECT pg_cancel_backend($_[0])") },
	terminate => sub { query("SELECT pg_terminate_backend($_[0])") },
	'kill -9' => sub { crash($_[0]) });
for my $end (sort keys %ends)
{
	my $model = $end =~ s/\W//gr;
	my ($psql, $pid, $err) = start(checkpointed($model));

	wait_checkpoint($model, 1);
	$ends{$end}->($pid);
	$psql->finish;
	is(left(), '0|0|0', "$end: leaves nothing else");
	my $version = last_checkpoint($model, $end);
	like($$err, qr/HINT:  Go on by options => '\{"continue_from": $version\}'\.\nCONTEXT:  \d+ of $epochs epochs are kept as version $version of model $model/,
		"$end: says so") if $end ne 'kill -9';
	is(query(qq{SELECT count(*) FROM aiaas_versions('$model') WHERE live}), 0, "$end: it is not live");
	query($end eq 'terminate' ? 'SELECT ' . training('aiaas_train', $model, qq({"epochs": $epochs, "continue_from": $version})) :
		checkpointed($model, qq('::jsonb || '{"continue_from": $version})));
	is(query(qq{SELECT live, digest FROM aiaas_versions('$model')}), "t|$digest", "$end: gone on with, it becomes what it would have become");
	is(query(qq{SELECT value FROM aiaas_training_info('$model') WHERE item = 'continued_from'}), $version, "$end: which is remembered");
}
{
	my ($psql, $pid, $err) = start(checkpointed('timeout', qq('::jsonb || '{"epochs": 5000})), q{SET statement_timeout = '3s'});

	finish($psql);
	like($$err, qr/canceling statement due to statement timeout.*kept as version/s, 'statement_timeout keeps it, too');
	is(left(), '0|0|0', 'and leaves nothing else');
	my ($version) = split(/\|/, checkpoints('timeout'));

	# A checkpoint is not for use.
	for ("SELECT aiaas_deploy('timeout', $version)", qq{UPDATE timeout SET manifest = jsonb_set(manifest, '{live}', '$version') WHERE version = 0})
	{
		my ($ret, $out, $message) = $node->psql('postgres', $_);

		like($message, qr/version $version (?:of model timeout )?is a checkpoint, a training that has not ended/, 'it can\'t be deployed');
	}
}

# Others at the same time.
{
	my ($psql, $pid, $err) = start(checkpointed('rights'), 'SET ROLE trainer');

	wait_checkpoint('rights');
	while_stopped($pid, q{ALTER TABLE rights OWNER TO CURRENT_USER});
	finish($psql);
	like($$err, qr/ERROR:  permission denied to add versions to model rights/, 'rights are checked after each commit');
	like($$err, qr/CONTEXT:  \d+ of $epochs epochs are kept as version/, 'the checkpoint stays');
	my $version = last_checkpoint('rights', 'revoked');

	query('GRANT SELECT (version, chunk, manifest), INSERT, UPDATE ON rights TO trainer');
	my ($ret, $out, $message) = $node->psql('postgres', 'SET ROLE trainer; ' . checkpointed('rights'));
	like($message, qr/ERROR:  permission denied to drop versions of model rights\nHINT: .*DELETE.*\nWithout it leave out the option "checkpoint"/,
		'checkpoints need the rights to update and delete as well');
	unlike($message, qr/NOTICE:  epoch/, 'which is told before anything is read');
	($ret, $out, $message) = $node->psql('postgres', 'SET ROLE trainer; ' . checkpointed('rights', qq('::jsonb - 'checkpoint' || '{"continue_from": $version})));
	like($message, qr/NOTICE:  checkpoint $version of model rights is not dropped/, 'without them its checkpoint stays');
	is(query(q{SELECT digest FROM aiaas_versions('rights') WHERE live}), $digest, 'and the result is the same');

	query('GRANT DELETE ON rights TO trainer');
	($psql, $pid, $err) = start(checkpointed('rights'), 'SET ROLE trainer');
	wait_checkpoint('rights', $version);
	while_stopped($pid, 'REVOKE DELETE ON rights FROM trainer');
	finish($psql);
	like($$err, qr/ERROR:  permission denied to drop versions of model rights/, 'nor may the right to delete go');
}
{
	my ($psql, $pid, $err) = start(checkpointed('busy', qq('::jsonb || '{"deploy": "if_better"})));

	# another one of the same model, which takes numbers between, and somebody who drops what he does not know
	wait_checkpoint('busy');
	my $other = '';
	my $second = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', checkpointed('busy', qq('::jsonb || '{"seed": 1, "deploy": false})) ],
		'<', '/dev/null', '>', '/dev/null', '2>', \$other);
	for (1 .. 3)
	{
		$node->psql('postgres', q{SELECT aiaas_drop_version('busy', version) FROM busy WHERE manifest ? 'checkpoint'});
		sleep(0.1);
	}
	finish($psql);
	$second->finish;
	unlike($$err . $other, qr/ERROR/, 'two at once, of one model whose checkpoints somebody drops');
	is(checkpoints('busy'), '', 'leave none');
	is(query(qq{SELECT count(*), count(DISTINCT digest), bool_or(digest = '$digest' AND live) FROM aiaas_versions('busy')}), '2|2|t', 'and a version each');
}
for my $round (1 .. 15)
{
	# three at once make a model, and each drops a checkpoint every few milliseconds: no number is used twice
	my @messages = ('') x 3;
	my @sessions = map { my $seed = $_; IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c',
			qq{CALL aiaas_fit('measures', 'label', 'crowd$round', '{a,b,c}', 'network', '{"layers": [{"type": "dense"}], "epochs": 12, "checkpoint": 1, "seed": $seed}')} ],
		'<', '/dev/null', '>', '/dev/null', '2>', \$messages[$seed]) } 0 .. 2;

	$_->finish for @sessions;
	unlike("@messages", qr/ERROR/, "three at once, round $round");
	is(query(qq{SELECT count(*), bool_or(live), count(DISTINCT digest), (SELECT count(*) FROM crowd$round WHERE manifest ? 'checkpoint') FROM aiaas_versions('crowd$round')}),
		'3|t|3|0', 'a version each, and no checkpoint');
	is(query(qq{SELECT count(*), count(DISTINCT n) FROM (SELECT jsonb_array_elements(manifest -> 'dropped') FROM crowd$round WHERE version = 0
			UNION ALL SELECT to_jsonb(version) FROM aiaas_versions('crowd$round')) AS used (n)}), '36|36', 'each of its own number');
}
{
	my ($psql, $pid, $err) = start(checkpointed('gone'));

	wait_checkpoint('gone');
	while_stopped($pid, 'DROP TABLE gone');
	finish($psql);
	like($$err, qr/ERROR:  model gone was dropped while it was trained/, 'a model that was dropped is an error');
	unlike($$err, qr/CONTEXT:  .*kept/, 'that promises nothing');
	is(left(), '0|0|0', 'nothing is left');
}

# Cut at any moment, and again and again: at most one checkpoint is there, and the end is the same.
{
	my ($version, $cuts, $most, $faults) = (0, 0, 0, '');

	srand(my $seed = $ENV{AIAAS_SEED} // time);
	for (1 .. 200)
	{
		my ($ret, $out, $err) = $node->psql('postgres', 'SET statement_timeout = ' . int(60 + rand(500)) . ';' .
			checkpointed('cut', qq('::jsonb || '{"checkpoint": ) . int(1 + rand(20)) . ($version ? qq(, "continue_from": $version}) : '}')));

		last if $err !~ /ERROR/;
		$cuts++;
		$faults .= $err if $err !~ /canceling statement due to statement timeout/;
		$faults .= left() if left() ne '0|0|0';
		next if query(q{SELECT to_regclass('cut')}) eq '';
		my @there = split(/\n/, checkpoints('cut'));
		$most = @there if @there > $most;
		($version) = split(/\|/, $there[0]) if @there;
	}
	is($faults, '', "cut $cuts times (AIAAS_SEED=$seed), it never leaves anything else");
	cmp_ok($most, '<=', 1, 'nor more than one checkpoint');
	is(query(q{SELECT live, digest FROM aiaas_versions('cut')}), "t|$digest", 'and comes to the same end');
}

# A checkpoint travels: exported and imported, dumped and restored.
{
	my ($psql, $pid, $err) = start(checkpointed('travels'));

	wait_checkpoint('travels', 1);
	query("SELECT pg_cancel_backend($pid)");
	finish($psql);
	my $version = last_checkpoint('travels', 'travels');
	my ($ret, $out, $message) = $node->psql('postgres', qq{SELECT * FROM aiaas_import('imported', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('travels', $version)))});
	is($out, 'imported|1|f', 'imported, it does not go live');
	like($message, qr/NOTICE:  file for model imported is a checkpoint, which does not go live/, 'which is said');
	($ret, $out, $message) = $node->psql('postgres', qq{SELECT * FROM aiaas_import('imported', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('travels', $version)), '{"deploy": true}')});
	like($message, qr/ERROR:  file for model imported is a checkpoint/, 'even if that is asked for');
	query('SELECT ' . training('aiaas_train', 'imported', qq({"epochs": $epochs, "continue_from": 1})));
	is(query(q{SELECT version, live, digest FROM aiaas_versions('imported')}), "2|t|$digest", 'and is gone on with');

	my $file = PostgreSQL::Test::Utils::tempdir . '/travels.sql';
	command_ok([ 'pg_dump', '--no-sync', '-f', $file, '-t', 'travels', '-t', 'measures', '-O', '-x', $node->connstr('postgres') ], 'dumped');
	$node->safe_psql('postgres', 'CREATE DATABASE there');
	$node->safe_psql('there', 'CREATE EXTENSION aiaas');
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('there'), '-f', $file ], 'restored');
	$node->safe_psql('there', checkpointed('travels', qq('::jsonb || '{"continue_from": $version})));
	is($node->safe_psql('there', q{SELECT live, digest FROM aiaas_versions('travels')}), "t|$digest", 'and gone on with in another database');
}

$node->stop('fast');
done_testing();
