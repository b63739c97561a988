-- CALL aiaas_fit: where it may run, and what comes of it.
\set VERBOSITY default
CREATE TABLE fit_points AS SELECT x::float8 / 100 AS x, hashint4(x) / 1e9 AS z, 2 * x::float8 / 100 + hashint4(-x) / 1e10 AS y FROM generate_series(1, 400) x;
CREATE TABLE fit_notes AS SELECT CASE WHEN i % 2 = 0 THEN 'good' ELSE 'bad' END AS label,
	CASE WHEN i % 2 = 0 THEN 'a fine and pleasant thing ' ELSE 'an awful broken mess ' END || i % 7 AS body FROM generate_series(1, 200) i;

-- the same as aiaas_train, of each kind of model
CALL aiaas_fit('fit_points', 'y', features => '{x,z}');
SELECT version FROM aiaas_train('fit_points', 'y', features => '{x,z}');
CALL aiaas_fit('fit_notes', 'label', features => '{body}');
SELECT version FROM aiaas_train('fit_notes', 'label', features => '{body}');
SET client_min_messages = warning;
CALL aiaas_fit('fit_points', 'y', 'fit_network', '{x,z}', 'network', '{"network": "mlp", "epochs": 3}');
SELECT version FROM aiaas_train('fit_points', 'y', 'fit_network', '{x,z}', 'network', '{"network": "mlp", "epochs": 3}');
CALL aiaas_fit('fit_points', 'y', 'fit_network', '{x,z}', 'linear_regression', '{"holdout": 0}');
SELECT version FROM aiaas_train('fit_points', 'y', 'fit_network', '{x,z}', 'linear_regression', '{"holdout": 0}');
SELECT model, count(*), count(DISTINCT digest)
FROM unnest('{fit_points_model,fit_notes_model,fit_network}'::regclass[]) AS model, aiaas_versions(model) GROUP BY model ORDER BY model::text;
RESET client_min_messages;

-- it commits
BEGIN;
CALL aiaas_fit('fit_points', 'y');
ROLLBACK;
CALL aiaas_fit('fit_points', 'y') \; SELECT 1;
SELECT aiaas_fit('fit_points', 'y');
CREATE FUNCTION fits() RETURNS int LANGUAGE plpgsql AS $$ DECLARE v int; BEGIN CALL aiaas_fit('fit_points', 'y', version => v); RETURN v; END $$;
SELECT fits();
DO $$ DECLARE v int; BEGIN CALL aiaas_fit('fit_points', 'y', version => v); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
CREATE PROCEDURE fits_as_owner() LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE v int; BEGIN CALL aiaas_fit('fit_points', 'y', version => v); END $$;
CALL fits_as_owner();
CREATE PROCEDURE fits_set() LANGUAGE plpgsql SET work_mem = '4MB' AS $$ DECLARE v int; BEGIN CALL aiaas_fit('fit_points', 'y', version => v); END $$;
CALL fits_set();
DO $$ DECLARE v int; BEGIN EXECUTE 'CALL aiaas_fit(''fit_points'', ''y'')' INTO v; END $$;
SET default_transaction_read_only = on;
CALL aiaas_fit('fit_points', 'y');
RESET default_transaction_read_only;

-- a procedure and a DO block that could commit themselves
CREATE PROCEDURE fits_all() LANGUAGE plpgsql AS $$
DECLARE
	v int;
	r record;
BEGIN
	FOR r IN SELECT c FROM unnest('{x,z}'::text[]) c LOOP
		CALL aiaas_fit('fit_points', 'y', 'fit_' || r.c, ARRAY[r.c], version => v);
		RAISE NOTICE 'version % of %', v, r.c;
	END LOOP;
END $$;
CALL fits_all();
SELECT m, version, live FROM unnest('{fit_x,fit_z}'::regclass[]) m, aiaas_versions(m) ORDER BY m::text;

