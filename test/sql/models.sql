--
-- Models as tables: versions, deploy, roll back, drop, export, names, rights,
-- damage (catalog.c, catalog_write.c, fn_model.c)
--
SET client_min_messages = warning;
CREATE SCHEMA models_test;
SET search_path = models_test, public;

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

-- rows of a version whose bytes are no model: enough for everything but use
CREATE FUNCTION version_rows(version int, bytes bytea, more jsonb DEFAULT '{}') RETURNS SETOF aiaas.model LANGUAGE sql AS $$
	SELECT version, 0, jsonb_build_object('format', 1, 'digest', encode(sha256(bytes), 'hex'),
		'bytes', length(bytes), 'chunks', 1) || more, NULL::bytea
	UNION ALL
	SELECT version, 1, NULL, bytes
$$;

-- a new model has no version
SELECT aiaas_create_model('m');
SELECT * FROM aiaas_versions('m');
SELECT failure($$SELECT aiaas_export('m')$$);
SELECT failure($$SELECT aiaas_rollback('m')$$);
SELECT failure($$SELECT aiaas_deploy('m', 1)$$);
SELECT failure($$SELECT aiaas_create_model('m')$$);

INSERT INTO m SELECT * FROM version_rows(1, 'one');
INSERT INTO m SELECT * FROM version_rows(2, 'two', '{"task": "classification", "algorithm": "svm",
	"trained": {"at": "2024-05-06T07:08:09.000000+00:00", "by": "anna", "report": {"rows": 1000, "metrics": {"accuracy": 0.875}}}}');
INSERT INTO m SELECT * FROM version_rows(3, 'three', '{"imported": {"at": "2024-05-07T00:00:00+02:00", "by": "bert"}}');
SELECT failure($$SELECT aiaas_export('m')$$);
SELECT aiaas_deploy('m', 1);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m');
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m', 2);
SELECT failure($$SELECT aiaas_export('m', 9)$$);
SELECT failure($$SELECT aiaas_export('m', 0)$$);
SELECT failure($$SELECT aiaas_export('m', -1)$$);

-- deploy pushes, roll back pops; dropped versions are passed over
SELECT aiaas_deploy('m', 2), aiaas_deploy('m', 3), aiaas_deploy('m', 3);
SELECT failure($$SELECT aiaas_drop_version('m', 3)$$);
SELECT aiaas_rollback('m');
SELECT aiaas_rollback('m');
SELECT failure($$SELECT aiaas_rollback('m')$$);
SELECT aiaas_deploy('m', 2), aiaas_deploy('m', 3);
SELECT aiaas_drop_version('m', 2);
SELECT aiaas_rollback('m');
SELECT jsonb_path_query_array(manifest, '$.history[*].version') AS versions,
	jsonb_path_query_array(manifest, '$.history[*].action') AS actions, manifest -> 'dropped' AS dropped,
	manifest -> 'live' AS live FROM m WHERE version = 0;
SELECT failure($$SELECT aiaas_deploy('m', 2)$$);
SELECT failure($$SELECT aiaas_drop_version('m', 2)$$);
SELECT failure($$SELECT aiaas_drop_version('m', 0)$$);
INSERT INTO m SELECT * FROM version_rows(4, 'four', '{"task": "classification", "algorithm": "svm",
	"trained": {"at": "2024-05-06T07:08:09.000000+00:00", "by": "anna", "report": {"rows": 1000, "metrics": {"accuracy": 0.875}}}}');
SELECT version, live, task, algorithm, rows, metric, score, size, left(digest, 8) AS digest,
	created_at AT TIME ZONE 'UTC' AS created_at, created_by, deployed_at IS NOT NULL AS deployed FROM aiaas_versions('m');
SELECT aiaas_deploy('m', 4);
COMMENT ON TABLE m IS 'a test';
SELECT model, owner = current_user AS mine, task, algorithm, live_version, versions, rows, metric, score, size,
	trained_at AT TIME ZONE 'UTC' AS trained_at, deployed_at IS NOT NULL AS deployed, comment
FROM aiaas.models WHERE model = 'm'::regclass;

