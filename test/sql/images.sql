--
-- Images of networks: PNG, JPEG and raw pixels
--
SET client_min_messages = warning;
CREATE SCHEMA images;
SET search_path = images, public;
-- the value of an expression, or its error
CREATE FUNCTION try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || left(SQLERRM, 160);
END $$;
-- 6 x 4 pixels of red and 7 x 9 of blue as PNG, 8 x 8 of grey as JPEG
CREATE TABLE files (name text, photo bytea);
INSERT INTO files VALUES
	('red', '\x89504e470d0a1a0a0000000d49484452000000060000000408020000002266d9140000001449444154789c63fcc5c5c5800a981830007142005078011660f150610000000049454e44ae426082'),
	('blue', '\x89504e470d0a1a0a0000000d4948445200000007000000090802000000713aa1f40000001449444154789c63e412f9c0800198308506b52800d58e012029d11d160000000049454e44ae426082'),
	('grey', '\xffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b47404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cffc0000b080008000801011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00cdafffd9');
-- their pixels in 2 x 2
INSERT INTO files VALUES
	('raw red', decode(repeat('fa0a0a', 4), 'hex')),
	('raw blue', decode(repeat('0a14f0', 4), 'hex')),
	('raw grey', decode(repeat('535353', 4), 'hex'));
CREATE TABLE photos AS
	SELECT photo, right(name, 3) = 'red' AS warm FROM files, generate_series(1, 20) WHERE name ~ 'red|blue';
CREATE FUNCTION options(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT aiaas.sequential(aiaas.flatten(), aiaas.dense(NULL, 'softmax')) || more ||
		'{"images": {"photo": {"height": 2, "width": 2, "channels": 3}}, "epochs": 30, "holdout": 0,
		  "optimizer": {"type": "adam", "learning_rate": 0.05}}' $$;
SELECT model, version FROM aiaas_train('photos', 'warm', 'warm', algorithm => 'network', options => options());
SELECT name, CASE WHEN name <> 'grey' THEN aiaas_classify('warm', ROW(photo)) END AS warm,
	aiaas_score('warm', ROW(photo)) = (SELECT aiaas_score('warm', ROW(r.photo)) FROM files AS r WHERE r.name = 'raw ' || f.name) AS as_raw
	FROM files AS f WHERE name NOT LIKE 'raw %' ORDER BY name;
SELECT aiaas_classify('warm', f) FROM files AS f WHERE name = 'blue';

--
-- An image alone, an array of them, a version's: the same answers as of rows
--
SELECT version FROM aiaas_train('photos', 'warm', 'warm', algorithm => 'network', options => options('{"epochs": 31}'));
SELECT name, aiaas_classify('warm', photo) AS warm, aiaas_classify('warm', photo) = aiaas_classify('warm', ROW(photo)) AS row,
	aiaas_classify('warm', 1, photo) = aiaas_classify('warm', 1, ROW(photo)) AS pinned
	FROM files WHERE name IN ('red', 'blue') ORDER BY name;
SELECT aiaas_classify('warm', array_agg(photo ORDER BY name)), aiaas_classify('warm', 1, array_agg(photo ORDER BY name)) FROM files WHERE name IN ('red', 'blue');
SELECT bool_and(aiaas_score('warm', photo) = aiaas_score('warm', ROW(photo))) AS score,
	bool_and(aiaas_score('warm', photo, 'true') = aiaas_score('warm', ROW(photo), 'true')) AS labelled,
	bool_and(aiaas_score('warm', 1, photo, 'true') = aiaas_score('warm', 1, ROW(photo), 'true')) AS pinned,
	bool_or(aiaas_score('warm', 1, photo) <> aiaas_score('warm', 2, photo)) AS other,
	aiaas_score('warm', array_agg(photo), 'true') = array_agg(aiaas_score('warm', photo, 'true')) AS array,
	aiaas_score('warm', 1, array_agg(photo)) = array_agg(aiaas_score('warm', 1, ROW(photo))) AS pinned_array FROM files;
