#
# A network of 44 million weights, cancelled at 100 random moments of its training: each time at
# once, and nothing is left behind.
#
use strict;
use warnings;

use AiaasTest;
use List::Util qw(max sum);
use Test::More;

my $node = aiaas_node('cancel_network', "autovacuum = off\nmax_wal_size = 4GB");
sub query { return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', @_)); }

# What Conv2D(64) + Dense(1024) + Dense(10) makes of images of 28 x 28.
query(q{CREATE EXTENSION aiaas},
	q{CREATE TABLE images AS SELECT i % 10 AS label, (SELECT string_agg(decode(md5((i * 49 + j)::text), 'hex'), '') FROM generate_series(1, 49) j) AS pixels
		FROM generate_series(1, 2000) i});
my $train = q{SELECT version FROM aiaas_train('images', 'label', 'shirts', '{pixels}', 'network',
	aiaas.sequential(aiaas.conv2d(64, 3, 'relu'), aiaas.flatten(), aiaas.dense(1024, 'relu'), aiaas.dense(10, 'softmax')) ||
	'{"images": {"pixels": {"height": 28, "width": 28, "channels": 1}}, "memory": "2GB", "epochs": 1000, "holdout": 0}')};

# Moments, in milliseconds: reading, building, the first steps and those of some epochs.
my $seed = srand($ENV{AIAAS_TEST_SEED} // 20261125);
my @moments = map { $_ % 4 == 0 ? 1 + int(rand(60)) : 1 + int(rand(900)) } 1 .. 100;
my $memory = q{SELECT 'bytes ' || sum(total_bytes) FROM pg_backend_memory_contexts};
my $script = join('', "SET client_min_messages = error;\nSET statement_timeout = 300;\n$train;\nRESET statement_timeout;\n$memory;\n",
	(map { "SET statement_timeout = $_;\n\\timing on\n$train;\n\\timing off\n" } @moments), "RESET statement_timeout;\n$memory;\nSELECT 'alive';\n");
my ($ret, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0, timeout => 400, extra_params => [ '-v', 'VERBOSITY=verbose' ]);

is($ret, 0, 'the session goes on to its end');
like($out, qr/^alive$/m, 'and answers');
my @cancelled = $err =~ /ERROR:  (\w{5})/g;
is(scalar(@cancelled), 101, "each is an error (seed $seed)");
is(scalar(grep { $_ ne '57014' } @cancelled), 0, 'the one of a cancel');
my @times = $out =~ /^Time: ([\d.]+) ms/mg;
is(scalar(@times), 100, 'each took its time');
my @late = map { $times[$_] - $moments[$_] } 0 .. $#times;
my $worst = max(@late);
# what is given back to the kernel, half a gigabyte, is within this
cmp_ok($worst, "<", 500, sprintf('they ended within %.0f ms of their moments, in the mean %.0f', $worst, sum(@late) / @late));
diag(sprintf('cancelled at 100 moments: ended within %.0f ms, in the mean %.0f ms', $worst, sum(@late) / @late));
my ($before, $after) = $out =~ /^bytes (\d+)$/mg;
cmp_ok($after, '<', $before + 1_000_000, "memory of the session: $before bytes before, $after after");
is(query(q{SELECT to_regclass('shirts') IS NULL}), 't', 'no model came of it');
is(query(q{SELECT (SELECT count(*) FROM aiaas.training_progress) + (SELECT count(*) FROM pg_ls_tmpdir())}), 0, 'nobody trains, no temporary file is left');

done_testing();
