#!/usr/bin/perl
#
# install.pl SCRIPT MODEL: print the extension's script with the default model in it.
#
# After the line "-- == the default model ==" follow the statements that create aiaas.sentiment
# from MODEL, a safetensors file, and MODEL's manifest (the same name with .json: how it was
# trained), where there is one.  Without a model the section stays empty.
#
use strict;
use warnings;

use MIME::Base64 qw(encode_base64);

my ($script, $model) = @ARGV;

sub slurp
{
	my ($file) = @_;

	open(my $fh, '<:raw', $file) or die "$file: $!\n";
	local $/;
	return scalar <$fh>;
}

sub statements
{
	my $manifest = $model =~ s/\.safetensors$/.json/r;
	my $json = -e $manifest ? slurp($manifest) =~ s/'/''/gr : '{}';
	my $data = encode_base64(slurp($model));

	return <<"END";

SELECT aiaas.install_version('aiaas.sentiment', pg_catalog.decode('
$data', 'base64'), '$json');
COMMENT ON TABLE aiaas.sentiment
	IS 'default model: is a text in English or Chinese positive, neutral or negative?';
GRANT SELECT (version, chunk, manifest) ON aiaas.sentiment TO PUBLIC;
END
}

my $text = slurp($script);
my $mark = "-- == the default model ==\n";

$text =~ /^\Q$mark\E/m or die "$script has no line '$mark'\n";
$text =~ s/^(\Q$mark\E)/$1 . statements()/me if -e $model;
print $text;