-- nothing before COMMIT, and ROLLBACK undoes it
BEGIN;
SELECT aiaas_deploy('m', 1);
SAVEPOINT a;
SELECT aiaas_deploy('m', 3);
ROLLBACK TO a;
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m');
ROLLBACK;
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m');
BEGIN;
SAVEPOINT a;
INSERT INTO m SELECT * FROM version_rows(5, 'five');
SELECT aiaas_deploy('m', 5);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m');
ROLLBACK TO a;
INSERT INTO m SELECT * FROM version_rows(5, 'FIVE');
SELECT aiaas_deploy('m', 5);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('m');
ROLLBACK;

-- a model follows its table
CREATE VIEW uses AS SELECT chunk FROM aiaas_export('m');
ALTER TABLE m RENAME TO n;
CREATE SCHEMA models_test_2;
ALTER TABLE n SET SCHEMA models_test_2;
SELECT chunk FROM uses;
SELECT substring(pg_get_viewdef('uses') FROM 'FROM (.*)') AS uses;
SELECT failure('DROP TABLE models_test_2.n');
SELECT failure($$SELECT aiaas_deploy('models_test_2.n', 9)$$);
ALTER TABLE models_test_2.n SET SCHEMA models_test;
ALTER TABLE n RENAME TO m;
DROP VIEW uses;

-- names
SELECT aiaas_create_model('"Odd name"'), aiaas_create_model('MiXed'), aiaas_create_model('models_test_2.other');
SELECT failure($$SELECT aiaas_rollback('"Odd name"')$$);
SELECT failure($$SELECT aiaas_create_model('')$$);
SELECT failure($$SELECT aiaas_create_model('a.b.c.d')$$);
SELECT failure($$SELECT aiaas_create_model('nowhere.m')$$);
SELECT failure($$SELECT aiaas_create_model('pg_catalog.m')$$);
SELECT failure($$SELECT aiaas_deploy(0, 1)$$);
SELECT failure($$SELECT aiaas_versions(0)$$);
SELECT aiaas_versions(NULL), aiaas_export(NULL), aiaas_deploy(NULL, 1), aiaas_create_model(NULL);

-- temporary models
SELECT aiaas_create_model('pg_temp.t');
INSERT INTO t SELECT * FROM version_rows(1, 'temporary');
SELECT aiaas_deploy('t', 1);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('t');
SELECT relpersistence FROM pg_class WHERE oid = 't'::regclass;
DROP TABLE t;

