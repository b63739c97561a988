--
-- aiaas_train, aiaas_retrain, aiaas_training_info
--
\set VERBOSITY default
SET client_min_messages = notice;
SET aiaas.private_memory = '64MB';

-- 400 mails that tell what they are; figures are not the point here
CREATE TABLE mails (id int PRIMARY KEY, headers jsonb, subject varchar(40), body text, label text);
INSERT INTO mails
SELECT i, '{}', 'mail ' || i % 7 || ' of ' || i,
	(ARRAY['cheap pills offer', 'meeting agenda notes', 'win money now', 'lunch on friday'])[i % 4 + 1] || ' ' ||
	(ARRAY['red', 'green', 'blue', 'black', 'white'])[i % 5 + 1] || ' ' || (ARRAY['one', 'two', 'three'])[i % 3 + 1] || ' ' || i,
	(ARRAY['spam', 'ham'])[i % 2 + 1]
FROM generate_series(1, 400) i;
CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif('DETAIL: ' || detail, 'DETAIL: '), nullif('HINT: ' || hint, 'HINT: '));
END $$;

-- the name of the table is enough
SELECT model, version, task, algorithm, rows, metrics ->> 'accuracy' AS accuracy, duration > '0' AS took_time FROM aiaas_train('mails');
SELECT aiaas_classify('mails_model', m) FROM mails m WHERE id < 3 ORDER BY id;
-- all said
SELECT model, version, metrics->>'f1' AS f1 FROM aiaas_train(source => 'public.mails', target => 'label', model => 'spam', features => '{body}',
	algorithm => 'logistic_regression', options => '{"holdout": 0.25, "seed": 3}');
SELECT aiaas_classify('spam', 'cheap money'), aiaas_classify('spam', 'agenda for friday');
-- again: a version more, live, and how to go back
SELECT model, version FROM aiaas_train('mails', 'label', 'spam', '{body}');
SELECT aiaas_rollback('spam');

-- options
SELECT model, version, metrics - 'log_loss' AS metrics FROM aiaas_train('mails', 'label', 'spam', '{body}', options => '{"deploy": false}');
SELECT model, version FROM aiaas_train('mails', 'label', 'spam', '{body}', options => '{"deploy": "if_better"}');
SELECT model, version, metrics FROM aiaas_train('mails', 'label', 'spam', '{body}', options => '{"holdout": 0}');
SELECT sqlstate_of($$SELECT aiaas_train('mails', 'label', 'spam', '{body}', options => '{"deploy": "if_better"}')$$);
SELECT sqlstate_of($$SELECT aiaas_train('mails', 'label', 'spam', '{body}', options => '{"deploy": "if_better", "holdout": 0}')$$);
SELECT aiaas_deploy('spam', 1);
SELECT version, live, algorithm, rows, score IS NOT NULL AS measured FROM aiaas_versions('spam') ORDER BY version;
-- better than a coin: labels at random, then the real ones
SELECT version FROM aiaas_train($$SELECT body, CASE WHEN hashint4(id) % 2 = 0 THEN 'spam' ELSE 'ham' END AS label FROM mails$$, model => 'coin');
SELECT version FROM aiaas_train('mails', model => 'coin', features => '{body}', options => '{"deploy": "if_better"}');
DROP TABLE coin;

