#
# AiaasTest: what the tests on real servers share, on top of PostgreSQL::Test::Cluster.
#
package AiaasTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(aiaas_node aiaas_regress);

# A running server with aiaas preloaded; @conf are more lines of its postgresql.conf.
sub aiaas_node
{
	my ($name, @conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf',
		join("\n", "shared_preload_libraries = 'aiaas'", @conf));
	$node->start;
	return $node;
}

# Run pg_regress or pg_isolation_regress ($program) on files whose outputs are in $expected:
# one test per file, and the difference where there is one.  As in "make installcheck", files
# can write into results/.
sub aiaas_regress
{
	my ($node, $program, $expected, @files) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir;
	my %status;

	for my $file (@files)
	{
		my ($name, undef, $extension) = fileparse($file, qr/\.[^.]*/);
		my $sub = $extension eq '.spec' ? 'specs' : 'sql';

		mkdir "$dir/$sub";
		mkdir "$dir/expected";
		copy($file, "$dir/$sub") or die "$file: $!";
		copy($_, "$dir/expected") or die "$_: $!" for glob("$expected/${name}{,_[0-9]}.out");
		$status{$name} = '';
	}

	my ($out, $err);
	IPC::Run::run(
		[
			$program, '--inputdir=.', '--outputdir=.',
			'--host=' . $node->host, '--port=' . $node->port,
			'--dbname=contrib_regression', '--load-extension=aiaas',
			'--bindir=', '--max-concurrent-tests=1', sort keys %status
		],
		'>', \$out, '2>', \$err, init => sub { chdir $dir });

	for (split /\n/, $out)
	{
		$status{$1} = $2 if /^test (\S+)\s+\.\.\. (ok|FAILED)/;		# up to 15
		$status{$2} = $1 if /^((?:not )?ok) \d+\s+[-+] (\S+)/;		# from 16
	}
	is($status{$_}, 'ok', $_) for sort keys %status;
	if (grep { $_ ne 'ok' } values %status)
	{
		diag($err);
		diag(-e "$dir/regression.diffs" ? slurp_file("$dir/regression.diffs") : $out);
	}
}

1;
