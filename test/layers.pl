#!/usr/bin/perl
#
# layers.pl DIR: does the source tree in DIR keep to its rules?  (make layers)
#
# One line per fault; fails if there is one.  The rules are those of src/README.md: folders
# are floors, the engine knows neither PostgreSQL nor libc's memory nor stdio, exported
# symbols have prefixes, files and functions stay short.  Symbols are read from the objects
# that a build left.  test/t/000_layers.pl shows that each fault is found.
#
use strict;
use warnings;

use File::Find;

use constant { FILE_LINES => 800, FUNCTION_LINES => 100 };

# Floors of src/ml, bottom to top: each includes itself and those before it.
my @floors = qw(base kernel text feature op graph learn format model);
my %level = map { $floors[$_] => $_ } 0 .. $#floors;

# What the engine includes besides itself: C11, the CPU's intrinsics, ICU in src/ml/text, and
# two more libraries in one file each.
my %system = map { $_ => 1 } qw(assert.h errno.h fenv.h float.h inttypes.h limits.h math.h stdalign.h
  stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdnoreturn.h string.h cpuid.h immintrin.h arm_neon.h);
my %library = (
	'src/ml/feature/image_jpeg.c' => qr/^(?:jpeglib|jerror|setjmp|stdio)\.h$/,
	'src/ml/feature/image_png.c' => qr/^png\.h$/);

# stdlib.h and stdio.h are not among them; their names may not be declared by hand either.
my $forbidden = qr/\b(?:malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|alloca|
	strdup|strndup|asprintf|vasprintf|palloc\w*|pfree|
	FILE|stdin|stdout|stderr|f?printf|v?s?n?printf|vfprintf|puts|putchar|fputs|fwrite|fread|fopen|fclose|
	abort|exit|_exit|getenv)\b/x;

# The file that poisons these names for the compiler, and so must see their declarations.
my $poison = 'src/ml/base/mem.h';

my $root = $ARGV[0] // '.';
my $faults = 0;
chdir $root or die "$root: $!\n";

sub fault
{
	my ($where, $what) = @_;

	print "$where: $what\n";
	$faults++;
}

# The lines of a file, without comments and the contents of strings.
sub code_of
{
	my ($text) = @_;

	$text =~ s{(/\*.*?\*/)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
		{ defined $1 ? $1 =~ s/[^\n]//gr : substr($2, 0, 1) . substr($2, -1) }gse;
	$text =~ s{//.*}{}g;
	return split /\n/, $text, -1;
}

sub check_include
{
	my ($where, $file, $kind, $name) = @_;
	my ($floor) = $file =~ m{^src/ml/(\w+)/} or return;

	if ($kind eq '<')
	{
		return if $system{$name} || ($name =~ m{^unicode/\w+\.h$} && $floor eq 'text');
		return if $library{$file} && $name =~ $library{$file};
		return if $name eq 'stdlib.h' && $file eq $poison;
		return fault($where, "<$name> is not for the engine");
	}
	my ($target) = $name =~ m{^(\w+)/\w+\.h$};
	return fault($where, "\"$name\" is not the engine's own \"floor/file.h\"")
	  unless defined $target && exists $level{$target};
	fault($where, "\"$name\" lies above $floor/") if $level{$target} > $level{$floor};
}

sub check_source
{
	my ($file) = @_;

	open(my $fh, '<', $file) or die "$file: $!\n";
	my $text = do { local $/; <$fh> };
	my @raw = split /\n/, $text =~ s/\n\z//r, -1;
	my @code = code_of($text);
	my ($start, $name);

	fault($file, scalar(@raw) . ' lines, more than ' . FILE_LINES) if @raw > FILE_LINES;
	for my $i (0 .. $#raw)
	{
		my $where = "$file:" . ($i + 1);
		my $line = $code[$i];

		check_include($where, $file, $1, $2) if $raw[$i] =~ /^\s*#\s*include\s*([<"])([^>"]+)/;
		fault($where, 'PG_VERSION_NUM belongs into compat.h')
		  if $line =~ /\bPG_VERSION_NUM\b/ && $file ne 'src/pg/compat.h';
		fault($where, "$1 is not for the engine")
		  if $file =~ m{^src/ml/} && $file ne $poison
		  && $line =~ /(?<![\w.>*])($forbidden)/ && $line !~ /^\s*#\s*pragma/;

		# A function is what lies between braces in column 0, after a line with its arguments.
		$name = $1 if $line =~ /^(\w+)\(/;
		$start = $i if $line =~ /^\{/ && $i > 0 && $code[ $i - 1 ] =~ /\)\s*$/;
		next unless defined $start && $line =~ /^\}/;
		fault("$file:" . ($start + 1), "$name has " . ($i - $start + 1) . ' lines, more than ' . FUNCTION_LINES)
		  if $i - $start + 1 > FUNCTION_LINES;
		$start = undef;
	}
}

# Exported symbols of an object or of the module.
sub check_symbols
{
	my ($file, $option, $allowed) = @_;

	for (qx(nm $option --defined-only -- '$file'))
	{
		my ($type, $symbol) = /^\S* ?([A-Z]) (\w+)/ or next;
		fault($file, "symbol $symbol has not the prefix of its place") if $symbol !~ $allowed;
	}
}

my (@sources, @objects);
find({ no_chdir => 1, wanted => sub {
	push @sources, $_ if /\.[ch]$/;
	push @objects, $_ if /\.o$/;
} }, grep { -d } qw(src test bench));

check_source($_) for sort @sources;
my %subjects = map { m{^src/pg/([a-z0-9]+)\w*\.h$} ? ($1 => 1) : () } @sources;
for my $object (sort @objects)
{
	my ($side, $subject) = $object =~ m{^src/(ml|pg)/(?:\w+/)?([a-z0-9]+)\w*\.o$} or next;

	# aiaas.c defines the settings of all subjects
	$subject = join '|', sort keys %subjects if $subject eq 'aiaas';
	check_symbols($object, '-g',
		$side eq 'ml' ? qr/^ml_/ : qr/^(?:(?:$subject)_|aiaas_|pg_finfo_aiaas_|Pg_magic_func$|_PG_init$)/);
}
check_symbols($_, '-D -g', qr/^(?:aiaas_|pg_finfo_aiaas_|Pg_magic_func$|_PG_init$)/) for glob('*.so');

exit($faults > 0);