-- sources
CREATE VIEW short_mails AS SELECT label, body FROM mails WHERE id <= 200;
CREATE MATERIALIZED VIEW kept_mails AS SELECT body, label FROM mails;
CREATE TABLE parts (label text, body text) PARTITION BY LIST (label);
CREATE TABLE parts_spam PARTITION OF parts FOR VALUES IN ('spam');
CREATE TABLE parts_ham PARTITION OF parts FOR VALUES IN ('ham');
INSERT INTO parts SELECT label, body FROM mails;
CREATE TEMPORARY TABLE scratch AS SELECT label, body FROM mails;
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Odd ""Mails""" (gone int, "The Text" text, "Label" text);
ALTER TABLE "Odd Schema"."Odd ""Mails""" DROP COLUMN gone;
INSERT INTO "Odd Schema"."Odd ""Mails""" SELECT body, label FROM mails;
SET client_min_messages = warning;
SELECT model, rows FROM aiaas_train('short_mails');
SELECT model, rows FROM aiaas_train('kept_mails');
SELECT model, rows FROM aiaas_train('parts');
SELECT model, rows FROM aiaas_train('scratch');
SELECT model, rows FROM aiaas_train('"Odd Schema"."Odd ""Mails"""');
SELECT relpersistence FROM pg_class WHERE oid = 'scratch_model'::regclass;
SELECT rows FROM aiaas_train('SELECT body, label FROM mails WHERE id % 2 = 0 OR id % 3 = 0 -- a comment', model => 'query');
SELECT rows FROM aiaas_train('TABLE short_mails;', model => 'query');
SELECT rows FROM aiaas_train('WITH m AS (SELECT * FROM mails) SELECT subject, body, label FROM m ORDER BY id', model => 'query');
SELECT rows FROM aiaas_train($$VALUES ('a b c', 'x'), ('c d e', 'y'), ('a b', 'x'), ('d e', 'y')$$, 'column2', 'query', '{column1}', options => '{"holdout": 0, "min_df": 1}');
-- what is stored means the same whoever reads it
SELECT value FROM aiaas_training_info('query', 3) WHERE item = 'source';
-- labels of other types, as texts
CREATE TYPE mood AS ENUM ('bad', 'good');
SELECT rows FROM aiaas_train($$SELECT body, label = 'spam' AS target FROM mails$$, model => 'typed');
SELECT aiaas_classify('typed', 'cheap pills');
SELECT rows FROM aiaas_train($$SELECT body, CASE label WHEN 'spam' THEN 'bad' ELSE 'good' END::mood AS class FROM mails$$, model => 'typed');
SELECT aiaas_classify('typed', 'cheap pills');
SELECT rows FROM aiaas_train($$SELECT body, length(label) AS "Y" FROM mails$$, model => 'typed');
SELECT aiaas_classify('typed', 'cheap pills');
-- types of text
SELECT rows FROM aiaas_train($$SELECT body::varchar(100) AS a, right(body, 20)::char(20) AS b, left(body, 60)::name AS c, label FROM mails$$, model => 'texts');
-- NULLs: a row without label, or without any text, is passed over
SELECT rows FROM aiaas_train($$SELECT CASE WHEN id % 10 > 0 THEN body END AS body, CASE WHEN id % 3 > 0 THEN label END AS label FROM mails$$, model => 'nulls');
SELECT value FROM aiaas_training_info('nulls') WHERE item = 'skipped';
-- weights
SELECT rows FROM aiaas_train($$SELECT body, label, id AS w FROM mails$$, model => 'weighted', options => '{"weights": "w"}');
SET client_min_messages = notice;

