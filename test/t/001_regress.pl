#
# The SQL surface, file by file: test/sql against expected/.
#
use strict;
use warnings;

use AiaasTest;
use Test::More;

my @files = glob('test/sql/*.sql');
plan skip_all => 'no files' unless @files;

my $node = aiaas_node('regress', 'max_prepared_transactions = 10');
aiaas_regress($node, $ENV{PG_REGRESS}, 'expected', @files);
done_testing();
