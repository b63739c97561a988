--
-- classify, score, scores, explain, tokenize: every form, every way to write the arguments
--
SET client_min_messages = warning;
CREATE TABLE words (body text, label text);
INSERT INTO words
	SELECT body, label FROM generate_series(1, 20), (VALUES
		('cheap pills', 'spam'), ('buy cheap pills now', 'spam'), ('pills and watches', 'spam'),
		('meeting at noon', 'good'), ('notes of the meeting', 'good'), ('lunch at noon', 'good'),
		('free money', 'bait'), ('free lottery money', 'bait'), ('money for free', 'bait')) AS v (body, label);
SELECT model, version FROM aiaas_train('words', model => 'three', options => '{"holdout": 0}');
SELECT model, version FROM aiaas_train($$SELECT * FROM words WHERE label <> 'bait'$$, model => 'spam', options => '{"holdout": 0}');
CREATE TABLE mails AS SELECT split_part(body, ' ', 1) AS subject, body, label FROM words;
SELECT model, version FROM aiaas_train('mails', model => 'mail', options => '{"holdout": 0, "columns": {"subject": "text", "body": "text"}}');
RESET client_min_messages;

-- a text; calls without casts
SELECT aiaas_classify('spam', 'cheap pills'), aiaas_classify('spam', 'a meeting');
SELECT aiaas_classify('spam', body) AS label, count(*) FROM words WHERE label <> 'bait' GROUP BY 1 ORDER BY 1;
SELECT aiaas_classify('spam', 'cheap pills'::varchar), aiaas_classify('spam', 'cheap pills'::char(20)),
	   aiaas_classify('spam', 'pills'::name), aiaas_classify('spam'::text, 'pills'),
	   aiaas_classify('spam'::regclass, 'pills'), aiaas_classify('public.spam', 'pills'),
	   aiaas_classify(model => 'spam', input => 'pills');
PREPARE untyped AS SELECT aiaas_classify($1, $2), aiaas_classify($1, 1, $2), round(aiaas_score($1, $2, $3)::numeric);
EXECUTE untyped('spam', 'cheap pills', 'spam');
SELECT aiaas_classify('spam', NULL), aiaas_classify(NULL, 'pills'), aiaas_classify('spam', NULL::text), aiaas_classify('spam', 1, NULL);
SELECT aiaas_classify('spam', '') IS NOT NULL AS empty, aiaas_classify('spam', 'xyzzy') IS NOT NULL AS unknown;
SELECT aiaas_classify('spam', repeat('cheap pills ', 100000));

-- text[]: an array of the same shape back
SELECT aiaas_classify('spam', ARRAY['pills', NULL, 'meeting']);
SELECT aiaas_classify('spam', ARRAY[['pills', 'meeting'], ['noon', NULL]]);
SELECT aiaas_classify('spam', '[3:4]={pills,meeting}'::text[]), aiaas_classify('spam', '{}'::text[]), aiaas_classify('spam', NULL::text[]);
SELECT aiaas_classify('spam', ARRAY['pills', 'meeting']::varchar[]);
SELECT aiaas_classify('spam', array_agg(body)) = array_agg(aiaas_classify('spam', body)) FROM words;

-- a record, by column name
SELECT aiaas_classify('mail', m) FROM mails AS m LIMIT 1;
SELECT aiaas_classify('mail', m.*) FROM mails AS m LIMIT 1;
SELECT count(*) FROM mails AS m WHERE aiaas_classify('mail', m) = label;
SELECT aiaas_classify('mail', t) FROM (SELECT 42 AS id, 'cheap pills'::varchar AS body, 'cheap'::name AS subject) AS t;
SELECT aiaas_classify('mail', t) FROM (VALUES ('cheap', 'cheap pills'), (NULL, 'meeting at noon'), (NULL, NULL)) AS t (subject, body);
SELECT aiaas_classify('spam', t), round(aiaas_score('spam', t, 'spam')) FROM (SELECT 'cheap pills' AS body) AS t;
SELECT aiaas_classify('mail', NULL::mails);
CREATE TYPE mood AS ENUM ('cheap pills', 'meeting');
CREATE DOMAIN note AS text;
SELECT aiaas_classify('spam', t) FROM (SELECT 'meeting'::mood AS body) AS t;
SELECT aiaas_classify('spam', t) FROM (SELECT 'meeting'::note AS body) AS t;
SELECT aiaas_classify('mail', t) FROM (SELECT 'a' AS subject) AS t;
SELECT aiaas_classify('mail', ROW('cheap', 'cheap pills')), aiaas_classify('mail', ROW(NULL, 'meeting at noon')), aiaas_classify('mail', ROW(NULL, NULL));
SELECT aiaas_classify('mail', ROW('cheap', 'cheap pills', 'spam'));
SELECT aiaas_classify('mail', w) FROM words AS w;
SELECT aiaas_classify('mail', t) FROM (SELECT 1 AS subject, 'a' AS body) AS t;
SELECT aiaas_classify('mail', 'one text');
SELECT aiaas_classify('mail', ARRAY['one text']);
ALTER TABLE mails ADD dropped int, ADD last text;
ALTER TABLE mails DROP subject;
SELECT aiaas_classify('mail', m) FROM mails AS m LIMIT 1;
ALTER TABLE mails RENAME label TO subject;
SELECT DISTINCT aiaas_classify('mail', m) FROM mails AS m WHERE body = 'cheap pills';

