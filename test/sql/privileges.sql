--
-- Who may do what: the matrix of roles and functions, and attacks on whoever uses, trains or
-- retrains what another one made
--
SET client_min_messages = warning;
CREATE SCHEMA privileges_test;
SET search_path = privileges_test, public;
CREATE ROLE regress_aiaas_nobody;
CREATE ROLE regress_aiaas_user;
CREATE ROLE regress_aiaas_reader;
CREATE ROLE regress_aiaas_adder;
CREATE ROLE regress_aiaas_deployer;
CREATE ROLE regress_aiaas_dropper;
CREATE ROLE regress_aiaas_maker;
CREATE ROLE regress_aiaas_thief;
GRANT USAGE ON SCHEMA privileges_test TO PUBLIC;

CREATE TABLE mails AS SELECT (ARRAY['spam', 'ham'])[i % 2 + 1] AS label, (ARRAY['cheap pills ', 'meeting at noon '])[i % 2 + 1] || i AS body
	FROM generate_series(1, 60) i;
CREATE TABLE secret AS SELECT label, 'the secret ' || body AS body FROM mails;
ALTER TABLE mails OWNER TO regress_aiaas_maker;
ALTER TABLE secret OWNER TO regress_aiaas_maker;
GRANT SELECT ON mails TO PUBLIC;
GRANT CREATE ON SCHEMA privileges_test TO regress_aiaas_maker, regress_aiaas_thief;
SET ROLE regress_aiaas_maker;
SELECT model, version FROM aiaas_train('mails', 'label', 'm');
SELECT version FROM aiaas_train('mails', 'label', 'm', options => '{"deploy": false}');
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON m TO regress_aiaas_user;
GRANT SELECT ON m TO regress_aiaas_reader;
GRANT SELECT (version, chunk, manifest), INSERT ON m TO regress_aiaas_adder;
GRANT SELECT (version, chunk, manifest), UPDATE (manifest) ON m TO regress_aiaas_deployer;
GRANT SELECT (version, chunk, manifest), UPDATE, DELETE ON m TO regress_aiaas_dropper;

