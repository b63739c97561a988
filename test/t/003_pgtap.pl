#
# Each function and each bad input, one line each: test/pgtap, one database per file.
#
use strict;
use warnings;

use AiaasTest;
use TAP::Parser;
use Test::More;

my @files = glob('test/pgtap/*.sql');
plan skip_all => 'no files' unless @files;

my $node = aiaas_node('pgtap', 'max_prepared_transactions = 10');
plan skip_all => 'pgtap is not installed'
  if $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'pgtap'") == 0;

for my $file (@files)
{
	subtest $file => sub {
		my ($name) = $file =~ m{(\w+)\.sql$};

		$node->safe_psql('postgres', "CREATE DATABASE $name");
		$node->safe_psql($name, 'CREATE EXTENSION aiaas; CREATE EXTENSION pgtap');
		my ($status, $out, $err) = $node->psql($name, undef,
			extra_params => [ '-f', $file ], on_error_stop => 1);
		my $parser = TAP::Parser->new({ tap => $out });

		while (my $line = $parser->next)
		{
			if ($line->is_test) { ok($line->is_actual_ok, $line->description) }
			elsif ($line->is_comment) { diag($line->comment) }
		}
		is($status, 0, 'psql ends well') or diag($err);
		is($parser->tests_planned, $parser->tests_run, 'the plan is kept');
	};
}
done_testing();
