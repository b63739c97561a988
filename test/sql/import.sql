--
-- Export and import: the same bytes, the same digest, the same answers
--
SET client_min_messages = warning;
CREATE SCHEMA import_test;
SET search_path = import_test, public;

-- what an error says: SQLSTATE and message, detail, hint
CREATE FUNCTION failure(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN NEXT 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT SQLSTATE || ': ' || message;
	IF detail <> '' THEN RETURN NEXT 'DETAIL: ' || detail; END IF;
	IF hint <> '' THEN RETURN NEXT 'HINT: ' || hint; END IF;
END $$;

CREATE TABLE mails (id int, label text, body text);
INSERT INTO mails SELECT i, CASE i % 3 WHEN 0 THEN 'spam' ELSE 'ham' END,
	CASE i % 3 WHEN 0 THEN 'win cheap money ' WHEN 1 THEN 'meeting on monday ' ELSE 'see you there ' END || i
	FROM generate_series(1, 100) i;
SELECT model, version FROM aiaas_train('mails', 'label', model => 'm', features => '{body}');
CREATE TABLE file AS SELECT string_agg(data, '' ORDER BY chunk) AS data FROM aiaas_export('m');

-- a new model; then a new version; then one that stays in the background
SELECT aiaas_import('n', data) FROM file;
SELECT aiaas_import('n', data) FROM file;
SELECT aiaas_import('n', data, '{"deploy": false}') FROM file;
SELECT version, live, task, algorithm, rows, created_by = current_user AS imported_by_me FROM aiaas_versions('n');
SELECT count(DISTINCT digest) FROM (SELECT digest FROM aiaas_versions('m') UNION ALL SELECT digest FROM aiaas_versions('n')) v;
SELECT encode(sha256(data), 'hex') = (SELECT digest FROM aiaas_versions('m')) AS digest_of_the_file FROM file;
SELECT (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('n')) = data AS the_same_bytes FROM file;
SELECT bool_and(aiaas_score('m', body, 'spam') = aiaas_score('n', body, 'spam')) AS the_same_scores FROM mails;
SELECT aiaas_import('pg_temp.t', data) FROM file;
SELECT aiaas_classify('t', 'cheap money');

-- what is no file of ours
SELECT failure(format('SELECT aiaas_import(%L, %L)', 'bad', bytes)) FROM (VALUES (''::bytea), ('x'), ('\x0000000000000000'), ('\x02000000000000007b7d')) v(bytes);
SELECT failure(format('SELECT aiaas_import(%L, %L)', 'bad', substr(data, 1, length(data) - 1))) FROM file;
SELECT failure(format('SELECT aiaas_import(%L, %L)', 'bad', data || 'x'::bytea)) FROM file;
SELECT to_regclass('bad');
-- a name that is no model, options that are none, NULL
SELECT failure('SELECT aiaas_import(''mails'', data) FROM file');
SELECT failure('SELECT aiaas_import(''n'', data, ''{"deplou": true}'') FROM file');
SELECT failure('SELECT aiaas_import(''n'', data, ''{"deploy": "if_better"}'') FROM file');
SELECT failure('SELECT aiaas_import(''n'', data, ''[]'') FROM file');
SELECT aiaas_import('n', NULL), aiaas_import(NULL, 'x'), aiaas_import('n', 'x', NULL);

-- rights: INSERT stores, UPDATE deploys
CREATE ROLE import_test_user;
GRANT USAGE ON SCHEMA import_test TO import_test_user;
GRANT SELECT ON file TO import_test_user;
SET ROLE import_test_user;
SELECT failure('SELECT aiaas_import(''n'', data) FROM file');
SELECT failure('SELECT aiaas_import(''mine'', data) FROM file');
RESET ROLE;
GRANT SELECT (version, chunk, manifest), INSERT ON n TO import_test_user;
SET ROLE import_test_user;
SELECT aiaas_import('n', data) FROM file;
SELECT failure('SELECT aiaas_import(''n'', data, ''{"deploy": true}'') FROM file');
RESET ROLE;
GRANT UPDATE ON n TO import_test_user;
SET ROLE import_test_user;
SELECT aiaas_import('n', data) FROM file;
RESET ROLE;

-- internal
SELECT failure('SELECT aiaas.install_version(''n'', data, ''{}'') FROM file');
SET ROLE import_test_user;
SELECT failure('SELECT aiaas.install_version(''n'', data, ''{}'') FROM file');
RESET ROLE;

DROP SCHEMA import_test CASCADE;
DROP ROLE import_test_user;