-- 'ok', or the SQLSTATE
CREATE FUNCTION try(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	EXECUTE command;
	RAISE 'done' USING ERRCODE = 'AA000';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'AA000' THEN 'ok' ELSE SQLSTATE END;
END $$;
CREATE TABLE file AS SELECT string_agg(data, '' ORDER BY chunk) AS data FROM aiaas_export('m');
GRANT SELECT ON file TO PUBLIC;
SELECT command, max(try) FILTER (WHERE who = 'nobody') AS nobody, max(try) FILTER (WHERE who = 'user') AS "user",
	max(try) FILTER (WHERE who = 'reader') AS reader, max(try) FILTER (WHERE who = 'adder') AS adder,
	max(try) FILTER (WHERE who = 'deployer') AS deployer, max(try) FILTER (WHERE who = 'dropper') AS dropper,
	max(try) FILTER (WHERE who = 'maker') AS owner
FROM (SELECT n, command, who, try('regress_aiaas_' || who, 'SELECT * FROM ' || command) FROM unnest(ARRAY[
	$$aiaas_classify('m', 'x')$$, $$aiaas_classify('m', 1, 'x')$$, $$aiaas_scores('m', 'x')$$, $$aiaas_explain('m', 'x')$$, $$aiaas_tokenize('m', 'x')$$,
	$$aiaas_versions('m')$$, $$aiaas_training_info('m')$$, $$aiaas_evaluate('m')$$, $$aiaas_evaluate('m', 'mails')$$, $$aiaas_evaluate('m', 'secret')$$,
	$$aiaas_confusion_matrix('m')$$, $$aiaas_export('m')$$, $$aiaas_import('m', (SELECT data FROM file), '{"deploy": false}')$$,
	$$aiaas_train('mails', 'label', 'm', options => '{"deploy": false}')$$, $$aiaas_train('secret', 'label', 'm', options => '{"deploy": false}')$$,
	$$aiaas_retrain('m')$$, $$aiaas_deploy('m', 2)$$, $$aiaas_rollback('m')$$, $$aiaas_drop_version('m', 2)$$, $$aiaas_unload('m')$$]) WITH ORDINALITY c (command, n),
	unnest(ARRAY['nobody', 'user', 'reader', 'adder', 'deployer', 'dropper', 'maker']) who) t
GROUP BY n, command ORDER BY n;
-- who may use a model sees it listed
SELECT who, try('regress_aiaas_' || who, $$SELECT 1 / count(*) FROM aiaas.models WHERE model = 'privileges_test.m'::regclass$$)
FROM unnest(ARRAY['nobody', 'user', 'deployer', 'maker']) who;

-- a prepared statement and a plan that is kept ask again for another role
PREPARE ask AS SELECT aiaas_classify('m', 'cheap pills');
EXECUTE ask;
SET ROLE regress_aiaas_nobody;
EXECUTE ask;
RESET ROLE;
CREATE FUNCTION ask_twice() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	FOR i IN 1 .. 2 LOOP
		answer := aiaas_classify('m', 'cheap pills');
		SET LOCAL ROLE regress_aiaas_nobody;
	END LOOP;
	RETURN answer;
END $$;
SELECT ask_twice();
REVOKE SELECT (manifest) ON m FROM regress_aiaas_user;
SET ROLE regress_aiaas_user;
SELECT aiaas_classify('m', 'cheap pills');
RESET ROLE;
GRANT SELECT (manifest) ON m TO regress_aiaas_user;

-- SECURITY DEFINER lends the right, a view does not
CREATE FUNCTION lend(body text) RETURNS text STABLE SECURITY DEFINER SET search_path = privileges_test, pg_temp
	LANGUAGE sql BEGIN ATOMIC SELECT aiaas_classify('m', body); END;
CREATE VIEW labelled AS SELECT aiaas_classify('m', body) AS label FROM mails;
GRANT SELECT ON labelled TO PUBLIC;
SELECT try('regress_aiaas_nobody', $$SELECT privileges_test.lend('x')$$), try('regress_aiaas_nobody', 'SELECT * FROM privileges_test.labelled'),
	try('regress_aiaas_user', 'SELECT * FROM privileges_test.labelled');

-- a model made of another's manifest and none of its bytes
SET ROLE regress_aiaas_thief;
CREATE TABLE forged OF aiaas.model;
RESET ROLE;
INSERT INTO forged SELECT version, chunk, manifest FROM m WHERE chunk = 0;
INSERT INTO forged VALUES (1, 1, NULL, 'x'), (2, 1, NULL, 'x');
SELECT aiaas_classify('m', 'cheap pills');
SET ROLE regress_aiaas_thief;
\set VERBOSITY terse
SELECT aiaas_classify('forged', 'cheap pills');
\set VERBOSITY default
RESET ROLE;

-- a stored source is what whoever may add a version wrote: it runs as the owner, who may not
-- leave anything behind
CREATE FUNCTION note(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'as %, search_path %', current_user, current_setting('search_path');
	BEGIN
		EXECUTE 'SET ROLE regress_aiaas_maker';
	EXCEPTION WHEN OTHERS THEN
		RAISE WARNING '%', SQLERRM;
	END;
	BEGIN
		CREATE TEMP TABLE trap (i int);
	EXCEPTION WHEN OTHERS THEN
		RAISE WARNING '%', SQLERRM;
	END;
	RETURN t;
END $$;
SET ROLE regress_aiaas_maker;
CREATE TABLE copy AS TABLE m;
UPDATE copy SET manifest = jsonb_set(manifest, '{trained,source}', to_jsonb($$SELECT body, CASE body WHEN 'cheap pills 2' THEN privileges_test.note(label) ELSE label END AS label FROM privileges_test.secret$$::text))
	WHERE version = 1 AND chunk = 0;
RESET ROLE;
UPDATE copy SET manifest = replace(manifest::text, 'cheap pills 2', 'the secret cheap pills 2')::jsonb WHERE version = 1 AND chunk = 0;
-- by a superuser
SELECT version FROM aiaas_retrain('copy');
SELECT current_user = session_user AS still_me, current_setting('search_path') AS search_path;
-- what the owner may not read stays closed to whoever calls
ALTER TABLE secret OWNER TO CURRENT_USER;
SELECT aiaas_deploy('copy', 1);
SELECT aiaas_retrain('copy');
SELECT current_user = session_user AS still_me, current_setting('search_path') AS search_path;
-- sources that do more than read
CREATE FUNCTION retrained(source text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE copy SET manifest = jsonb_set(manifest, '{trained,source}', to_jsonb(source)) WHERE version = 1 AND chunk = 0;
	PERFORM aiaas_retrain('copy');
	RETURN 'retrained';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT retrained(s) FROM unnest(ARRAY['DROP TABLE privileges_test.mails', 'SELECT label, body FROM privileges_test.mails; DROP TABLE privileges_test.mails',
	'SELECT label, body FROM privileges_test.mails) x; DROP TABLE privileges_test.mails; --', 'WITH x AS (DELETE FROM privileges_test.mails RETURNING *) TABLE x',
	'SELECT label, body INTO privileges_test.y FROM privileges_test.mails', 'COPY privileges_test.mails TO PROGRAM ''false''', '', 'mails', 'pg_authid']) s;
SELECT count(*) FROM mails;

-- names in a schema in front
CREATE SCHEMA privileges_trap;
GRANT ALL ON SCHEMA privileges_trap TO PUBLIC;
CREATE FUNCTION privileges_trap.trap() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'trapped'; RETURN 'x'; END $$;
CREATE FUNCTION privileges_trap.equal(int, int) RETURNS boolean LANGUAGE sql AS $$SELECT privileges_trap.trap() = 'x'$$;
CREATE OPERATOR privileges_trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = privileges_trap.equal);
CREATE FUNCTION privileges_trap.jsonb_concat(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(privileges_trap.trap())$$;
CREATE FUNCTION privileges_trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT privileges_trap.trap()::bytea$$;
CREATE DOMAIN privileges_trap.text AS pg_catalog.text CHECK (privileges_trap.trap() = 'x');
CREATE DOMAIN privileges_trap.float8 AS pg_catalog.float8 CHECK (privileges_trap.trap() = 'x');
CREATE DOMAIN privileges_trap.int4 AS pg_catalog.int4 CHECK (privileges_trap.trap() = 'x');
CREATE DOMAIN privileges_trap.jsonb AS pg_catalog.jsonb CHECK (privileges_trap.trap() = 'x');
CREATE TABLE privileges_trap.pg_class (LIKE pg_catalog.pg_class);
CREATE TABLE privileges_trap.mails (label pg_catalog.text, body pg_catalog.text);
SET search_path = privileges_trap, privileges_test, public, pg_catalog;
SELECT version FROM aiaas_train('privileges_test.mails', 'label', 'privileges_test.m', options => '{"deploy": "if_better"}');
SELECT version FROM aiaas_train('privileges_test.mails', 'label', 'privileges_test.fresh');
SELECT version FROM aiaas_retrain('privileges_test.m');
SELECT round(value) AS accuracy FROM aiaas_evaluate('privileges_test.m', 'privileges_test.mails') WHERE metric = 'accuracy';
SELECT aiaas_classify('privileges_test.m', 'cheap pills'), aiaas_deploy('privileges_test.m', 1), aiaas_deploy('privileges_test.m', 2), aiaas_rollback('privileges_test.m'), aiaas_drop_version('privileges_test.m', 2);
SELECT count(*) FROM aiaas.models WHERE model = 'privileges_test.m'::regclass;
SELECT live FROM aiaas_import('privileges_test.n', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('privileges_test.m')));
SET search_path = privileges_test, public;

-- what the owner puts on a model's table: rules and triggers that hold rows back or change them
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END $$;
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF new.data IS NOT NULL THEN new.data := '\x00'; END IF; RETURN new; END $$;
SELECT version FROM aiaas_import('n', (TABLE file), '{"deploy": false}');
CREATE RULE nothing AS ON INSERT TO n DO INSTEAD NOTHING;
SELECT aiaas_import('n', data) FROM file;
DROP RULE nothing ON n;
CREATE TRIGGER swallow BEFORE INSERT OR UPDATE ON n FOR EACH ROW EXECUTE FUNCTION swallow();
SELECT aiaas_import('n', data) FROM file;
SELECT aiaas_deploy('n', 2);
SELECT aiaas_drop_version('n', 2);
DROP TRIGGER swallow ON n;
CREATE TRIGGER spoil BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION spoil();
SELECT version, live FROM aiaas_import('n', (TABLE file));
\set VERBOSITY terse
SELECT aiaas_classify('n', 'cheap pills');
\set VERBOSITY default
DROP TRIGGER spoil ON n;

-- row security of the source holds in training and judging; of a model it is refused
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON mails TO regress_aiaas_thief USING (body ~ '[0-4]$');
SET ROLE regress_aiaas_thief;
SELECT rows FROM aiaas_train('mails', 'label', 'few');
SELECT value FROM aiaas_evaluate('few', 'mails') WHERE metric = 'rows';
RESET ROLE;
ALTER TABLE m ENABLE ROW LEVEL SECURITY;
SELECT who, try('regress_aiaas_' || who, $$SELECT aiaas_classify('m', 'x')$$) FROM unnest(ARRAY['user', 'maker']) who;
ALTER TABLE m FORCE ROW LEVEL SECURITY;
SELECT who, try('regress_aiaas_' || who, $$SELECT aiaas_classify('m', 'x')$$) FROM unnest(ARRAY['user', 'maker']) who;

-- a SECURITY DEFINER function that trains on a table of numbers, and some that serve: all is done as its owner
CREATE TABLE loans AS SELECT i % 7 AS years, i % 5 AS cards, i % 7 + 2 * (i % 5) > 9 AS paid FROM generate_series(1, 200) i;
ALTER TABLE loans OWNER TO regress_aiaas_maker;
SET ROLE regress_aiaas_maker;
CREATE FUNCTION learn_loans() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = privileges_test, public, pg_temp
	AS $$BEGIN RETURN (SELECT rows FROM aiaas_train('loans', 'paid', 'loan')); END $$;
CREATE FUNCTION judge_loan(years int, cards int) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = privileges_test, public, pg_temp
	AS $$BEGIN RETURN (SELECT aiaas_classify('loan', r) FROM (SELECT judge_loan.cards, judge_loan.years) r); END $$;
CREATE FUNCTION judge_any(model regclass, loan jsonb) RETURNS float8 LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = privileges_test, public, pg_temp
	AS $$BEGIN RETURN aiaas_score(model, loan, 'true'); END $$;
RESET ROLE;
SELECT try('regress_aiaas_nobody', 'SELECT aiaas_train(''loans'', ''paid'', ''loan'')') AS alone, try('regress_aiaas_nobody', 'SELECT learn_loans()') AS lent;
SET ROLE regress_aiaas_thief;
SELECT learn_loans();
SELECT judge_loan(6, 4), judge_loan(0, 0), judge_any('loan', '{"cards": 4, "years": 6}') > 0.5 AS paid;
RESET ROLE;
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'loan'::regclass;
SELECT who, try('regress_aiaas_' || who, $$SELECT aiaas_classify('loan', ROW(1, 2))$$) AS itself, try('regress_aiaas_' || who, 'SELECT judge_loan(1, 2)') AS lent,
	try('regress_aiaas_' || who, $$SELECT aiaas_retrain('loan')$$) AS retrain FROM unnest(ARRAY['nobody', 'thief', 'maker']) who;
-- what the caller has in front of the function's search_path is not looked at
SET ROLE regress_aiaas_thief;
CREATE TEMP TABLE loans (years text, paid text);
SELECT learn_loans();
DROP TABLE pg_temp.loans;
RESET ROLE;

DROP SCHEMA privileges_test, privileges_trap CASCADE;
DROP ROLE regress_aiaas_nobody, regress_aiaas_user, regress_aiaas_reader, regress_aiaas_adder, regress_aiaas_deployer, regress_aiaas_dropper, regress_aiaas_maker, regress_aiaas_thief;
