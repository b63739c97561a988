#
# Databases in other encodings than UTF8: texts are converted, a word that folding takes out of
# the encoding is shown with '?', and bytes of SQL_ASCII that are no UTF-8 are an error.
#
use strict;
use warnings;
use utf8;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = aiaas_node('encodings');
$ENV{PGCLIENTENCODING} = 'UTF8';

sub database
{
	my ($encoding, $first, $second) = @_;
	my $name = lc("db_$encoding");

	utf8::encode($_) for $first, $second;
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($name, qq{SET client_min_messages = warning;
		CREATE EXTENSION aiaas;
		CREATE TABLE d AS SELECT (ARRAY['$first', '$second'])[i % 2 + 1] AS label,
			(ARRAY['$first', '$second'])[i % 2 + 1] || ' ' || i AS body FROM generate_series(1, 100) i;
		SELECT aiaas_train('d')});
	return $name;
}

sub answer
{
	my ($name, $sql) = @_;

	utf8::encode($sql);
	my $out = $node->safe_psql($name, $sql);
	utf8::decode($out);
	return $out;
}

my $latin = database('LATIN1', 'thé ½ µm', 'straße');
is(answer($latin, q{SELECT aiaas_classify('d_model', 'un thé'), aiaas_classify('d_model', 'STRASSE')}), 'thé ½ µm|straße', 'LATIN1: classify');
is(answer($latin, q{SELECT aiaas_tokenize('d_model', 'Thé ½ µm')}), '{thé,?m}', 'tokenize: a letter that LATIN1 lacks');
is(answer($latin, q{SELECT count(*) FROM aiaas_explain('d_model', 'Thé µm') WHERE feature = '?m'}), 1, 'explain: the same');
is(answer($latin, q{SELECT round(value) FROM aiaas_evaluate('d_model', 'd') WHERE metric = 'accuracy'}), 1, 'evaluate');
is(answer($latin, q{SELECT DISTINCT actual FROM aiaas_confusion_matrix('d_model') ORDER BY 1}), "straße\nthé ½ µm", 'stored labels');
my ($ret, $out, $err) = $node->psql($latin, "SELECT aiaas_score('d_model', 'x', 'stra\xc3\x9f')");
like($err, qr/Perhaps you meant "stra\xc3\x9fe"/, 'an error quotes a label');

my $japanese = database('EUC_JP', '明日の天気', '安い薬');
is(answer($japanese, q{SELECT aiaas_classify('d_model', '天気'), aiaas_tokenize('d_model', 'ｶﾞﾊﾞ 薬')}), '明日の天気|{ガ,バ,薬}', 'EUC_JP');

# a model goes from one encoding to another as bytes, if its labels can
my $file = $node->safe_psql($latin, q{SELECT encode(string_agg(data, '' ORDER BY chunk), 'hex') FROM aiaas_export('d_model')});
is(answer($node->safe_psql('postgres', 'CREATE EXTENSION aiaas') || 'postgres', qq{SELECT live FROM aiaas_import('m', '\\x$file');
	SELECT aiaas_classify('m', 'STRASSE')}), "t\nstraße", 'LATIN1 to UTF8');
$file = $node->safe_psql($japanese, q{SELECT encode(string_agg(data, '' ORDER BY chunk), 'hex') FROM aiaas_export('d_model')});
($ret, $out, $err) = $node->psql($latin, qq{SELECT aiaas_import('m', '\\x$file')});
like($err, qr/has no equivalent in encoding "LATIN1"/, 'labels that the encoding lacks');

$ENV{PGCLIENTENCODING} = 'SQL_ASCII';
my $ascii = database('SQL_ASCII', 'thé', 'straße');
is(answer($ascii, q{SELECT aiaas_classify('d_model', 'THÉ')}), 'thé', 'SQL_ASCII: UTF-8');
for my $call (q{aiaas_classify('d_model', E'th\\xe9')}, q{aiaas_tokenize('d_model', E'\\xc3')}, q{aiaas_explain('d_model', E'a \\xe2\\x82')},
	q{aiaas_score('d_model', 'a', E'\\xff')}, q{aiaas_train('SELECT label, body || E''\\xff'' AS body FROM d', model => 'n')},
	q{aiaas_train('SELECT label || E''\\xff'' AS label, body FROM d', model => 'n')})
{
	($ret, $out, $err) = $node->psql($ascii, "\\set VERBOSITY verbose\nSELECT $call");
	like($err, qr/ERROR:  22021: .*not valid UTF-8/, "not UTF-8: $call");
}

