--
-- Every function that takes a model, called with every kind of model: cells are "ok" or an SQLSTATE.
-- The arguments follow from the functions' types and names, so one that is new is a line more.
--
SET client_min_messages = error;
CREATE TABLE texts AS SELECT CASE i % 2 WHEN 0 THEN 'cheese' ELSE 'wine' END AS label,
	CASE i % 2 WHEN 0 THEN 'a ripe round of milk ' ELSE 'a dry bottle of red ' END || i % 7 AS body FROM generate_series(1, 200) i;
CREATE TABLE numbers AS SELECT i % 11 + (i % 2) * 4.5 AS x, i % 7 AS y, 2.5 * (i % 7) + i % 3 AS z, CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS label
	FROM generate_series(1, 200) i;
CREATE TABLE images AS SELECT decode(repeat(CASE i % 2 WHEN 0 THEN '20' ELSE 'd0' END || lpad(to_hex(i % 200), 2, '0'), 32), 'hex') AS photo,
	CASE i % 2 WHEN 0 THEN 'dark' ELSE 'light' END AS label, 'a note of ' || i % 5 AS note FROM generate_series(1, 80) i;
CREATE TABLE waves AS SELECT CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS label,
	ARRAY(SELECT sin(t * (1 + i % 2)) FROM generate_series(1, 4 + i % 5) t) AS pulse FROM generate_series(1, 80) i;

-- kind, table, its features, target, a row as text, labels
CREATE TABLE kinds (place int, kind text, source text, features text[], target text, label text);
INSERT INTO kinds VALUES
	(1, 'text', 'texts', '{body}', 'label', 'wine'),
	(2, 'table', 'numbers', '{x,y}', 'label', 'odd'),
	(3, 'linear', 'numbers', '{x,y}', 'z', NULL),
	(4, 'kernel', 'numbers', '{x,y}', 'label', 'odd'),
	(5, 'net_text', 'texts', '{body}', 'label', 'wine'),
	(6, 'net_table', 'numbers', '{x,y}', 'label', 'odd'),
	(7, 'net_number', 'numbers', '{x,y}', 'z', NULL),
	(8, 'net_image', 'images', '{photo}', 'label', 'light'),
	(9, 'net_mixed', 'images', '{photo,note}', 'label', 'light'),
	(10, 'imported', 'texts', '{body}', 'label', 'wine'),
	(11, 'net_series', 'waves', '{pulse}', 'label', 'odd'),
	(12, 'empty', 'numbers', '{x,y}', 'label', 'odd');
SELECT count(*) FROM aiaas_train('texts', 'label', 'text', '{body}');
SELECT count(*) FROM aiaas_train('numbers', 'label', 'table', '{x,y}', 'logistic_regression');
SELECT count(*) FROM aiaas_train('numbers', 'z', 'linear', '{x,y}', 'linear_regression');
SELECT count(*) FROM aiaas_train('numbers', 'label', 'kernel', '{x,y}', 'svm', '{"kernel": "rbf"}');
SELECT count(*) FROM aiaas_train('texts', 'label', 'net_text', '{body}', 'network', '{"epochs": 2}');
SELECT count(*) FROM aiaas_train('numbers', 'label', 'net_table', '{x,y}', 'network', '{"epochs": 2}');
SELECT count(*) FROM aiaas_train('numbers', 'z', 'net_number', '{x,y}', 'network', '{"epochs": 2, "task": "regression"}');
SELECT count(*) FROM aiaas_train('images', 'label', 'net_image', '{photo}', 'network',
	'{"epochs": 2, "images": {"photo": {"height": 8, "width": 8, "channels": 1}}}');
SELECT count(*) FROM aiaas_train('images', 'label', 'net_mixed', '{photo,note}', 'network',
	'{"epochs": 2, "images": {"photo": {"height": 8, "width": 8, "channels": 1}}}');
SELECT count(*) FROM aiaas_train('waves', 'label', 'net_series', '{pulse}', 'network', '{"epochs": 2, "columns": {"pulse": "series"}}');
SELECT count(*) FROM aiaas_import('imported', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('text')));
SELECT count(aiaas_create_model('empty'));

-- "ok" or the SQLSTATE; whatever it did is undone
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE SQLSTATE 'ZZZZZ';
EXCEPTION
	WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'ok';
	WHEN OTHERS THEN RETURN SQLSTATE || CASE WHEN SQLSTATE LIKE 'XX%' THEN ' ' || SQLERRM ELSE '' END;
END $$;