SELECT bool_and((SELECT array_agg(s) FROM aiaas_scores('warm', photo) AS s) = (SELECT array_agg(s) FROM aiaas_scores('warm', ROW(photo)) AS s)) AS scores,
	bool_and((SELECT array_agg(s) FROM aiaas_scores('warm', 1, photo) AS s) = (SELECT array_agg(s) FROM aiaas_scores('warm', 1, ROW(photo)) AS s)) AS pinned,
	bool_and((SELECT array_agg(e) FROM aiaas_explain('warm', photo, 'true') AS e) = (SELECT array_agg(e) FROM aiaas_explain('warm', ROW(photo), 'true') AS e)) AS explain,
	bool_and((SELECT array_agg(e) FROM aiaas_explain('warm', 1, photo) AS e) = (SELECT array_agg(e) FROM aiaas_explain('warm', 1, ROW(photo)) AS e)) AS pinned_explain
	FROM files;
SELECT feature, sign(contribution) FROM files, aiaas_explain('warm', photo, 'true') WHERE name = 'red' ORDER BY feature;
-- NULLs and shapes stay
SELECT aiaas_classify('warm', NULL::bytea), aiaas_classify('warm', NULL::bytea[]), aiaas_classify('warm', '{}'::bytea[]),
	aiaas_classify('warm', ARRAY[[NULL, photo], [photo, NULL]]), aiaas_score('warm', ARRAY[NULL::bytea]) FROM files WHERE name = 'red';
SELECT aiaas_classify(NULL, photo), aiaas_classify('warm', NULL, photo), aiaas_score('warm', NULL::bytea, 'true') FROM files WHERE name = 'red';
-- compressed, out of line, in a parallel worker
CREATE TABLE stored AS SELECT photo || decode(repeat('00', 3000), 'hex') AS photo, name FROM files WHERE name IN ('red', 'blue');
SELECT name, aiaas_classify('warm', photo), aiaas_classify('warm', ARRAY[photo]) FROM stored ORDER BY name;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT name, aiaas_classify('warm', photo) FROM stored;
SELECT count(*) FROM (SELECT aiaas_classify('warm', photo) = (name = 'red')::text AS hit FROM stored) AS s WHERE hit;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- a pinned form in an index
CREATE INDEX ON photos (aiaas_classify('warm', 1, photo));
-- the other models
CREATE TABLE mixed AS SELECT photo, warm, CASE WHEN warm THEN 'hot' ELSE 'cold' END AS caption, row_number() OVER ()::float8 AS y FROM photos;
SELECT version FROM aiaas_train('SELECT photo, caption, warm FROM mixed', 'warm', 'both', algorithm => 'network',
	options => '{"layers": [{"type": "embedding", "output_dim": 4, "inputs": ["caption"], "name": "words"}, {"type": "global_average_pooling"},
		{"type": "flatten", "inputs": ["photo"], "name": "pixels"}, {"type": "concatenate", "inputs": ["pixels", "global_average_pooling_1"]},
		{"type": "dense", "activation": "softmax"}],
		"columns": {"caption": "text"}, "images": {"photo": {"height": 2, "width": 2}}, "epochs": 30, "holdout": 0}');
SELECT version FROM aiaas_train('SELECT photo, y FROM mixed', 'y', 'numbers', algorithm => 'network',
	options => '{"layers": [{"type": "flatten"}, {"type": "dense", "units": 1}], "images": {"photo": {"height": 2, "width": 2}}, "epochs": 2, "holdout": 0}');
SELECT DISTINCT aiaas_classify('both', m) = warm::text FROM mixed AS m;
SELECT aiaas_predict('numbers', photo) = aiaas_predict('numbers', ROW(photo)) AS single, aiaas_predict('numbers', ARRAY[photo]) = ARRAY[aiaas_predict('numbers', photo)] AS array,
	aiaas_predict('numbers', 1, photo) = aiaas_predict('numbers', photo) AS pinned, aiaas_predict('numbers', 1, ARRAY[photo]) = ARRAY[aiaas_predict('numbers', photo)] AS pinned_array
	FROM files WHERE name = 'red';