# Tables: names of columns, levels, words and labels, in records and in JSON.
sub failure
{
	my ($name, $sql) = @_;

	utf8::encode($sql);
	my ($ret, $out, $err) = $node->psql($name, "\\set VERBOSITY verbose\n$sql");
	utf8::decode($err);
	return $err;
}

sub on_table
{
	my ($name, $column, $first, $second) = @_;

	answer($name, qq{SET client_min_messages = warning;
		CREATE TABLE t AS SELECT (ARRAY['$first', '$second'])[i % 2 + 1] AS label, (ARRAY['$first', '$second', 'x'])[i % 3 + 1] AS "$column",
			(ARRAY['$first', '$second'])[i % 2 + 1] || ' ' || i % 7 AS body, i % 11 AS n FROM generate_series(1, 300) i;
		SELECT aiaas_train('t', 'label', options => '{"columns": {"$column": "category", "body": "text"}}')});
	for my $row ('r', qq{ROW('$first', '$second', 3)}, qq{jsonb_build_object('n', 3, '$column', '$first', 'body', '$second')},
		qq{'{"body": "$second", "$column": null, "n": 3}'}, qq{'{"body": "$second", "$column": "never seen", "n": 3}'::json})
	{
		is(answer($name, qq{SELECT aiaas_classify('t_model', $row) FROM t r WHERE label = '$second' LIMIT 1}), $second, "$name: $row");
	}
	is(answer($name, qq{SELECT term FROM aiaas_coefficients('t_model') WHERE term LIKE '% = $first'}), "$column = $first", "$name: terms");
	is(answer($name, qq{SELECT count(*) > 0 FROM aiaas_explain('t_model', ROW('$first', '$second', 3)) WHERE feature LIKE 'body: %'}), 't', "$name: words");
	is(answer($name, q{SELECT round(value) FROM aiaas_evaluate('t_model', 't') WHERE metric = 'accuracy'}), 1, "$name: judged");
	like(failure($name, q{SELECT aiaas_classify('t_model', '{"n": 3}'::jsonb)}), qr/needs a key "$column"/, "$name: a key that is not there");
}

on_table($ascii, 'größe', 'thé', 'straße');
for my $row (q{ROW(E'\\xe9', 'a', 3)}, q{ROW('a', E'\\xe9', 3)}, q{jsonb_build_object('größe', E'\\xe9', 'body', 'a', 'n', 3)},
	q{json_build_object('größe', 'a', 'body', E'\\xe9', 'n', 3)})
{
	like(failure($ascii, "SELECT aiaas_classify('t_model', $row)"), qr/ERROR:  22021: .*not valid UTF-8/, "not UTF-8: $row");
}
for my $bad ('label', 'größe', 'body')
{
	my $columns = join(', ', map { qq{"$_"} . ($_ eq $bad ? q{ || E''\\xff''} : '') . qq{ AS "$_"} } 'label', 'größe', 'body');

	like(failure($ascii, qq{SELECT aiaas_train('SELECT $columns, n FROM t', 'label', model => 'n', options => '{"columns": {"größe": "category"}}')}),
		qr/ERROR:  22021: .*not valid UTF-8.*row 1 of the source, column "$bad"/s, "training on bytes that are not UTF-8: $bad");
}
like(failure($ascii, q{DO $$BEGIN EXECUTE E'CREATE TABLE bad AS SELECT label, n AS "x\\xff", body FROM t'; END$$; SELECT aiaas_train('bad', 'label')}),
	qr/ERROR:  22021: .*not valid UTF-8/, 'a name that is not UTF-8');
$ENV{PGCLIENTENCODING} = 'UTF8';
on_table($latin, 'größe', 'thé', 'straße');
on_table($japanese, '重さ', '天気', '薬品');

$node->stop;
done_testing();
