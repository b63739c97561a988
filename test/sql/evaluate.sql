--
-- aiaas_evaluate, aiaas_confusion_matrix
--
SET client_min_messages = notice;
CREATE TABLE judged_mails (id int PRIMARY KEY, body text, label text);
INSERT INTO judged_mails
SELECT i, (ARRAY['cheap pills offer', 'meeting agenda notes', 'win money now', 'lunch on friday'])[i % 4 + 1] || ' ' ||
	(ARRAY['red', 'green', 'blue', 'black', 'white'])[i % 5 + 1] || ' ' || (ARRAY['one', 'two', 'three'])[i % 3 + 1],
	(ARRAY['spam', 'ham'])[i % 2 + 1]
FROM generate_series(1, 300) i;
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
SELECT model, version FROM aiaas_train('judged_mails', model => 'judge');

-- what training measured
SELECT metric, round(value::numeric, 1) AS value FROM aiaas_evaluate('judge');
SELECT * FROM aiaas_confusion_matrix('judge');
-- on a table, a view, a query; extra columns and another order don't matter
SELECT metric, round(value::numeric, 1) AS value FROM aiaas_evaluate('judge', 'judged_mails');
CREATE TABLE fresh (label text, score float8, body text);
INSERT INTO fresh VALUES ('spam', 1, 'cheap pills'), ('spam', 1, 'win money'), ('ham', 1, 'win money'), ('ham', 1, 'agenda notes'),
	('ham', 1, 'lunch'), ('spam', 1, 'meeting agenda'), (NULL, 1, 'lunch'), ('ham', 1, NULL), ('spam', 1, 'money');
SELECT metric, round(value::numeric, 6) AS value FROM aiaas_evaluate('judge', 'fresh') WHERE metric NOT IN ('log_loss', 'roc_auc');
SELECT * FROM aiaas_confusion_matrix('judge', 'fresh');
SELECT actual, predicted, count FROM aiaas_confusion_matrix('judge', 'SELECT * FROM fresh WHERE label = ''ham'' ORDER BY body');
-- the same as the aggregates say
SELECT e.value = a.accuracy AS accuracy, f.value = a.f1 AS f1, r.value = a.roc_auc AS roc_auc, abs(l.value - a.log_loss) < 1e-12 AS log_loss
FROM (SELECT aiaas_accuracy(label, aiaas_classify('judge', body)), aiaas_f1(label, aiaas_classify('judge', body)),
		aiaas_roc_auc(label = 'spam', aiaas_score('judge', body, 'spam')), aiaas_log_loss(label = 'spam', aiaas_score('judge', body, 'spam'))
		FROM fresh WHERE label IS NOT NULL AND body IS NOT NULL) a (accuracy, f1, roc_auc, log_loss),
	aiaas_evaluate('judge', 'fresh') e, aiaas_evaluate('judge', 'fresh') f, aiaas_evaluate('judge', 'fresh') r, aiaas_evaluate('judge', 'fresh') l
WHERE e.metric = 'accuracy' AND f.metric = 'f1' AND r.metric = 'roc_auc' AND l.metric = 'log_loss';
-- labels that the model doesn't know
SELECT metric, round(value::numeric, 2) AS value FROM aiaas_evaluate('judge', $$SELECT * FROM (VALUES ('cheap pills', 'spam'), ('lunch', 'eggs'), ('lunch', 'bacon'),
	('lunch', 'eggs'), ('x', '1'), ('x', '2'), ('x', '3'), ('x', '4'), ('x', repeat('long ', 100))) v (body, label)$$) WHERE metric IN ('accuracy', 'rows');
-- one class only: no area
SELECT string_agg(metric, ' ' ORDER BY metric) FROM aiaas_evaluate('judge', 'SELECT * FROM fresh WHERE label = ''ham''');
-- many labels
CREATE TABLE topics AS SELECT 'topic' || i % 30 || ' word' || i AS body, 't' || i % 30 AS topic FROM generate_series(1, 600) i;
SELECT rows FROM aiaas_train('topics', 'topic', options => '{"holdout": 0, "min_df": 1}');
SELECT metric, round(value::numeric, 2) AS value FROM aiaas_evaluate('topics_model', 'topics') WHERE metric <> 'log_loss';
SELECT count(*), sum(count) FROM aiaas_confusion_matrix('topics_model', 'topics');

-- bad input
\pset format unaligned
\pset tuples_only on
SELECT command || E'\n\t' || sqlstate_of('SELECT * FROM ' || command) FROM unnest(ARRAY[
	$$aiaas_evaluate('topics_model')$$, $$aiaas_confusion_matrix('topics_model')$$, $$aiaas_evaluate('nosuch')$$, $$aiaas_evaluate('judged_mails')$$,
	$$aiaas_evaluate('judge', 'nosuch')$$, $$aiaas_evaluate('judge', '')$$, $$aiaas_evaluate('judge', 'DELETE FROM fresh')$$,
	$$aiaas_evaluate('judge', 'SELECT body FROM fresh')$$, $$aiaas_evaluate('judge', 'SELECT label, body AS text FROM fresh')$$,
	$$aiaas_evaluate('judge', 'SELECT label, 1 AS body FROM fresh')$$, $$aiaas_evaluate('judge', 'SELECT * FROM fresh WHERE false')$$,
	$$aiaas_evaluate('judge', 'SELECT NULL AS label, body FROM fresh')$$, $$aiaas_confusion_matrix('judge', 'SELECT 1 / 0 AS label, body FROM fresh')$$]) command;
\pset tuples_only off
\pset format aligned
SELECT count(*) FROM aiaas_evaluate(NULL, 'fresh');
SELECT aiaas_create_model('blank');
SELECT sqlstate_of($$SELECT * FROM aiaas_evaluate('blank')$$), sqlstate_of($$SELECT * FROM aiaas_evaluate('blank', 'fresh')$$);
-- imported: what is to be predicted is told by the columns' names
SELECT version FROM aiaas_import('other', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('judge')));
SELECT round(value::numeric, 2) AS value FROM aiaas_evaluate('other', 'fresh') WHERE metric = 'accuracy';
SELECT sqlstate_of($$SELECT * FROM aiaas_evaluate('other', 'SELECT body, label AS something FROM fresh')$$);

-- rights: of the caller, on model and source; row security holds
CREATE ROLE regress_aiaas_judge;
SET ROLE regress_aiaas_judge;
SELECT sqlstate_of($$SELECT * FROM aiaas_evaluate('judge')$$), sqlstate_of($$SELECT * FROM aiaas_evaluate('judge', 'fresh')$$);
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON judge TO regress_aiaas_judge;
SET ROLE regress_aiaas_judge;
SELECT count(*) FROM aiaas_evaluate('judge');
SELECT sqlstate_of($$SELECT * FROM aiaas_evaluate('judge', 'fresh')$$);
RESET ROLE;
GRANT SELECT ON fresh TO regress_aiaas_judge;
ALTER TABLE fresh ENABLE ROW LEVEL SECURITY;
CREATE POLICY hams ON fresh TO regress_aiaas_judge USING (label = 'ham');
SET ROLE regress_aiaas_judge;
SELECT * FROM aiaas_confusion_matrix('judge', 'fresh');
RESET ROLE;

SET client_min_messages = warning;
DROP TABLE judged_mails, judge, fresh, topics, topics_model, blank, other;
DROP FUNCTION sqlstate_of;
DROP ROLE regress_aiaas_judge;