-- scores
SELECT label, score > 0.5 AS likely FROM aiaas_scores('three', 'free money') ORDER BY score DESC;
SELECT round(sum(score)::numeric, 9), count(*), bool_and(score >= 0 AND score <= 1) FROM aiaas_scores('three', 'anything');
SELECT w.label, s.label FROM (SELECT DISTINCT body, label FROM words) AS w, LATERAL aiaas_scores('three', w.body) AS s
	WHERE s.score > 0.5 AND s.label <> w.label;
SELECT * FROM aiaas_scores('three', NULL::text);
SELECT (aiaas_scores('spam', 'cheap pills')).label;
SELECT label FROM aiaas_scores('mail', (SELECT t FROM (SELECT 'cheap' AS subject, 'cheap pills' AS body) AS t)) LIMIT 1;
SELECT aiaas_score('three', 'free money') = max(score) FROM aiaas_scores('three', 'free money');
SELECT aiaas_score('three', 'free money', s.label) = s.score FROM aiaas_scores('three', 'free money') AS s;
SELECT aiaas_score('three', 'free money', NULL) = aiaas_score('three', 'free money', 'bait') AS same,
	   aiaas_score('three', 'free money', label => 'spam') < 0.5 AS less,
	   aiaas_score('three', NULL, 'spam'), aiaas_score(NULL, 'x'), aiaas_score('three', 1, 'free money', 'bait') > 0.5 AS pinned;
SELECT aiaas_score('three', ARRAY['free money', NULL], 'bait') = ARRAY[aiaas_score('three', 'free money', 'bait'), NULL] AS same;
SELECT count(*) FROM unnest(aiaas_score('three', (SELECT array_agg(body) FROM words, generate_series(1, 5)))) AS s WHERE s > 0.5;
SELECT aiaas_score('three', 'free money', 'spma');
SELECT aiaas_score('three', 'free money', 'nothing like it');
SELECT aiaas_score('three', 'free money', '');

-- explain: the parts sum to the logit, and quote the text
SELECT feature FROM aiaas_explain('spam', 'Cheap PILLS, cheap') LIMIT 1;
SELECT count(*) > 1 AS several, bool_or(feature LIKE '%pills%') AS words FROM aiaas_explain('spam', 'Cheap PILLS, cheap');
SELECT abs(aiaas_score('spam', 'cheap pills', 'spam') - 1 / (1 + exp(-sum(contribution)))) < 1e-6 AS adds_up
	FROM aiaas_explain('spam', 'cheap pills', 'spam');
SELECT abs(a.total + b.total) < 1e-9 AS opposite FROM
	(SELECT sum(contribution) AS total FROM aiaas_explain('spam', 'pills', 'spam')) AS a,
	(SELECT sum(contribution) AS total FROM aiaas_explain('spam', 'pills', 'good')) AS b;
SELECT count(*) > 1 AS record FROM aiaas_explain('mail', (SELECT t FROM (SELECT 'cheap' AS subject, 'cheap pills' AS body) AS t));
SELECT count(*) > 1 AS pinned FROM aiaas_explain('spam', 1, 'cheap pills');
SELECT * FROM aiaas_explain('spam', NULL::text);
SELECT * FROM aiaas_explain('spam', 'pills', 'spma');