-- bad input
\pset format unaligned
\pset fieldsep '\n\t'
\pset tuples_only on
SET client_min_messages = warning;
SELECT command, sqlstate_of('SELECT aiaas_train(' || command || ')') FROM unnest(ARRAY[
	$$NULL$$, $$''$$, $$' '$$, $$'nosuch'$$, $$'nosuch.mails'$$, $$'a.b.c.d'$$, $$'mails_pkey'$$, $$'mood'$$,
	$$'SELECT 1; SELECT 2'$$, $$'SELEKT 1'$$, $$'DELETE FROM mails'$$, $$'INSERT INTO mails VALUES (1) RETURNING *'$$,
	$$'WITH d AS (DELETE FROM mails RETURNING *) SELECT body, label FROM d'$$, $$'SELECT body, label INTO t FROM mails'$$,
	$$'SELECT body, label FROM mails FOR UPDATE'$$, $$'CREATE TABLE t (a int)'$$, $$'EXPLAIN SELECT 1'$$, $$'COPY mails TO STDOUT'$$,
	$$'SELECT body, label FROM nosuch', model => 'x'$$, $$'SELECT body, label FROM mails'$$, $$'SELECT $1 AS label', model => 'x'$$,
	$$'mails', 'lable'$$, $$'mails', 'label', NULL, '{bodi}'$$, $$'mails', 'label', NULL, '{}'$$, $$'mails', 'label', NULL, '{NULL}'$$,
	$$'mails', 'label', NULL, '{body,body}'$$, $$'mails', 'label', NULL, '{label}'$$, $$'mails', 'label', NULL, '{headers}'$$,
	$$'SELECT headers, label FROM mails', model => 'x'$$, $$'SELECT id, body FROM mails', model => 'x'$$,
	$$'SELECT body, label, label AS class FROM mails', model => 'x'$$, $$'SELECT body, body, label FROM mails', model => 'x', features => '{body}'$$,
	$$'mails', model => 'mails'$$, $$'mails', model => ''$$, $$'mails', model => 'nosuch.m'$$, $$'mails', model => 'a b'$$,
	$$'mails', algorithm => 'svn'$$, $$'mails', options => '{"holdot": 0.1}'$$, $$'mails', options => '{"holdout": 2}'$$,
	$$'mails', options => '[]'$$, $$'mails', options => '{"weights": "headers"}'$$, $$'mails', options => '{"weights": "nosuch"}'$$,
	$$'SELECT body, label, -1 AS w FROM mails', model => 'x', options => '{"weights": "w"}'$$,
	$$'SELECT body, label, NULL::int AS w FROM mails', model => 'x', options => '{"weights": "w"}'$$,
	$$'SELECT body, label FROM mails WHERE false', model => 'x'$$, $$'SELECT body, ''one'' AS label FROM mails', model => 'x'$$,
	$$'SELECT NULL::text AS body, label FROM mails', model => 'x'$$, $$'SELECT '''' AS body, label FROM mails', model => 'x'$$,
	$$'SELECT body, repeat(''x'', 1000000 + id) AS label FROM mails', model => 'x'$$,
	$$'SELECT i::text AS body, i AS label FROM generate_series(1, 10001) i', model => 'x', options => '{"task": "classification"}'$$,
	$$'SELECT body, 1 / (id - 300) AS label FROM mails', model => 'x'$$]) command;
SET client_min_messages = notice;
\pset format aligned
\pset tuples_only off
SELECT to_regclass('x') AS not_created;

-- rights
CREATE ROLE regress_aiaas_trainer;
CREATE ROLE regress_aiaas_owner;
CREATE SCHEMA trainer AUTHORIZATION regress_aiaas_trainer;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SET ROLE regress_aiaas_trainer;
SELECT sqlstate_of($$SELECT aiaas_train('SELECT body, label FROM public.mails', model => 'trainer.m')$$);
SELECT sqlstate_of($$SELECT aiaas_train('SELECT ''a'' AS body, ''b'' AS label', model => 'public.m')$$);
SELECT sqlstate_of($$SELECT aiaas_train('SELECT 1 / 0 AS body, ''b'' AS label', model => 'public.spam')$$);
SELECT sqlstate_of($$SELECT aiaas_retrain('spam')$$);
SELECT sqlstate_of($$SELECT * FROM aiaas_training_info('spam')$$);
RESET ROLE;
GRANT SELECT (version, chunk, manifest), INSERT ON spam TO regress_aiaas_trainer;
GRANT SELECT ON mails TO regress_aiaas_trainer;
SET ROLE regress_aiaas_trainer;
SELECT version FROM aiaas_train('mails', 'label', 'spam', '{body}');
RESET ROLE;
GRANT UPDATE ON spam TO regress_aiaas_trainer;
SET ROLE regress_aiaas_trainer;
SELECT version FROM aiaas_train('mails', 'label', 'spam', '{body}');
RESET ROLE;
-- row security: each learns from what she may read
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_hundred ON mails TO regress_aiaas_trainer USING (id <= 100);
SET ROLE regress_aiaas_trainer;
SET client_min_messages = warning;
SELECT rows FROM aiaas_train('mails', 'label', 'trainer.m', '{body}');
RESET ROLE;

-- retrain: the same recipe, read as the owner of the model
INSERT INTO mails SELECT id + 400, headers, subject, body, label FROM mails;
SELECT version, rows FROM aiaas_retrain('trainer.m');
SELECT version, rows FROM aiaas_retrain('spam');
SET ROLE regress_aiaas_trainer;
SELECT version, rows FROM aiaas_retrain('spam');
RESET ROLE;
DROP POLICY first_hundred ON mails;
ALTER TABLE mails DISABLE ROW LEVEL SECURITY;
-- a stored source runs with the owner's rights only, whoever asks
CREATE FUNCTION trainer.who(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'read as %, search_path %', current_user, current_setting('search_path');
	RETURN t;
END $$;
GRANT SELECT ON mails TO regress_aiaas_trainer;
SET ROLE regress_aiaas_trainer;
SELECT version FROM aiaas_train('SELECT body, CASE id WHEN 1 THEN trainer.who(label) ELSE label END AS label FROM mails', model => 'trainer.w');
RESET ROLE;
SELECT version FROM aiaas_retrain('trainer.w');
SELECT current_user = session_user AS still_me, current_setting('search_path') AS search_path;
-- and can't take those of the caller
CREATE OR REPLACE FUNCTION trainer.who(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET ROLE NONE;
	DROP TABLE mails;
	RETURN t;
END $$;
SELECT sqlstate_of($$SELECT aiaas_retrain('trainer.w')$$);
SELECT current_user = session_user AS still_me, current_setting('search_path') AS search_path;
-- what can't be repeated
SELECT model, version FROM aiaas_import('copied', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('spam', 1)));
SELECT sqlstate_of($$SELECT aiaas_retrain('copied')$$);
SELECT aiaas_create_model('empty');
SELECT sqlstate_of($$SELECT aiaas_retrain('empty')$$), sqlstate_of($$SELECT * FROM aiaas_training_info('empty')$$);
SELECT sqlstate_of($$SELECT aiaas_retrain('mails')$$), sqlstate_of($$SELECT * FROM aiaas_training_info('mails')$$);
ALTER TABLE mails RENAME COLUMN body TO content;
SELECT aiaas_retrain('spam');
ALTER TABLE mails RENAME COLUMN content TO body;

-- how it was trained
SELECT item, value FROM aiaas_training_info('spam', 1) WHERE item ~ '^(version|source|target|features|algorithm|.*rows|skipped|classes|baseline|label .*)$'
	OR item IN ('metrics.accuracy', 'options.holdout', 'options.seed');
SELECT value = current_user AS by_me FROM aiaas_training_info('spam', 1) WHERE item = 'by';
SELECT count(*) > 0 AS losses FROM aiaas_training_info('spam', 1) WHERE item LIKE 'loss after epoch %';
SELECT * FROM aiaas_training_info('copied');
SELECT sqlstate_of($$SELECT * FROM aiaas_training_info('spam', 99)$$), sqlstate_of($$SELECT * FROM aiaas_training_info('spam', 0)$$);
SELECT count(*) FROM aiaas_training_info(NULL);

-- a training is part of its transaction
BEGIN;
SELECT version FROM aiaas_train('mails', 'label', 'undone', '{body}');
SELECT aiaas_classify('undone', 'cheap pills');
ROLLBACK;
SELECT to_regclass('undone');
BEGIN;
SAVEPOINT a;
SELECT version FROM aiaas_train('mails', 'label', 'spam', '{body}');
ROLLBACK TO a;
SELECT version FROM aiaas_train('mails', 'label', 'spam', '{body}');
COMMIT;
BEGIN READ ONLY;
SELECT sqlstate_of($$SELECT aiaas_train('mails')$$), sqlstate_of($$SELECT aiaas_retrain('spam')$$);
COMMIT;
-- the same rows, order and seed: the same bytes
SET max_parallel_workers_per_gather = 0;
SET synchronize_seqscans = off;
SELECT version FROM aiaas_train('mails', 'label', 'twice', '{body}');
SELECT version FROM aiaas_train('mails', 'label', 'twice', '{body}');
SELECT count(DISTINCT digest) FROM aiaas_versions('twice');
-- nobody trains now
SELECT count(*) FROM aiaas.training_progress;

SET client_min_messages = warning;
DROP SCHEMA trainer, "Odd Schema" CASCADE;
DROP TABLE mails_model, spam, short_mails_model, kept_mails_model, parts_model, scratch_model, query, typed, texts, nulls, weighted, copied, empty, twice;
DROP TABLE mails, parts, scratch CASCADE;
DROP TYPE mood;
DROP FUNCTION sqlstate_of;
GRANT CREATE ON SCHEMA public TO PUBLIC;
DROP ROLE regress_aiaas_trainer, regress_aiaas_owner;