-- tables that are no models, and plain tables that are
CREATE TABLE mails (label text, body text);
CREATE VIEW model_view AS SELECT * FROM m;
CREATE TABLE generated (version int, chunk int, manifest jsonb, data bytea GENERATED ALWAYS AS ('x') STORED);
CREATE TABLE bigger (version bigint, chunk int, manifest jsonb, data bytea);
CREATE TABLE parts (LIKE m) PARTITION BY LIST (version);
CREATE UNLOGGED TABLE quick (LIKE m INCLUDING ALL);
SELECT failure(format('SELECT aiaas_export(%L)', t)) FROM unnest(ARRAY['mails', 'model_view', 'generated', 'bigger', 'parts', 'm_pkey']) t;
CREATE TABLE copy (LIKE m INCLUDING ALL);
INSERT INTO copy SELECT * FROM m;
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('copy');
SELECT aiaas_rollback('copy');
SELECT aiaas_drop_version('copy', 4);
-- other columns, other order, no key, no head; an inheritance child's rows are not the model's
CREATE TABLE shuffled (data bytea, gone int, chunk int, note text, manifest jsonb, version int);
ALTER TABLE shuffled DROP COLUMN gone;
INSERT INTO shuffled (version, chunk, manifest, data) SELECT * FROM version_rows(1, 'shuffled');
INSERT INTO shuffled (version, chunk, manifest, data) SELECT * FROM version_rows(2, 'again');
CREATE TABLE child () INHERITS (shuffled);
INSERT INTO child (version, chunk, manifest, data) SELECT * FROM version_rows(3, 'child');
SELECT aiaas_deploy('shuffled', 1), aiaas_deploy('shuffled', 2), aiaas_rollback('shuffled');
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('shuffled');
SELECT failure($$SELECT aiaas_deploy('shuffled', 3)$$);
SELECT aiaas_drop_version('shuffled', 2);
SELECT version, chunk FROM shuffled ORDER BY 1, 2;
-- indexes that must not be used: partial, expression, other order, other operator class
CREATE INDEX ON shuffled (version, chunk) WHERE chunk > 5;
CREATE INDEX ON shuffled (chunk, version);
CREATE INDEX ON shuffled ((version + 1), chunk);
CREATE INDEX ON shuffled USING hash (version);
CREATE FUNCTION btint4cmp_back(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT btint4cmp($2, $1)$$;
CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 models_test.btint4cmp_back(int, int);
CREATE INDEX ON shuffled (version backwards, chunk backwards);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('shuffled');
CREATE INDEX ON shuffled (version, chunk);
SELECT chunk, convert_from(data, 'UTF8') AS data FROM aiaas_export('shuffled');

-- damage: an error that names it, and the session goes on
CREATE TABLE bad (LIKE m INCLUDING ALL);
CREATE FUNCTION damaged(change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM bad;
	INSERT INTO bad SELECT 0, 0, '{"format": 1, "live": 1, "history": [], "dropped": []}', NULL;
	INSERT INTO bad SELECT * FROM version_rows(1, 'good');
	EXECUTE change;
	RETURN QUERY SELECT failure('SELECT aiaas_export(''bad'')');
END $$;
SELECT damaged($$SELECT$$);
SELECT damaged($$UPDATE bad SET data = 'evil' WHERE chunk = 1$$);
SELECT damaged($$UPDATE bad SET data = 'longer' WHERE chunk = 1$$);
SELECT damaged($$UPDATE bad SET data = NULL WHERE chunk = 1$$);
SELECT damaged($$UPDATE bad SET chunk = 2 WHERE chunk = 1$$);
SELECT damaged($$UPDATE bad SET chunk = -1 WHERE chunk = 1$$);
SELECT damaged($$DELETE FROM bad WHERE chunk = 1$$);
SELECT damaged($$INSERT INTO bad VALUES (1, 2, NULL, 'x')$$);
SELECT damaged($$ALTER TABLE bad DROP CONSTRAINT bad_pkey; INSERT INTO bad VALUES (1, 1, NULL, 'x')$$);
SELECT damaged($$DELETE FROM bad WHERE version = 1$$);
SELECT damaged($$DELETE FROM bad WHERE version = 0$$);
SELECT damaged($$UPDATE bad SET manifest = NULL WHERE version = 1 AND chunk = 0$$);
SELECT damaged($$UPDATE bad SET manifest = '[1]' WHERE version = 1 AND chunk = 0$$);
SELECT damaged(format('UPDATE bad SET manifest = manifest || %L WHERE version = 1 AND chunk = 0', j)) FROM unnest(ARRAY[
	'{"format": 2}', '{"format": "1"}', '{"bytes": -1}', '{"bytes": 1e30}', '{"bytes": "x"}', '{"chunks": 0}',
	'{"chunks": 99999999999}', '{"digest": 1}', '{"digest": "abc"}', '{"bytes": 5}', '{"chunks": 2}']) j;
SELECT damaged(format('UPDATE bad SET manifest = %L WHERE version = 0', j)) FROM unnest(ARRAY[
	'{}', '[]', '1', '{"format": 2, "live": 1}', '{"format": 1, "live": 7, "history": [], "dropped": []}']) j;
SELECT damaged($$UPDATE bad SET manifest = NULL WHERE version = 0$$);
-- lists show what there is
UPDATE bad SET manifest = '{"task": 5, "trained": {"at": "yesterday-ish", "report": [1]}}' WHERE version = 1 AND chunk = 0;
SELECT * FROM aiaas_versions('bad');
SELECT model, live_version, versions, score, trained_at FROM aiaas.models WHERE model IN ('bad'::regclass, 'copy'::regclass) ORDER BY 1;
SELECT failure($$SELECT aiaas_deploy('bad', 1)$$);
UPDATE bad SET manifest = '[1]' WHERE version = 1 AND chunk = 0;
UPDATE bad SET manifest = '{"format": 1, "live": null, "history": [], "dropped": []}' WHERE version = 0;
SELECT version, live, digest FROM aiaas_versions('bad');
SELECT failure($$SELECT aiaas_deploy('bad', 1)$$);
-- and what is damaged can be dropped
SELECT aiaas_drop_version('bad', 1);

-- rights
CREATE ROLE models_test_user;
GRANT USAGE ON SCHEMA models_test TO models_test_user;
CREATE FUNCTION tries() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT failure(s) FROM unnest(ARRAY['SELECT aiaas_versions(''m'')', 'SELECT aiaas_export(''m'')', 'SELECT aiaas_deploy(''m'', 1)',
		'SELECT aiaas_rollback(''m'')', 'SELECT aiaas_drop_version(''m'', 3)', 'SELECT 1/count(*) FROM aiaas.models WHERE model = ''m''::regclass']) s
$$;
BEGIN;
SET LOCAL ROLE models_test_user;
SELECT tries();
ROLLBACK;
BEGIN;
GRANT SELECT (version, chunk, manifest) ON m TO models_test_user;
SET LOCAL ROLE models_test_user;
SELECT tries();
ROLLBACK;
BEGIN;
GRANT SELECT ON m TO models_test_user;
GRANT UPDATE (manifest) ON m TO models_test_user;
SET LOCAL ROLE models_test_user;
SELECT tries();
ROLLBACK;
BEGIN;
GRANT SELECT (version, chunk, manifest), UPDATE, DELETE ON m TO models_test_user;
SET LOCAL ROLE models_test_user;
SELECT tries();
ROLLBACK;
BEGIN;
SET LOCAL ROLE models_test_user;
SELECT failure($$SELECT aiaas_create_model('mine')$$);
SELECT failure($$SELECT aiaas_create_model('pg_temp.mine')$$);
ROLLBACK;
-- row-level security hides parts of a model: an error, but not for the owner
ALTER TABLE m ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON m TO models_test_user;
SELECT version FROM aiaas_versions('m');
SET ROLE models_test_user;
SELECT failure($$SELECT aiaas_versions('m')$$);
SELECT model FROM aiaas.models WHERE model = 'm'::regclass;
RESET ROLE;
ALTER TABLE m DISABLE ROW LEVEL SECURITY;

-- the search_path decides nothing
CREATE SCHEMA models_test_trap;
CREATE TABLE models_test_trap.m (LIKE m);
CREATE FUNCTION models_test_trap.trap(int, int) RETURNS boolean LANGUAGE sql AS $$SELECT true$$;
CREATE OPERATOR models_test_trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = models_test_trap.trap);
CREATE FUNCTION models_test_trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT 'trapped'::bytea$$;
SET search_path = models_test_trap, models_test, public, pg_catalog;
SELECT aiaas_deploy('models_test.m', 1), aiaas_deploy('models_test.m', 4), aiaas_rollback('models_test.m'), aiaas_drop_version('models_test.m', 4);
SELECT version, live FROM aiaas_versions('models_test.m');
SELECT aiaas_create_model('fresh');
SET search_path = models_test, public;

-- rules of the owner's are noticed
CREATE RULE swallow AS ON UPDATE TO copy DO INSTEAD NOTHING;
SELECT failure($$SELECT aiaas_deploy('copy', 3)$$);

-- the extension stays as long as there are models
BEGIN;
DROP TABLE "Odd name", "mixed", models_test_2.other, models_test_trap.fresh;
SELECT message FROM failure('DROP EXTENSION aiaas') message WHERE message !~ '^DETAIL';
ROLLBACK;

-- reading models and versions under a transaction's snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT version, live FROM aiaas_versions('m');
SELECT aiaas_deploy('m', 3);
SELECT version, live FROM aiaas_versions('m');
ROLLBACK;

DROP SCHEMA models_test, models_test_2, models_test_trap CASCADE;
DROP ROLE models_test_user;
