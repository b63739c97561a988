-- The main job of aiaas on real data; demo/run.sh runs it on a server of its own.

\pset footer off
SET client_min_messages = warning;
CREATE EXTENSION aiaas;

\echo
\echo '== 1. A model is there from the start: is a text positive, neutral or negative?'
\echo
\set ECHO queries

SELECT text, aiaas_classify(text) AS sentiment, round(aiaas_score(text)::numeric, 2) AS score
FROM (VALUES
	('What a wonderful day, thank you all!'),
	('Not bad, it works well'),
	('The battery died after two days. Never again.'),
	('The meeting starts at ten.'),
	('这家酒店太棒了,下次还来'),
	('不太好,有点失望'),
	('快递明天到')) AS t (text);

SELECT feature, round(contribution::numeric, 3) AS contribution
FROM aiaas_explain('Not bad, it works well') LIMIT 8;

\set ECHO none
CREATE TABLE packages (name text, section text, description text);
\copy packages FROM PROGRAM 'apt-cache dumpavail | awk -f demo/packages.awk'
VACUUM ANALYZE packages;
\echo
\echo '== 2. Train on a table: the descriptions of all packages of this Debian, by section'
\echo
\set ECHO queries

SELECT count(*), count(DISTINCT section) AS sections FROM packages;

SELECT * FROM packages WHERE name IN ('0ad', 'mutt', 'postgresql-15', 'zsh');

\timing on
SELECT model, version, algorithm, rows, duration
FROM aiaas_train('packages', 'section', features => '{description}');
\timing off

\set ECHO none
\echo
\echo '== 3. How good is it?  On a fifth of the rows, which that fit never saw:'
\echo
\set ECHO queries

SELECT metric, round(value::numeric, 4) AS value FROM aiaas_evaluate('packages_model');

SELECT * FROM aiaas_confusion_matrix('packages_model')
WHERE actual <> predicted ORDER BY count DESC LIMIT 5;

\set ECHO none
\echo
\echo '== 4. Use it: in any query, here in a view with GROUP BY'
\echo
\set ECHO queries

SELECT aiaas_classify('packages_model', 'fast and friendly Sudoku with a daily puzzle') AS section;

CREATE VIEW guesses AS
SELECT name, section, aiaas_classify('packages_model', description) AS guess, description
FROM packages;

\timing on
SELECT guess, count(*) AS packages, round(100.0 * avg((guess = section)::int), 1) AS "in that section, %"
FROM guesses GROUP BY guess ORDER BY packages DESC LIMIT 6;
\timing off

-- packages that look as if they were in the wrong section
SELECT name, section, guess, description
FROM guesses WHERE guess <> section
ORDER BY aiaas_score('packages_model', description) DESC LIMIT 5;

-- one copy of the model serves all connections
SELECT model, version, pg_size_pretty(bytes) AS memory, hits, loads FROM aiaas.shared_models;

\set ECHO none
\echo
\echo '== 5. Ask it why'
\echo
\set ECHO queries

SELECT label, round(score::numeric, 3) AS score
FROM aiaas_scores('packages_model', 'Python bindings for the GTK toolkit')
ORDER BY score DESC LIMIT 3;

SELECT feature, round(contribution::numeric, 3) AS contribution
FROM aiaas_explain('packages_model', 'Python bindings for the GTK toolkit');

\set ECHO none
\echo
\echo '== 6. Train another version, which reads the names as well; deploy it; go back'
\echo
\set ECHO queries

SELECT version, rows, metrics -> 'accuracy' AS accuracy, duration
FROM aiaas_train('packages', 'section', features => '{name, description}', options => '{"deploy": false}');

BEGIN;
SELECT aiaas_deploy('packages_model', 2);
SELECT live_version, versions FROM aiaas.models WHERE model = 'packages_model'::regclass;
ROLLBACK;

SELECT aiaas_deploy('packages_model', 2);
SELECT aiaas_rollback('packages_model');

SELECT model, task, live_version, versions, rows, metric, round(score::numeric, 4) AS score, pg_size_pretty(size) AS size
FROM aiaas.models ORDER BY model;