-- tokenize
SELECT aiaas_tokenize('spam', 'Don''t BUY Straße at 9:30'), aiaas_tokenize('spam', ''), aiaas_tokenize('spam', NULL);

-- the default model
SET aiaas.default_model = 'public.spam';
SELECT aiaas_classify('cheap pills'), aiaas_classify(ARRAY['pills', 'meeting']), aiaas_score('cheap pills') > 0.5 AS likely;
SELECT label FROM aiaas_scores('cheap pills');
SELECT count(*) > 1 AS explained FROM aiaas_explain('cheap pills');
SELECT aiaas_classify(NULL), aiaas_classify(body::varchar) FROM words LIMIT 1;
DO $$
BEGIN
	FOR i IN 1 .. 2 LOOP
		PERFORM set_config('aiaas.default_model', CASE i WHEN 1 THEN 'public.spam' ELSE 'public.three' END, true);
		RAISE NOTICE '%: %', i, aiaas_classify('free money') = 'bait';
	END LOOP;
END $$;
SET aiaas.default_model = 'public.nothing';
SELECT aiaas_classify('cheap pills');
SET aiaas.default_model = 'nothing';
RESET aiaas.default_model;

-- what is no model, or has no such version
SELECT aiaas_classify('words', 'x');
SELECT aiaas_classify('no_such_model', 'x');
SELECT aiaas_classify(1::oid::regclass, 'x');
SELECT aiaas_classify('spam', 7, 'x');
SELECT aiaas_classify('spam', 0, 'x');
SELECT aiaas_classify('spam', -1, 'x');
SELECT aiaas_create_model('empty');
SELECT aiaas_classify('empty', 'x');

-- the same, and others, as SQLSTATEs
\set VERBOSITY sqlstate
SELECT aiaas_classify('words', 'not a model');
SELECT aiaas_classify('no_such_model', 'x');
SELECT aiaas_classify('spam', 7, 'no such version');
SELECT aiaas_classify('spam', 0, 'no version');
SELECT aiaas_classify('empty', 'no live version');
SELECT aiaas_classify('mail', 'one text for two columns');
SELECT aiaas_classify('mail', t) FROM (SELECT 'subject' AS topic, 'a' AS body) AS t;
SELECT aiaas_classify('mail', ROW('one column'));
SELECT aiaas_classify('mail', t) FROM (SELECT 1 AS subject, 'a' AS body) AS t;
SELECT aiaas_score('spam', 'x', 'no such label');
SELECT aiaas_explain('spam', 'x', 'no such label');
SET aiaas.default_model = 'public.nothing';
SELECT aiaas_classify('no default model');
SET aiaas.default_model = '';
SELECT aiaas_classify('no default model');
RESET aiaas.default_model;
SELECT aiaas_classify('spam', 1);
SELECT aiaas_classify(1, 'x');
SELECT aiaas_unload('words');
\set VERBOSITY default

-- the live version is the snapshot's; a pinned one stays
SET client_min_messages = warning;
SELECT version FROM aiaas_train($$SELECT body, CASE label WHEN 'spam' THEN 'junk' ELSE label END AS label FROM words WHERE label <> 'bait'$$,
	model => 'spam', options => '{"holdout": 0, "deploy": false}');
RESET client_min_messages;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT aiaas_classify('spam', 'cheap pills'), aiaas_classify('spam', 2, 'cheap pills');
SELECT aiaas_deploy('spam', 2);
SELECT aiaas_classify('spam', 'cheap pills'), aiaas_classify('spam', 1, 'cheap pills');
SAVEPOINT s;
SELECT aiaas_deploy('spam', 1);
SELECT aiaas_classify('spam', 'cheap pills');
ROLLBACK TO s;
SELECT aiaas_classify('spam', 'cheap pills');
ROLLBACK;
SELECT aiaas_classify('spam', 'cheap pills');
DO $$
BEGIN
	FOR i IN 1 .. 4 LOOP
		BEGIN
			PERFORM aiaas_deploy('spam', 1 + i % 2);
			RAISE NOTICE 'deployed %: %', 1 + i % 2, aiaas_classify('spam', 'cheap pills');
			IF i > 2 THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN
			RAISE NOTICE 'undone: %', aiaas_classify('spam', 'cheap pills');
		END;
	END LOOP;
END $$;