-- names and roles of the first transaction
CREATE SCHEMA fit_place;
DO $$ DECLARE v int; BEGIN SET LOCAL search_path = fit_place, public; CALL aiaas_fit('public.fit_points', 'y', 'placed', '{x}', version => v); RAISE NOTICE '%', v; END $$;
SELECT to_regclass('fit_place.placed'), to_regclass('placed');
CREATE ROLE fit_role;
GRANT SELECT ON fit_points TO fit_role;
GRANT CREATE, USAGE ON SCHEMA fit_place TO fit_role;
-- who runs the tests may have any name
CREATE ROLE fit_boss SUPERUSER;
SET SESSION AUTHORIZATION fit_boss;
DO $$ DECLARE v int; BEGIN SET LOCAL ROLE fit_role; CALL aiaas_fit('fit_points', 'y', 'fit_place.other', '{x}', version => v); END $$;
RESET SESSION AUTHORIZATION;
DROP ROLE fit_boss;
SET ROLE fit_role;
CALL aiaas_fit('fit_points', 'y', 'fit_place.other', '{x}');
CALL aiaas_fit('fit_points', 'y', 'fit_x', '{x}');
CALL aiaas_fit('fit_notes', 'label', 'fit_place.notes', '{body}');
RESET ROLE;
SELECT relowner::regrole FROM pg_class WHERE oid = 'fit_place.other'::regclass;

-- temporary tables, and isolation levels
CREATE TEMP TABLE fit_temporary (x float8, y float8) ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO fit_temporary SELECT x, y FROM fit_points;
COMMIT;
CALL aiaas_fit('fit_temporary', 'y', 'pg_temp.fit_emptied', '{x}');
CREATE TEMP TABLE fit_kept AS SELECT x, y FROM fit_points;
CALL aiaas_fit('fit_kept', 'y', 'pg_temp.fit_emptied', '{x}');
SET default_transaction_isolation = serializable;
CALL aiaas_fit('fit_kept', 'y', 'pg_temp.fit_emptied', '{x}');
RESET default_transaction_isolation;
SELECT version, live FROM aiaas_versions('fit_emptied');

-- what checkpoints must come to
SET client_min_messages = warning;
SELECT version FROM aiaas_train('fit_points', 'y', 'fit_whole', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4}');
CREATE VIEW fit_digest AS SELECT digest FROM aiaas_versions('fit_whole');
RESET client_min_messages;

-- checkpoints: each replaces the one before, the result replaces the last
SELECT aiaas_train('fit_points', 'y', 'fit_parts', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4, "checkpoint": 1}');
CALL aiaas_fit('fit_points', 'y', 'fit_parts', '{x,z}', 'linear_regression', '{"checkpoint": 1}');
CALL aiaas_fit('fit_points', 'y', 'fit_parts', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4, "checkpoint": 0}');
CALL aiaas_fit('fit_points', 'y', 'fit_parts', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4, "checkpoint": 1}');
CALL aiaas_fit('fit_points', 'y', 'pg_temp.fit_emptied', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4, "checkpoint": 3, "deploy": false}');
SELECT 'parts' AS model, version, live, digest = (SELECT digest FROM fit_digest) AS same FROM aiaas_versions('fit_parts')
UNION ALL SELECT 'temporary', max(version), NULL, max(digest) = (SELECT digest FROM fit_digest) FROM aiaas_versions('fit_emptied') WHERE algorithm = 'network';
SELECT aiaas_rollback('fit_parts');
-- one that is stopped by what the owner does to rows
CREATE FUNCTION fit_stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no version %', NEW.version; END $$;
CREATE TRIGGER stop BEFORE INSERT ON fit_parts FOR EACH ROW WHEN (NEW.version = 7) EXECUTE FUNCTION fit_stop();
CALL aiaas_fit('fit_points', 'y', 'fit_parts', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "optimizer": {"type": "adam", "learning_rate": 0.2}, "epochs": 4, "checkpoint": 1}');
SELECT version, manifest -> 'checkpoint' AS checkpoint FROM fit_parts WHERE version > 0 AND chunk = 0 ORDER BY 1;
SELECT aiaas_deploy('fit_parts', 6);
SELECT item, value FROM aiaas_training_info('fit_parts', 6) WHERE item IN ('checkpoint', 'epochs', 'continued_from');
SELECT metric, count(*) FROM aiaas_history('fit_parts', 6) GROUP BY metric ORDER BY 1;
-- it may be tried out
SELECT count(aiaas_predict('fit_parts', 6, p)) FROM fit_points p;
DROP TRIGGER stop ON fit_parts;

