#
# A backend that creates the extension, trains, classifies, explains and evaluates, under
# valgrind: nothing that it reports comes from this extension.
#
# The server itself is not built for valgrind, so that some of its own reads are reported
# too; what counts is a stack with a frame of aiaas.so in it.  --single is one process.
#
use strict;
use warnings;

use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'valgrind is not installed' if system('valgrind --version >/dev/null 2>&1') != 0;

my $node = PostgreSQL::Test::Cluster->new('valgrind');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);

# One statement a line, as --single reads them.
my @statements = (
	q{CREATE EXTENSION aiaas},
	q{CREATE TABLE mails AS SELECT CASE i % 3 WHEN 0 THEN 'spam' WHEN 1 THEN 'ham' ELSE 'other' END AS label, CASE i % 3 WHEN 0 THEN 'cheap pills, buy now ' WHEN 1 THEN 'minutes of the meeting ' ELSE '明天的天气很好 déjà vu ' END || i AS body FROM generate_series(1, 300) i},
	q{SELECT version FROM aiaas_train('mails', 'label', model => 'm', options => '{"char_ngrams": [2, 4]}')},
	q{SELECT version FROM aiaas_train('mails', 'label', model => 'm', algorithm => 'logistic_regression')},
	q{SELECT aiaas_classify('m', body), count(*) FROM mails GROUP BY 1},
	q{SELECT sum(aiaas_score('m', 1, body)) FROM mails},
	q{SELECT count(*) FROM mails, aiaas_explain('m', body)},
	q{SELECT aiaas_tokenize('m', 'Buy NOW: it''s 50% off 😀 天气')},
	q{SELECT * FROM aiaas_evaluate('m', 'mails')},
	q{SELECT aiaas_rollback('m')},
	q{SELECT count(*) FROM aiaas_export('m')},
	q{SELECT aiaas_classify('m', repeat('cheap ', 100000))},
	q{CREATE TABLE trips AS SELECT i % 17 AS a, CASE WHEN i % 9 > 0 THEN i * 7 % 23 END::float8 AS b, i % 5 * 1.5 AS c, i % 2 = 0 AS d, date '2024-01-01' + i AS day, timestamptz '2024-01-01' + i * interval '1 hour' AS at, i % 7 * interval '1 hour' AS span, 'c' || i % 4 AS carrier, 'trip ' || i AS note, ARRAY[i % 3, NULL, i % 11]::float8[] AS pair, ARRAY[i % 3, i % 13]::numeric[] AS exact, i % 17 + i * 7 % 23 + i % 4 AS y FROM generate_series(1, 200) i},
	q{SELECT version FROM aiaas_train('trips', 'y', model => 't', features => '{a,b,c,d,day,at,span,carrier,note,exact}', options => '{"alpha": 0.1, "columns": {"carrier": "category"}}')},
	q{SELECT version FROM aiaas_retrain('t')},
	q{SELECT version FROM aiaas_train('trips', 'd', model => 'd', features => '{a,b,day,carrier,exact}', options => '{"holdout": {"column": "at", "fraction": 0.3}}')},
	q{SELECT version FROM aiaas_train('trips', 'y', model => 's', features => '{a,c,d}', algorithm => 'linear_regression', options => '{"holdout": 0}')},
	q{SELECT count(*) FROM aiaas_cross_validate('trips', 'd', folds => 3, features => '{a,b,note}', options => '{"groups": "carrier"}')},
	q{SELECT sum(aiaas_predict('t', x)) - sum(aiaas_predict('t', 1, to_jsonb(x) - 'span' || jsonb_build_object('span', extract(epoch FROM span)))) FROM trips x},
	q{SELECT sum(aiaas_predict('t', x)) FROM (SELECT * FROM trips OFFSET 0) x},
	q{SELECT sum(aiaas_predict('s', 1, ARRAY[a, c, NULL])) IS NULL, aiaas_predict('s', '{"a": "1", "c": 2.5, "d": true}'), aiaas_predict('s', ROW('1', 2, NULL)) FROM trips GROUP BY 2, 3},
	q{SELECT count(*), sum(aiaas_score('d', x)), min(aiaas_classify('d', 1, x)) FROM trips x},
	q{SELECT count(*) FROM trips x, aiaas_explain('t', x), aiaas_scores('d', 1, x)},
	q{CALL aiaas_fit('mails', 'label', 'm')},
	q{CALL aiaas_fit('trips', 'y', 'n', '{a,b,carrier,note}', 'network', '{"network": "mlp", "epochs": 3, "checkpoint": 1}')},
	q{CALL aiaas_fit('trips', 'y', 'n', options => '{"continue_from": 3, "epochs": 2, "checkpoint": 1}')},
	q{SELECT sum(aiaas_predict('n', x)) FROM trips x},
	q{SELECT count(*) FROM aiaas_coefficients('s') AS s, aiaas_coefficients('d') AS d},
);
my $log = tempdir(CLEANUP => 1) . '/log';
my ($out, $err);

IPC::Run::run(
	[
		'valgrind', '--quiet', "--log-file=$log", '--error-limit=no', '--num-callers=40',
		$node->config_data('--bindir') . '/postgres', '--single', '-F', '-D', $node->data_dir,
		'-c', 'exit_on_error=true', 'postgres'
	],
	'<', \join('', map { "$_\n" } @statements), '>', \$out, '2>', \$err);
is($? >> 8, 0, 'all statements succeed') or diag($err);
like($out, qr/version = "2".*aiaas_classify = "spam"/s, 'and answer');

my @reports = grep { /aiaas\.so/ } split /\n==\d+== \n/, slurp_file($log);
is(scalar(@reports), 0, 'no report has a frame of this extension') or diag(join("\n\n", @reports[0 .. ($#reports < 4 ? $#reports : 4)]));
done_testing();
