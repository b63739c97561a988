#!/usr/bin/perl
#
# install.pl SCRIPT MODEL: print the install script with the model in it.
#
# Where the script says "-- == the default model ==", the statements follow that create
# aiaas.sentiment and insert its rows: the head, the manifest, the stored bytes in pieces
# as base64.  Without the model file the section stays empty.
#
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(encode_base64);

my ($script, $model) = @ARGV;

open(my $fh, '<', $script) or die "$script: $!\n";
while (<$fh>)
{
	print;
	print_model() if /^-- == the default model ==/ && -e $model;
}
