--
-- The guard: versions never change, heads make sense (guard.c)
--
SET client_min_messages = warning;
CREATE SCHEMA guard_test;
SET search_path = guard_test, public;

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

-- rows of a version whose bytes are no model, which is nothing to the guard
CREATE FUNCTION version_rows(version int, bytes bytea) RETURNS SETOF aiaas.model LANGUAGE sql AS $$
	SELECT version, 0, jsonb_build_object('format', 1, 'digest', encode(sha256(bytes), 'hex'),
		'bytes', length(bytes), 'chunks', 1), NULL::bytea
	UNION ALL
	SELECT version, 1, NULL, bytes
$$;

SELECT aiaas_create_model('m');
\d m
SELECT * FROM m;

-- INSERT: new versions, whole rows of a model, in any order
INSERT INTO m SELECT * FROM version_rows(1, 'one');
INSERT INTO m SELECT * FROM version_rows(2, 'two') ORDER BY chunk DESC;
SELECT failure($$INSERT INTO m VALUES (1, 2, NULL, 'more')$$);
SELECT failure($$INSERT INTO m VALUES (1, 0, '{}', NULL)$$);
SELECT failure($$INSERT INTO m VALUES (3, 0, NULL, NULL)$$);
SELECT failure($$INSERT INTO m VALUES (3, 0, '{}', 'data')$$);
SELECT failure($$INSERT INTO m VALUES (3, 1, NULL, NULL)$$);
SELECT failure($$INSERT INTO m VALUES (3, 1, '{}', 'data')$$);
SELECT failure($$INSERT INTO m VALUES (-1, 0, '{}', NULL)$$);
SELECT failure($$INSERT INTO m VALUES (3, -1, NULL, 'data')$$);
SELECT failure($$INSERT INTO m VALUES (NULL, 1, NULL, 'data')$$);
SELECT failure($$INSERT INTO m VALUES (0, 1, NULL, 'data')$$);
SELECT failure($$INSERT INTO m VALUES (0, 0, '{"format": 1, "live": 1}', NULL)$$);
-- the head comes before or after the versions that it names, and once
INSERT INTO m VALUES (0, 0, '{"format": 1, "live": null, "history": [], "dropped": []}', NULL);
SELECT failure($$INSERT INTO m VALUES (0, 0, '{"format": 1, "live": null, "history": [], "dropped": []}', NULL)$$);
-- a transaction may add to what it writes itself, from subtransactions too
BEGIN;
INSERT INTO m SELECT * FROM version_rows(3, 'three') WHERE chunk = 0;
SAVEPOINT a;
INSERT INTO m SELECT * FROM version_rows(3, 'three') WHERE chunk = 1;
ROLLBACK TO a;
INSERT INTO m SELECT * FROM version_rows(3, 'three') WHERE chunk = 1;
COMMIT;

-- UPDATE: the head only, to a head that makes sense
SELECT failure($$UPDATE m SET data = 'other' WHERE version = 1 AND chunk = 1$$);
SELECT failure($$UPDATE m SET manifest = '{}' WHERE version = 1 AND chunk = 0$$);
SELECT failure($$UPDATE m SET version = 9 WHERE version = 0$$);
SELECT failure($$UPDATE m SET version = 0, chunk = 0 WHERE version = 1 AND chunk = 0$$);
SELECT failure($$UPDATE m SET data = 'x' WHERE version = 0$$);
SELECT failure($$UPDATE m SET manifest = NULL WHERE version = 0$$);
SELECT failure($$UPDATE m SET manifest = '[]' WHERE version = 0$$);
SELECT failure(format('UPDATE m SET manifest = manifest || %L WHERE version = 0', j)) FROM unnest(ARRAY[
	'{"format": 0}', '{"format": 2}', '{"format": "1"}', '{"live": 9}', '{"live": 0}', '{"live": -1}',
	'{"live": "1"}', '{"live": 1.5}', '{"live": 1e30}', '{"live": [1]}', '{"history": {}}', '{"history": 1}',
	'{"dropped": {}}', '{"dropped": [0]}', '{"dropped": ["1"]}', '{"dropped": [[1]]}',
	'{"live": 1, "dropped": [1]}']) j;
