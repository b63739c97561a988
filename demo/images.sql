-- The third act: images.  What piece of clothing is it?

\set ECHO none
CREATE TABLE clothes (label text, pixels bytea);
CREATE TABLE clothes_unseen (LIKE clothes);
\copy clothes FROM PROGRAM 'perl demo/fashion.pl train'
\copy clothes_unseen FROM PROGRAM 'perl demo/fashion.pl t10k'
VACUUM ANALYZE clothes, clothes_unseen;
-- one character for each 2 x 2 pixels: the darker, the fuller
CREATE FUNCTION picture(pixels bytea) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, E'\n' ORDER BY y) FROM (
		SELECT y, string_agg(substr(' .:-=+*#%@', 1 + (get_byte(pixels, y * 56 + x) + get_byte(pixels, y * 56 + x + 28)) / 52, 1), '' ORDER BY x) AS line
		FROM generate_series(0, 13) AS y, generate_series(0, 27) AS x GROUP BY y) AS lines
$$;
\echo
\echo '== 9. Images: 60,000 pieces of clothing of 28 x 28 pixels; here are two of them'
\echo
\set ECHO queries
\pset tuples_only on

SELECT label || E'\n' || picture(pixels) FROM (SELECT * FROM clothes LIMIT 2) AS two;

\pset tuples_only off
\timing on
SELECT version, rows, metrics -> 'accuracy' AS accuracy, duration
FROM aiaas_train('clothes', 'label', model => 'wardrobe', algorithm => 'network',
	options => '{"layers": [
		{"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
		{"type": "max_pooling2d"},
		{"type": "flatten"},
		{"type": "dense", "units": 64, "activation": "relu"},
		{"type": "dense", "activation": "softmax"}],
		"images": {"pixels": {"height": 28, "width": 28, "channels": 1}},
		"epochs": 2, "holdout": 0.1}');
\timing off

-- 10,000 images that it has not seen: each row is what they are, each column what they are taken for
SELECT metric, round(value::numeric, 3) AS value FROM aiaas_evaluate('wardrobe', 'clothes_unseen')
WHERE metric IN ('accuracy', 'f1', 'rows');

WITH cells AS (
	SELECT actual, predicted, count::float8 / sum(count) OVER (PARTITION BY actual) AS share
	FROM aiaas_confusion_matrix('wardrobe', 'clothes_unseen')),
names AS (SELECT DISTINCT label FROM clothes_unseen)
SELECT a.label AS is, string_agg(repeat(substr(' .:-=+*#%@', 1 + ceil(9 * coalesce(share, 0))::int, 1), 2), ' ' ORDER BY p.label)
	AS "ba bo co dr pu sa sh sn t- tr: taken for"
FROM names AS a CROSS JOIN names AS p LEFT JOIN cells ON (actual, predicted) = (a.label, p.label)
GROUP BY a.label ORDER BY a.label;

-- a shirt that is taken for something else
\pset tuples_only on
SELECT 'a shirt, taken for a ' || aiaas_classify('wardrobe', c) || E'\n' || picture(pixels)
FROM clothes_unseen AS c WHERE label = 'shirt' AND aiaas_classify('wardrobe', c) <> label LIMIT 1;
\pset tuples_only off