--
-- A literal without a type is text, as before; rows are rows, bytea is an image
--
CREATE VIEW forms AS SELECT
	aiaas_classify('aiaas.sentiment', 'x') AS a, aiaas_classify('aiaas.sentiment', NULL) AS b, aiaas_classify('aiaas.sentiment', 1, '\x00') AS c,
	aiaas_classify('aiaas.sentiment', 1, NULL) AS d, aiaas_score('aiaas.sentiment', 'x') AS e, aiaas_score('aiaas.sentiment', 'x', NULL) AS f,
	aiaas_score('aiaas.sentiment', 1, 'x', 'positive') AS g, aiaas_predict('aiaas.sentiment', 'x') AS h, aiaas_predict('aiaas.sentiment', 1, NULL) AS i,
	aiaas_classify('aiaas.sentiment', ARRAY['x', NULL]) AS j, aiaas_classify('aiaas.sentiment', f) AS k, aiaas_classify('aiaas.sentiment', f.*) AS l,
	aiaas_classify('aiaas.sentiment', ROW('x')) AS m, aiaas_classify('aiaas.sentiment', ROW(f.photo)) AS n, aiaas_classify('aiaas.sentiment', 'x'::varchar) AS o,
	aiaas_classify('aiaas.sentiment', f.name::name) AS p, aiaas_classify('aiaas.sentiment', f.photo) AS q, aiaas_classify('aiaas.sentiment', ARRAY[f.photo]) AS r,
	aiaas_score('aiaas.sentiment', f.photo, 'x') AS s, aiaas_score('aiaas.sentiment', 1, f.photo) AS t, aiaas_score('aiaas.sentiment', ARRAY[f.photo], 'x') AS u,
	aiaas_classify('x') AS v, aiaas_score(ARRAY['x']) AS w FROM files AS f, files AS g;
-- of two tables: of one, releases differ in whether they write its name
SELECT regexp_replace(part, '^ *|,$', '', 'g') AS form FROM string_to_table(pg_get_viewdef('forms'), E'\n') AS part;
PREPARE classify AS SELECT aiaas_classify('aiaas.sentiment', $1);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'classify';
DEALLOCATE classify;

--
-- What is refused
--
SELECT name, try(format($$aiaas_classify('warm', ROW(%L::bytea))$$, damaged)) FROM files, LATERAL (VALUES
	(substr(photo, 1, 60)), ('\x89504e470d0a1a0a'::bytea), ('\xffd8ff'), (''), (NULL)) AS v (damaged)
	WHERE name = 'red';
-- 4097 x 4096 pixels are claimed
SELECT try(format($$aiaas_classify('warm', ROW(%L::bytea))$$, overlay(photo PLACING '\x0000100100001000' FROM 17))) FROM files WHERE name = 'red';
SELECT try($$aiaas_classify('warm', '{"photo": "x"}'::jsonb)$$);
SELECT try($$aiaas_classify('warm', '["x"]')$$), try($$aiaas_classify('warm', 'x')$$), try($$aiaas_classify('warm', ROW('x'::text))$$);
SELECT try($$aiaas_classify('warm', '{"photo": null}'::jsonb)$$);
-- what takes no image, or not one alone
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE 'SELECT ' || statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on
SELECT told($$aiaas_classify('aiaas.sentiment', '\x00'::bytea)$$);
SELECT told($$aiaas_classify('aiaas.sentiment', '{"\\x00"}'::bytea[])$$);
SELECT told($$aiaas_classify('both', '\x00'::bytea)$$);
SELECT told($$aiaas_classify('both', '{"\\x00"}'::bytea[])$$);
SELECT told($$aiaas_predict('numbers', '\x00')$$);
SELECT told($$aiaas_classify('numbers', '\x00'::bytea)$$);
SELECT told($$aiaas_predict('warm', '\x00'::bytea)$$);
SELECT told($$aiaas_classify('warm', '{a}'::text[])$$);
SELECT told($$aiaas_classify('warm', 'x')$$);
SELECT told($$aiaas_classify('warm', '\x00'::bytea)$$);
SELECT told(format($$aiaas_classify('warm', ARRAY[NULL, %1$L, NULL, %2$L, %1$L]::bytea[])$$, photo, substr(photo, 1, 60))) FROM files WHERE name = 'red';
SELECT told(format($$aiaas_score('warm', array_fill(%L::bytea, ARRAY[400]) || %L::bytea)$$, photo, substr(photo, 1, 60))) FROM files WHERE name = 'red';
SELECT told(format($$aiaas_predict('numbers', array_fill(%L::bytea, ARRAY[40]) || %L::bytea)$$, photo, substr(photo, 1, 60))) FROM files WHERE name = 'red';
SELECT told($$aiaas_score('warm', '\x00'::bytea, 'lukewarm')$$);
SELECT told($$* FROM aiaas_explain('warm', '\x00'::bytea)$$);
SELECT told($$* FROM aiaas_scores('both', '\x00'::bytea)$$);
SELECT told($$aiaas_classify('warm', 0, '\x00'::bytea)$$);
SELECT told($$aiaas_tokenize('warm', 'x')$$);
\pset format aligned
\pset tuples_only off

