#
# make layers finds each fault: a tree that keeps the rules, then with one fault at a time.
#
use strict;
use warnings;

use Cwd;
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $checker = getcwd() . '/test/layers.pl';

# A small tree in which nothing is wrong.
my %tree = (
	'src/ml/ml.h' => qq(#include "base/base.h"\n#include "model/model.h"\n),
	'src/ml/base/base.h' => qq(#include <stdint.h>\n/* malloc and printf, in a comment */\n),
	'src/ml/base/base.c' => qq(#include "base/base.h"\nint\nml_base(void)\n{\n\treturn 1;\n}\n),
	'src/ml/text/words.c' => qq(#include "base/base.h"\n#include <unicode/ubrk.h>\n),
	'src/ml/model/model.h' => qq(#include "base/base.h"\n#include "text/words.h"\n),
	'src/ml/text/words.h' => qq(#include "base/base.h"\nstatic const char *const name = "free(malloc)";\n),
	'src/pg/compat.h' => qq(#if PG_VERSION_NUM >= 160000\n#endif\n),
	'src/pg/bridge.c' => qq(#include "ml.h"\nint\nbridge_check(void)\n{\n\treturn 0;\n}\n),
	'src/ml/base/base.o' => "int ml_base(void) { return 1; } static int helper = 1;",
	'src/pg/bridge.o' => "int bridge_check(void) { return 1; } int aiaas_train(void) { return 2; }",
);

sub function_of
{
	my ($name, $lines) = @_;
	return "int\n$name(int a)\n{\n" . "\ta++;\n" x ($lines - 3) . "\treturn a;\n}\n";
}

# What the checker says of the tree with some files replaced; objects are given as C.
sub check
{
	my (%change) = @_;
	my %files = (%tree, %change);
	my $dir = tempdir(CLEANUP => 1);

	for my $file (keys %files)
	{
		make_path(dirname("$dir/$file"));
		my $target = $file =~ /\.o$/ ? "| cc -x c -c -o '$dir/$file' -" : "> $dir/$file";
		open(my $fh, $target) or die "$file: $!";
		print $fh $files{$file};
		close $fh or die "$file: $!";
	}
	my $said = qx(perl '$checker' '$dir');
	return ($? >> 8, $said);
}

sub finds
{
	my ($fault, $expected, %change) = @_;
	my ($status, $said) = check(%change);

	is($status, 1, "$fault: fails");
	like($said, qr/\A[^\n]*$expected[^\n]*\n\z/, "$fault: is told, and nothing else");
}

my ($status, $said) = check();
is($status, 0, 'a tree that keeps the rules passes');
is($said, '', 'and nothing is said');

finds('an include that goes up', qr{base/base\.h:1: "text/words\.h" lies above base/},
	'src/ml/base/base.h' => qq(#include "text/words.h"\n));
finds('an include that goes around', qr{not the engine's own},
	'src/ml/base/base.h' => qq(#include "../text/words.h"\n));
finds('a server header', qr{words\.h:1: "postgres\.h" is not},
	'src/ml/text/words.h' => qq(#include "postgres.h"\n));
finds('a server header in angle brackets', qr{<utils/elog\.h> is not for},
	'src/ml/text/words.h' => qq(#include <utils/elog.h>\n));
finds('ICU outside text', qr{<unicode/ubrk\.h> is not for},
	'src/ml/model/model.h' => qq(#include <unicode/ubrk.h>\n));
finds('libpng outside its file', qr{<png\.h> is not for},
	'src/ml/text/words.c' => qq(#include <png.h>\n));
finds('libjpeg outside its file', qr{<jpeglib\.h> is not for},
	'src/ml/text/words.c' => qq(#include <jpeglib.h>\n));
finds('libc allocation', qr{words\.c:3: malloc is not for},
	'src/ml/text/words.c' => qq(\n\nvoid *p = malloc(1);\n));
finds('stdio', qr{words\.c:1: fprintf is not for},
	'src/ml/text/words.c' => qq(void f(void) { fprintf(0, "x"); }\n));
finds('a header of stdio', qr{<stdio\.h> is not for},
	'src/ml/base/base.c' => qq(#include <stdio.h>\n));
finds('an exported symbol of the engine', qr{base\.o: symbol helper},
	'src/ml/base/base.o' => "int helper(void) { return 1; }");
finds('an exported variable', qr{bridge\.o: symbol counter},
	'src/pg/bridge.o' => "int counter = 1;");
finds("another file's prefix", qr{bridge\.o: symbol catalog_open},
	'src/pg/bridge.o' => "int catalog_open(void) { return 1; }");
finds('a file of 801 lines', qr{words\.c: 801 lines},
	'src/ml/text/words.c' => "\n" x 801);
finds('a function of 101 lines', qr{words\.c:3: ml_long has 101 lines},
	'src/ml/text/words.c' => function_of('ml_long', 101));
finds('the version outside compat.h', qr{bridge\.c:1: PG_VERSION_NUM},
	'src/pg/bridge.c' => "#if PG_VERSION_NUM > 1\n#endif\n");

($status) = check('src/ml/text/words.c' => "\n" x 800,
	'src/ml/base/base.c' => function_of('ml_long', 100));
is($status, 0, 'the longest file and function that are allowed');

done_testing();
