#
# Sessions against each other: test/isolation/specs against test/isolation/expected.
#
use strict;
use warnings;

use AiaasTest;
use Test::More;

my @files = glob('test/isolation/specs/*.spec');
plan skip_all => 'no files' unless @files;

my $node = aiaas_node('isolation');
aiaas_regress($node, $ENV{PG_ISOLATION_REGRESS}, 'test/isolation/expected', @files);
done_testing();
