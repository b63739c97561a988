#!/usr/bin/perl
#
# fashion.pl PART: Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, MIT) as COPY's text: label, pixels.
#
# PART is train (60,000 images) or t10k (10,000), of Debian's package dataset-fashion-mnist.
# The format is IDX: a header of 16 bytes (labels: 8), then a byte for each pixel.
#
use strict;
use warnings;

my @names = qw(t-shirt trouser pullover dress coat sandal shirt sneaker bag boot);
my ($part) = @ARGV;

sub slurp
{
	my ($name) = @_;

	open my $file, '-|', 'gzip', '-dc', "/usr/share/datasets/fashion-mnist/$part-$name-ubyte.gz" or die "$name: $!\n";
	binmode $file;
	local $/;
	return <$file>;
}

my $labels = slurp('labels-idx1');
my $images = slurp('images-idx3');
my ($n, $height, $width) = unpack 'x4 N3', $images;
for my $i (0 .. $n - 1)
{
	print $names[ord substr($labels, 8 + $i, 1)], "\t\\\\x",
		unpack('H*', substr($images, 16 + $i * $height * $width, $height * $width)), "\n";
}