-- an argument, by its type and name
CREATE FUNCTION argument(k kinds, type regtype, name text, names text[]) RETURNS text LANGUAGE sql AS $$
SELECT CASE
	WHEN type = 'regclass'::regtype THEN format('%L::regclass', k.kind)
	WHEN type = 'oid'::regtype THEN format('%L::regclass::oid', k.kind)
	WHEN name = 'model' THEN quote_literal(k.kind)
	WHEN name = 'version' THEN '1'
	WHEN name = 'label' THEN quote_nullable(k.label)
	WHEN name = 'source' THEN quote_literal(k.source)
	WHEN name = 'target' THEN quote_literal(k.target)
	WHEN name = 'algorithm' THEN CASE WHEN k.kind LIKE 'net%' THEN '''network''' ELSE '''auto''' END
	WHEN name = 'features' THEN quote_literal(k.features) || '::text[]'
	WHEN name = 'names' THEN quote_literal(k.features) || '::text[]'
	WHEN name = 'options' THEN CASE WHEN k.source = 'images' AND 'source' = ANY (names) THEN '''{"epochs": 1, "images": {"photo": {"height": 8, "width": 8, "channels": 1}}}'''
		WHEN k.source = 'waves' AND 'source' = ANY (names) THEN '''{"epochs": 1, "columns": {"pulse": "series"}}''' ELSE '''{}''' END
	WHEN name = 'data' THEN format('(SELECT string_agg(data, '''' ORDER BY chunk) FROM aiaas_export(%L, 1))', k.kind)
	WHEN name = 'manifest' THEN '''{}'''
	WHEN name = 'actual' THEN 'r.' || k.target
	WHEN name = 'columns' THEN 'r.' || array_to_string(k.features, ', r.')
	WHEN type = 'text'::regtype THEN '''a ripe round of milk''::text'
	WHEN type = 'text[]'::regtype THEN '''{a ripe round of milk,NULL,a dry bottle}''::text[]'
	WHEN type = 'record'::regtype THEN 'r'
	WHEN type = 'jsonb'::regtype THEN 'to_jsonb(r)'
	WHEN type = 'json'::regtype THEN 'to_json(r)'
	WHEN type = 'float8[]'::regtype THEN '''{1.5,2}''::float8[]'
	WHEN type = 'bytea'::regtype THEN '(SELECT photo FROM images LIMIT 1)'
	WHEN type = 'bytea[]'::regtype THEN '(SELECT array_agg(photo) || NULL FROM (SELECT photo FROM images LIMIT 3) AS few)'
END $$;

-- functions that take a model; how one is called
CREATE VIEW callables AS
	SELECT p.oid, p.oid::regprocedure::text AS function, p.prokind, p.pronargs, p.proargtypes::oid[] AS types, p.proargnames AS names
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aiaas'
	WHERE 'model' = ANY (p.proargnames[1:p.pronargs]) AND p.proname <> 'judgement_accum';
CREATE FUNCTION call(f callables, k kinds) RETURNS text LANGUAGE sql AS $$
SELECT CASE f.prokind WHEN 'p' THEN format('CALL %s(%s)', name, arguments)
	WHEN 'a' THEN format('SELECT %s(%s) FROM %I r', name, arguments, k.source)
	ELSE format('SELECT f.* FROM (SELECT * FROM %I LIMIT 1) r, LATERAL %s(%s) f', k.source, name, arguments) END
FROM (SELECT f.oid::regproc::text AS name,
		string_agg(argument(k, type, f.names[i], f.names), ', ' ORDER BY i) AS arguments
	FROM unnest(f.types) WITH ORDINALITY AS a (type, place), LATERAL (SELECT place + 0 AS i) AS p) AS parts $$;
CREATE TABLE matrix AS SELECT f.function, k.place, try(call(f, k)) AS cell FROM callables f, kinds k;
SELECT function, max(cell) FILTER (WHERE place = 1) AS text, max(cell) FILTER (WHERE place = 2) AS "table", max(cell) FILTER (WHERE place = 3) AS linear,
	max(cell) FILTER (WHERE place = 4) AS kernel, max(cell) FILTER (WHERE place = 5) AS net_text, max(cell) FILTER (WHERE place = 6) AS net_table,
	max(cell) FILTER (WHERE place = 7) AS net_number, max(cell) FILTER (WHERE place = 8) AS net_image, max(cell) FILTER (WHERE place = 9) AS net_mixed,
	max(cell) FILTER (WHERE place = 11) AS net_series, max(cell) FILTER (WHERE place = 10) AS imported, max(cell) FILTER (WHERE place = 12) AS empty
FROM matrix GROUP BY function ORDER BY function COLLATE "C";
-- nothing but what is documented: not supported, wrong argument or type, no such version or none yet, within a transaction
SELECT function, place, cell FROM matrix
WHERE cell NOT IN ('ok', '0A000', '22023', '42804', '55000', '42704', '42P07', '2D000', '25001') ORDER BY 1, 2;
DROP FUNCTION call, try, argument;
DROP VIEW callables;
DROP TABLE matrix, kinds;
DROP TABLE texts, numbers, images, waves, net_series, text, "table", linear, kernel, net_text, net_table, net_number, net_image, net_mixed, imported, empty;