SELECT failure($$UPDATE m SET manifest = manifest - 'live' WHERE version = 0$$);
UPDATE m SET manifest = manifest || '{"live": 1}' WHERE version = 0;
SELECT aiaas_deploy('m', 2);

-- DELETE: versions that the head lists as dropped
SELECT failure($$DELETE FROM m WHERE version = 1$$);
SELECT failure($$DELETE FROM m WHERE version = 0$$);
SELECT failure($$DELETE FROM m$$);
SELECT aiaas_drop_version('m', 1);
SELECT version, chunk, manifest - 'history' AS manifest FROM m WHERE version <= 1;
SELECT failure($$INSERT INTO m SELECT * FROM version_rows(1, 'one')$$);
SELECT failure($$UPDATE m SET manifest = manifest || '{"dropped": []}' WHERE version = 0$$);
SELECT failure($$UPDATE m SET manifest = manifest || '{"dropped": [2]}' WHERE version = 0$$);

-- TRUNCATE
SELECT failure($$TRUNCATE m$$);

-- ON CONFLICT and MERGE go the same way
SELECT failure($$INSERT INTO m VALUES (2, 1, NULL, 'x') ON CONFLICT (version, chunk) DO UPDATE SET data = 'x'$$);
SELECT failure($$MERGE INTO m USING (VALUES (2)) v (n) ON m.version = v.n AND m.chunk = 1 WHEN MATCHED THEN DELETE$$);

-- the trigger function is for models, and a trigger
CREATE TABLE plain (version int);
CREATE TRIGGER guard BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION aiaas.guard();
SELECT failure($$INSERT INTO plain VALUES (1)$$);
CREATE TRIGGER guard AFTER INSERT ON m FOR EACH ROW EXECUTE FUNCTION aiaas.guard();
SELECT failure($$INSERT INTO m SELECT * FROM version_rows(4, 'four')$$);
DROP TRIGGER guard ON m;
SELECT failure($$SELECT aiaas.guard()$$);

-- a checkpoint, a training that has not ended, is never live; it is dropped as any version
SELECT aiaas_create_model('unfinished');
INSERT INTO unfinished SELECT * FROM version_rows(1, 'one');
INSERT INTO unfinished SELECT version, chunk, manifest || '{"checkpoint": {"epoch": 3, "epochs": 10}}', data FROM version_rows(2, 'two');
SELECT aiaas_deploy('unfinished', 1);
SELECT failure($$SELECT aiaas_deploy('unfinished', 2)$$);
SELECT failure($$UPDATE unfinished SET manifest = manifest || '{"live": 2}' WHERE version = 0$$);
-- though the head says that it was: the guard was off
ALTER TABLE unfinished DISABLE TRIGGER aiaas_guard;
UPDATE unfinished SET manifest = jsonb_set(manifest, '{history}', '[{"version": 1, "action": "deploy"}, {"version": 2, "action": "deploy"},
	{"version": 3, "action": "deploy"}]') || '{"live": 3}' WHERE version = 0;
INSERT INTO unfinished SELECT * FROM version_rows(3, 'three');
ALTER TABLE unfinished ENABLE TRIGGER aiaas_guard;
SELECT aiaas_rollback('unfinished');
SELECT item, value FROM aiaas_training_info('unfinished', 2);
-- rows may come in any order
SELECT aiaas_create_model('restored');
SELECT failure($$INSERT INTO restored SELECT version, chunk, CASE version WHEN 0 THEN manifest || '{"live": 2}' ELSE manifest END, data
	FROM unfinished ORDER BY version$$);
SELECT failure($$INSERT INTO restored SELECT version, chunk, CASE version WHEN 0 THEN manifest || '{"live": 2}' ELSE manifest END, data
	FROM unfinished ORDER BY version DESC$$);
INSERT INTO restored SELECT * FROM unfinished ORDER BY version DESC;
SELECT aiaas_drop_version('unfinished', 2), aiaas_drop_version('unfinished', 3);
SELECT version, live FROM aiaas_versions('unfinished');

-- an owner may take the guard off, and keeps an ordinary table
DROP TRIGGER aiaas_guard ON m;
DROP TRIGGER aiaas_guard_truncate ON m;
DELETE FROM m WHERE version = 3;
TRUNCATE m;

DROP SCHEMA guard_test CASCADE;