--
-- In a source: the row is named, or skipped and counted
--
CREATE TABLE damaged AS SELECT * FROM photos UNION ALL SELECT substr(photo, 1, 60), warm FROM photos WHERE length(photo) > 70;
SELECT try($$(aiaas_train('damaged', 'warm', 'whole', algorithm => 'network', options => options())).version$$);
SELECT version FROM aiaas_train('damaged', 'warm', 'whole', algorithm => 'network', options => options('{"on_error": "skip"}'));
SELECT jsonb_path_query(manifest, '$.**.bad_images') AS bad_images FROM whole WHERE chunk = 0 AND version = 1;
SELECT try($$(aiaas_train('SELECT photo, warm FROM photos ORDER BY length(photo) DESC, warm DESC', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);

--
-- Without a stated size that of the first image is taken, if all have it
--
CREATE VIEW same AS SELECT f.photo, f.name = 'red' AS warm FROM files AS f, generate_series(1, 10) WHERE f.name IN ('red', 'rouge');
INSERT INTO files SELECT 'rouge', photo FROM files WHERE name = 'red';
SET client_min_messages = notice;
SELECT version FROM aiaas_train('same', 'warm', 'unstated', algorithm => 'network', options => options() - 'images');
SET client_min_messages = warning;
SELECT version FROM aiaas_train('same', 'warm', 'stated', algorithm => 'network',
	options => options() || '{"images": {"photo": {"height": 4, "width": 6, "channels": 3}}}');
SELECT u.digest = s.digest AS same, aiaas_network_spec('unstated') -> 'images' AS images FROM aiaas_versions('unstated') AS u, aiaas_versions('stated') AS s;
\pset format unaligned
\pset tuples_only on
-- another size, raw pixels, grey before colours, damage at first
SELECT told($$(aiaas_train('SELECT photo, warm FROM photos ORDER BY length(photo) DESC, warm DESC', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
SELECT told($$(aiaas_train('SELECT decode(repeat(''00'', 12), ''hex'') AS photo, warm FROM photos', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
SELECT told($$(aiaas_train('SELECT f.photo, true AS warm FROM files AS f WHERE name IN (''grey'', ''red'') ORDER BY length(photo) DESC', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
SELECT told($$(aiaas_train('SELECT substr(photo, 1, 60) AS photo, warm FROM same', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
CREATE VIEW first_damaged AS SELECT substr(photo, 1, 60) AS photo, true AS warm FROM files WHERE name = 'blue' UNION ALL SELECT photo, warm FROM same;
SELECT told($$(aiaas_train('first_damaged', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
SELECT version FROM aiaas_train('first_damaged', 'warm', 'skipping', algorithm => 'network', options => options('{"on_error": "skip"}') - 'images');
SELECT aiaas_network_spec('skipping') -> 'images';
\pset format aligned
\pset tuples_only off
--
-- Judged, exported and imported, arrays of numbers as images
--
SELECT metric, value FROM aiaas_evaluate('warm', 'photos') WHERE metric = 'accuracy';
SELECT aiaas_evaluate('both', 'mixed') IS NOT NULL AS judged LIMIT 1;
SELECT (aiaas_import('again', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('warm', 2)))).version;
SELECT bool_and(aiaas_score('again', photo) = aiaas_score('warm', photo)) AS same FROM files;
CREATE TABLE grids AS SELECT ARRAY[i % 2, 1, 0, 1 - i % 2]::float8[] AS grid, i % 2 = 0 AS even FROM generate_series(1, 40) AS i;
SELECT version FROM aiaas_train('grids', 'even', 'squares', algorithm => 'network', options => aiaas.sequential(aiaas.reshape(2, 2, 1),
	aiaas.conv2d(2, 2), aiaas.flatten(), aiaas.dense(NULL, 'softmax')) || '{"epochs": 30, "holdout": 0, "optimizer": {"type": "adam", "learning_rate": 0.05}}');
SELECT DISTINCT aiaas_classify('squares', ROW(grid)) = even::text AS right_ones FROM grids;
DROP SCHEMA images CASCADE;
