#!/usr/bin/perl
#
# format.pl [FILE...]: lay out C source as PostgreSQL does (make format).
#
# pg_bsd_indent trips over C99, so clang-format does spaces, braces and indentation (see
# .clang-format; line breaks stay where they are), and this script what it can't: names in
# declarations start 12 columns after the indentation, comments after code in column 33.
# Names of types come from the sources and from typedefs.list, which has those of the
# system's and the server's headers.
#
use strict;
use warnings;

use File::Find;

use constant { TAB => 4, NAME => 12, COMMENT => 32 };

sub slurp
{
	my ($file) = @_;

	open(my $fh, '<', $file) or die "$file: $!\n";
	local $/;
	return scalar <$fh>;
}

# White space from one column to another, as pg_bsd_indent writes it.
sub pad
{
	my ($column, $target) = @_;
	my $space = '';

	while ((my $stop = TAB * (1 + int($column / TAB))) <= $target)
	{
		$space .= $stop == $column + 1 && $target < $stop + TAB ? ' ' : "\t";
		$column = $stop;
	}
	return $space . ' ' x ($target - $column);
}

# Column after a text that starts in column 0.
sub width
{
	my ($column) = 0;

	$column = $_ eq "\t" ? TAB * (1 + int($column / TAB)) : $column + 1 for split //, $_[0];
	return $column;
}

my @sources;
find({ no_chdir => 1, wanted => sub { push @sources, $_ if /\.[ch]$/ } }, qw(src test));
@sources = sort @sources;

my %types = map { $_ => 1 } qw(void char short int long float double bool), split /\n/, slurp('typedefs.list');
for (map { slurp($_) } @sources)
{
	$types{$1} = 1 while /^\} (\w+);/gm;
	$types{$1} = 1 while /^(?:__extension__ )?typedef\b[^;{}()]*?\b(\w+);/gm;
	$types{$1} = 1 while /^typedef\b[^;{}]*?\(\*(\w+)\)/gm;
}
my $type = join '|', map { quotemeta } sort { length $b <=> length $a } keys %types;
my $declared = qr/(?:(?:static|const|extern|volatile|unsigned|signed)\ )*
	(?:(?:struct|union|enum)\ \w+|unsigned|(?:long\ )?(?:$type)|__m\w+)(?:\ const)?/x;

# How many more parentheses a line opens than it closes.
sub opens
{
	my $code = $_[0] =~ s{"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|/\*.*}{}gr;

	return $code =~ tr/(// - $code =~ tr/)//;
}

sub format_line
{
	my ($line) = @_;

	return $line if $line =~ m{^\s*/?\*};
	$line =~ s/, \.\.\.\)/,...)/ if $line !~ /"/;
	$line =~ s/\(\*(\w+)\)\(/(*$1) (/;
	$line =~ s/\)\{/) {/;
	$line =~ s/, ,/,,/ if $line !~ /"/;
	$line =~ s/^\t(__attribute__)/\t\t\t$1/;
	$line =~ s/^(\t+)\} (\w+(?:\[.*\])?;)/$1 . '}' . pad(1, NAME) . $2/e;

	# Not the arguments of a function that go on in a further line.
	my ($indent, $words, $stars, $rest) = $line =~ /^(\t*)($declared) (\**)(\w.*|\(\*.*)$/;
	if (defined $rest
		&& ($rest =~ /^\w+(\[.*\])* =/ || opens($rest) == 0 && $rest =~ /;/ || $rest =~ /^\(/ && $indent eq "\t" || $indent eq ''))
	{
		my $target = NAME - length($stars);

		$line = $indent . $words . (length($words) < $target ? pad(length($words), $target) : ' ') . $stars . $rest;
	}
	my ($code, $comment) = $line =~ m{^(.*[^\s/*\\])\s+(/\*.*)$};
	if (defined $comment && $comment !~ m{\*/.*\S})
	{
		my $column = width($code);
		my $bare = $code =~ s/"(?:\\.|[^"\\])*"//gr;

		$line = $code . pad($column, $column < COMMENT ? COMMENT : TAB * (1 + int($column / TAB))) . $comment
		  if $bare !~ /"/ && ($code !~ /[(,]$/ || $comment =~ m{\*/$});
	}
	return $line;
}

# What goes on in further lines moves with its opening parenthesis.
sub format_lines
{
	my ($open, $moved, $column) = (0, 0, 0);
	my @result;

	for my $line (@_)
	{
		my $new = format_line($line);

		$open = 0 if $line =~ /^\S/;
		if ($open > 0 && $moved != 0 && $line =~ /^(\s+)(.*)/ && width($1) > $column)
		{
			$new = pad(0, width($1) + $moved) . $2;
		}
		elsif ($open == 0)
		{
			$column = width($line =~ s/\(.*//r);
			$moved = width($new =~ s/\(.*//r) - width($line =~ s/\(.*//r);
			$moved = width($1) - width($line =~ s/(\(.*?)\(.*/$1/r) if $line =~ /\(\*\w+\)\(/ && $new =~ /^(.*?\(\*\w+\) )\(/;
		}
		$open += opens($line);
		push @result, $new;
	}
	return @result;
}

# Lines of $new where only white space within them differs from $old (whose lines have the
# empty ones before them).  Where line breaks
# differ, the author's stay, unless it is a brace that should stand on a line of its own.
sub merge
{
	my ($old, $new) = @_;
	my @result;

	while (@$old)
	{
		# The next lines of both that end at the same character of the source.
		my @before = shift @$old;
		my @after = shift @$new;
		my $ahead = bare(@before) - bare(@after);

		while ($ahead != 0)
		{
			push @{ $ahead < 0 ? \@before : \@after }, shift @{ $ahead < 0 ? $old : $new };
			$ahead = bare(@before) - bare(@after);
		}
		if (@before == 1 && @after == 1 || grep { /(?:\)|else|do)[ ]*\{$|^\s*\}[ ]*else/ } @before)
		{
			my ($blank) = $before[0] =~ /^((?:[ \t]*\n)*)/;

			$after[0] = "\n" x ($blank =~ tr/\n//) . $after[0];
			@before = @after;
		}
		push @result, @before;
	}
	return @result;
}

# Number of characters without white space.
sub bare
{
	return length(join('', @_) =~ s/\s//gr);
}

sub format_text
{
	my ($file, $text) = @_;
	my $directive = qr/^[ \t]*#(?:.*\\\n)*.*\n/m;
	my $string = qr/"(?:\\.|[^"\\\n])*"/;
	my @directives = $text =~ /$directive/g;

	my $result = qx(clang-format-14 '$file');
	die "$file: clang-format failed\n" if $? != 0;
	$result = join '', map { "$_\n" } format_lines(grep { /\S/ } split /\n/, $result);
	$result =~ s/$directive/shift @directives/ge;
	die "$file: not only white space would change\n"
	  if bare($text) != bare($result) || join('', $text =~ /$string/g) ne join('', $result =~ /$string/g);

	my @old = $text =~ /\G((?:[ \t]*\n)*.*\S.*)\n/g;
	my @new = split /\n/, $result;
	return join '', map { "$_\n" } merge(\@old, \@new);
}

for my $file (@ARGV ? @ARGV : @sources)
{
	my $before = slurp($file);
	my $after = format_text($file, $before);

	next if $before eq $after;
	print "$file\n";
	open(my $fh, '>', $file) or die "$file: $!\n";
	print $fh $after;
	close $fh or die "$file: $!\n";
}