-- several models at one place: more than a call site keeps
SELECT m, aiaas_classify(m::regclass, 1, 'cheap pills') FROM generate_series(1, 2), unnest(ARRAY['spam', 'three']) AS m;
DO $$
BEGIN
	FOR i IN 1 .. 7 LOOP
		EXECUTE format('CREATE TABLE copy%s AS TABLE %I', i, CASE i % 2 WHEN 0 THEN 'spam' ELSE 'three' END);
	END LOOP;
END $$;
SELECT count(*) FROM generate_series(1, 21) AS i WHERE aiaas_classify(('copy' || i % 7 + 1)::regclass, 'cheap pills') = 'spam';
DROP TABLE copy1, copy2, copy3, copy4, copy5, copy6, copy7;

-- indexable when pinned, not when live
CREATE INDEX words_label ON words (aiaas_classify('spam', 1, body));
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT count(*) FROM words WHERE aiaas_classify('spam', 1, body) = 'spam';
SELECT count(*) FROM words WHERE aiaas_classify('spam', 1, body) = 'spam';
RESET enable_seqscan;
CREATE INDEX ON words (aiaas_classify('spam', body));
DROP INDEX words_label;

-- a view follows a rename, and keeps the model from being dropped
CREATE VIEW labelled AS SELECT body, aiaas_classify('three', body) AS label FROM words;
ALTER TABLE three RENAME TO triple;
SELECT label, count(*) FROM labelled GROUP BY label ORDER BY label;
DROP TABLE triple;
ALTER TABLE triple RENAME TO three;

-- in parallel, also with a temporary model
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
ALTER TABLE words SET (parallel_workers = 2);
EXPLAIN (COSTS off) SELECT aiaas_classify('three', body), count(*) FROM words GROUP BY 1;
SELECT aiaas_classify('three', body), count(*) FROM words GROUP BY 1 ORDER BY 1;
SELECT aiaas_import('pg_temp.mine', string_agg(data, '' ORDER BY chunk)) IS NOT NULL AS imported FROM aiaas_export('three');
EXPLAIN (COSTS off) SELECT aiaas_classify('mine', body), count(*) FROM words GROUP BY 1;
SELECT aiaas_classify('mine', body), count(*) FROM words GROUP BY 1 ORDER BY 1;
SELECT '987654321'::regclass AS no_relation;	-- others' queries are planned as ever
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT aiaas_classify('mine', 'free money');
SELECT count(*) FROM words WHERE label = (SELECT aiaas_classify('mine', 'free money'));
SET plan_cache_mode = force_generic_plan;
PREPARE late(regclass) AS SELECT aiaas_classify($1, body), count(*) FROM words GROUP BY 1 ORDER BY 1;
EXECUTE late('three');
EXECUTE late('mine');
RESET plan_cache_mode;
SET aiaas.default_model = 'pg_temp.mine';
SELECT count(*) FROM words WHERE aiaas_classify(body) = label;
RESET aiaas.default_model;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- rights: the caller's, also inside a view; a SECURITY DEFINER function lends the owner's
CREATE ROLE aiaas_infer_user;
GRANT SELECT ON words, labelled TO aiaas_infer_user;
CREATE FUNCTION lend(text) RETURNS text STABLE SECURITY DEFINER SET search_path = public, pg_temp
	LANGUAGE sql AS $$ SELECT aiaas_classify('three', $1) $$;
SET ROLE aiaas_infer_user;
SELECT aiaas_classify('three', 'free money');
SELECT count(*) FROM labelled WHERE label = 'spam';
SELECT aiaas_classify('three', 1, 'free money');
SELECT * FROM aiaas_scores('three', 'free money');
SELECT lend('free money');
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON three TO aiaas_infer_user;
SET ROLE aiaas_infer_user;
SELECT aiaas_classify('three', 'free money');
SELECT count(*) FROM labelled WHERE label = 'spam';
SELECT aiaas_unload('three');
SELECT model, version, digest FROM aiaas.shared_models WHERE database = current_database() AND model IS NOT NULL;
RESET ROLE;
SELECT DISTINCT model::text, version, pins, loads > 0 AS loaded FROM aiaas.shared_models WHERE model IN ('three'::regclass, 'mail'::regclass) ORDER BY 1;
SELECT aiaas_unload('three'), aiaas_unload('three');
DROP FUNCTION lend(text);
DROP VIEW labelled;
DROP TABLE words, mails, spam, three, mail, empty;
DROP TYPE mood;
DROP DOMAIN note;
DROP ROLE aiaas_infer_user;