-- going on: what is not given is as it was
SELECT aiaas_train('fit_points', 'y', 'fit_none', options => '{"continue_from": 6}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": 99}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": 5}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": "six"}');
SELECT aiaas_train('fit_points', 'y', 'fit_x', options => '{"continue_from": 1}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', algorithm => 'linear_regression', options => '{"continue_from": 6}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', features => '{x}', options => '{"continue_from": 6}');
SELECT aiaas_train('SELECT z + 1 AS w, * FROM fit_points', 'w', 'fit_parts', features => '{x,y}', options => '{"continue_from": 6}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": 6, "layers": [{"type": "dense", "units": 4}, {"type": "dense"}]}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": 6, "optimizer": "sgd"}');
SELECT aiaas_train('fit_points', 'y', 'fit_parts', options => '{"continue_from": 6, "epochs": 2}');
SELECT version FROM aiaas_versions('fit_parts') ORDER BY 1;
-- other rows, or another course, are told of
BEGIN;
SELECT version FROM aiaas_train('SELECT * FROM fit_points WHERE x < 0.9', 'y', 'fit_parts', options => '{"continue_from": 6, "seed": 2, "holdout": 0}');
ROLLBACK;
CALL aiaas_fit('fit_points', 'y', 'fit_parts', options => '{"continue_from": 6, "optimizer": "sgd"}');
SELECT version FROM aiaas_train('fit_points', model => 'fit_parts', options => '{"continue_from": 6}');
SELECT version, live, digest = (SELECT digest FROM fit_digest) AS same FROM aiaas_versions('fit_parts') ORDER BY 1;
-- from a finished version: its weights are the first ones; other rows
SET client_min_messages = warning;
CALL aiaas_fit('SELECT x + 1 AS x, z, y FROM fit_points', model => 'fit_parts', options => '{"continue_from": 7, "epochs": 2, "checkpoint": 1}');
SELECT version, live, digest = (SELECT digest FROM fit_digest) AS same FROM aiaas_versions('fit_parts') ORDER BY 1;
SELECT value FROM aiaas_training_info('fit_parts') WHERE item = 'continued_from';
-- a query that a manifest names is not run as whoever goes on
CALL aiaas_fit('fit_points', model => 'fit_parts', options => '{"continue_from": 9, "epochs": 1, "validation": "SELECT * FROM fit_points LIMIT 10"}');
CALL aiaas_fit('fit_points', model => 'fit_parts', options => '{"continue_from": 10}');
CALL aiaas_fit('fit_points', model => 'fit_parts', options => '{"continue_from": 10, "validation": 0}');
-- nothing but a checkpoint is no version to deploy
SELECT aiaas_create_model('fit_only');
CREATE TRIGGER stop BEFORE INSERT ON fit_only FOR EACH ROW WHEN (NEW.version = 2) EXECUTE FUNCTION fit_stop();
CALL aiaas_fit('fit_points', 'y', 'fit_only', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "epochs": 4, "checkpoint": 2}');
SELECT aiaas_predict('fit_only', p) FROM fit_points p LIMIT 1;
DROP TRIGGER stop ON fit_only;
SELECT version FROM aiaas_train('fit_points', 'y', 'fit_only', '{x,z}', 'linear_regression', '{"deploy": false}');
CREATE TRIGGER stop BEFORE INSERT ON fit_only FOR EACH ROW WHEN (NEW.version = 4) EXECUTE FUNCTION fit_stop();
CALL aiaas_fit('fit_points', 'y', 'fit_only', '{x,z}', 'network', '{"layers": [{"type": "dense"}], "epochs": 4, "checkpoint": 2}');
SELECT aiaas_predict('fit_only', p) FROM fit_points p LIMIT 1;
DROP TABLE fit_only;
-- a retraining is one of a piece again
SELECT version FROM aiaas_retrain('fit_parts');
SELECT v.version, live, digest = (SELECT digest FROM fit_digest) AS same, value AS continued_from FROM aiaas_versions('fit_parts') v
	LEFT JOIN LATERAL (SELECT value FROM aiaas_training_info('fit_parts', v.version) WHERE item = 'continued_from') i ON true ORDER BY 1;
RESET client_min_messages;

SELECT count(*) FROM aiaas.training_progress;
DROP VIEW fit_digest;
DROP TABLE fit_parts, fit_points, fit_notes, fit_points_model, fit_notes_model, fit_network, fit_whole, fit_x, fit_z, fit_place.placed, fit_place.other, fit_emptied, fit_kept, fit_temporary;
DROP FUNCTION fits, fit_stop;
DROP PROCEDURE fits_all, fits_as_owner, fits_set;
DROP SCHEMA fit_place;
REVOKE ALL ON SCHEMA public FROM fit_role;
DROP ROLE fit_role;
