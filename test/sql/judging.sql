--
-- Judging models of tables: aggregates of errors, aiaas_evaluate, curves, the
-- aggregate aiaas.judgement and its state
--
SET client_min_messages = warning;
SET extra_float_digits = 0;
CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n\t', SQLSTATE || ' ' || SQLERRM, nullif(hint, ''));
END $$;
-- equal but for rounding
CREATE FUNCTION near(a float8, b float8, tolerance float8 = 1e-12) RETURNS boolean LANGUAGE sql
	RETURN coalesce(abs(a - b) <= tolerance * greatest(1, abs(b)), a IS NULL AND b IS NULL);

-- errors of a regression: what their formulas say
CREATE TABLE guesses AS
SELECT i % 3 AS grp, (i * 37 % 101) / 7.0::float8 - 3.1 AS actual, (i * 37 % 101) / 7.0::float8 - 3.1 + (i * 59 % 23 - 11) / 5.0 AS predicted
FROM generate_series(1, 1000) i;
INSERT INTO guesses VALUES (0, NULL, 1), (1, 1, NULL), (2, NULL, NULL);
SELECT grp, near(aiaas_mse(actual, predicted), avg((actual - predicted) ^ 2)) AS mse,
	near(aiaas_rmse(actual, predicted), sqrt(avg((actual - predicted) ^ 2))) AS rmse,
	near(aiaas_mae(actual, predicted), avg(abs(actual - predicted))) AS mae,
	near(aiaas_mape(actual, predicted), avg(abs((actual - predicted) / actual))) AS mape,
	near(aiaas_r2(actual, predicted), 1 - sum((actual - predicted) ^ 2) / (var_pop(actual) FILTER (WHERE predicted IS NOT NULL) * count(actual - predicted))) AS r2,
	near(aiaas_median_absolute_error(actual, predicted), percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(actual - predicted))) AS median
FROM guesses GROUP BY grp ORDER BY grp;
SELECT aiaas_mse(a, p), aiaas_rmse(a, p), aiaas_mae(a, p), aiaas_mape(a, p), aiaas_r2(a, p), aiaas_median_absolute_error(a, p)
FROM (VALUES (1, 2), (2, 2), (4, 1.5)) v(a, p);
-- nothing; one row; all equal; a share of nothing
SELECT aiaas_mse(a, p), aiaas_r2(a, p), aiaas_median_absolute_error(a, p) FROM (VALUES (NULL::float8, 1)) v(a, p);
SELECT aiaas_mse(3, 1), aiaas_r2(3, 1), aiaas_median_absolute_error(3, 1), aiaas_mape(0, 1);
SELECT aiaas_r2(a, p), aiaas_mape(a, p) FROM (VALUES (0.1, 2), (0.1, 3), (0.1, 0.1)) v(a, p);
SELECT aiaas_mae(actual, predicted) FILTER (WHERE false) AS none, near(aiaas_mae(actual, predicted) FILTER (WHERE grp = 1),
	avg(abs(actual - predicted)) FILTER (WHERE grp = 1)) AS filtered FROM guesses;
-- in windows
SELECT bool_and(near(mae, mae_of) AND near(median, median_of, 1e-9) AND near(r2, r2_of, 1e-9)) FROM (
	SELECT aiaas_mae(actual, predicted) OVER w AS mae, avg(abs(actual - predicted)) OVER w AS mae_of,
		aiaas_median_absolute_error(actual, actual + 1) OVER w AS median, 1 AS median_of,
		aiaas_r2(actual, actual + 1) OVER w AS r2, 1 - 1 / nullif(var_pop(actual) OVER w, 0) AS r2_of
	FROM guesses WHERE actual + predicted IS NOT NULL WINDOW w AS (ORDER BY predicted, actual ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)) s;

-- classification
SELECT aiaas_balanced_accuracy(a, p), round(aiaas_mcc(a, p)::numeric, 12) AS mcc
FROM (VALUES ('a', 'a'), ('a', 'b'), ('b', 'b'), ('b', 'b'), ('c', 'a'), (NULL, 'a')) v(a, p);
SELECT near(aiaas_mcc(a, p), corr(a::int, p::int)) AS mcc, near(aiaas_balanced_accuracy(a, p), (avg(p::int) FILTER (WHERE a) + 1 - avg(p::int) FILTER (WHERE NOT a)) / 2) AS balanced,
	aiaas_mcc(a, a), aiaas_mcc(a, NOT a), aiaas_mcc(a, true), aiaas_mcc(a::int, p::int) = aiaas_mcc(a, p) AS integers, aiaas_mcc(a, p::text) = aiaas_mcc(a, p) AS texts
FROM (SELECT i % 3 = 0 AS a, i % 7 < 3 AS p FROM generate_series(1, 100) i) s;
SELECT near(aiaas_brier(a, p), avg((p - a::int) ^ 2)) AS brier, aiaas_brier(a, NULL) FROM (SELECT i % 3 = 0 AS a, i / 100.0 AS p FROM generate_series(1, 100) i) s;
-- average precision by its definition
WITH scored AS (SELECT (i * 7919 % 1009) > 400 AS a, (i * 7919 % 1009 + i % 400) / 50 AS p FROM generate_series(1, 900) i),
	counts AS (SELECT p, sum(count(*) FILTER (WHERE a)) OVER (ORDER BY p DESC) AS hits, sum(count(*)) OVER (ORDER BY p DESC) AS taken,
		count(*) FILTER (WHERE a) AS here FROM scored GROUP BY p)
SELECT near((SELECT aiaas_pr_auc(a, p) FROM scored), sum(here * hits::float8 / taken) / sum(here)) AS pr_auc FROM counts;
SELECT aiaas_pr_auc(true, 1), aiaas_pr_auc(false, 1);

-- bad input
SELECT command || ': ' || sqlstate_of('SELECT ' || command) FROM unnest(ARRAY['aiaas_mse(1, ''NaN'')', 'aiaas_r2(''Infinity'', 1)', 'aiaas_median_absolute_error(1, ''-Infinity'')',
	'aiaas_mse(1e200, -1e200)', 'aiaas_mae(1, 1e300)', 'aiaas_brier(true, 1.5)', 'aiaas_brier(false, ''NaN'')', 'aiaas_pr_auc(true, ''NaN'')',
	'aiaas_mse(''a'', 1)', 'aiaas_mse(true, 1)']) command;

-- states are values; forged ones
SELECT aiaas.regression_accum(aiaas.regression_accum(NULL, 1, 2), 3, 3) AS state, aiaas.regression_accum(NULL, 0, 1) AS no_share, aiaas.mean_brier(NULL, true, 0.5) AS mean;
SELECT aiaas.regression_mse(aiaas.regression_combine('[2,1,2,4,1,0,1,0,1,0]', '[1,5,0,0,2,0,4,0,null,null]')) AS mse,
	aiaas.regression_mape('[1,5,0,0,2,0,4,0,null,null]') AS mape, aiaas.mean_final(aiaas.mean_combine('[1, 0.5, 0]', '[1, 0.25, 0]')) AS mean,
	aiaas.auc_median(aiaas.auc_error(aiaas.auc_error(NULL, 1, 2), 1, 4)) AS median;
SELECT input, sqlstate_of(format('SELECT %L::aiaas.regression_state', input)) FROM unnest(ARRAY['', '[]', '{}', '[1,2,3]', '[-1,0,0,0,0,0,0,0,0,0]', '[1,0,0,0,-1,0,0,0,0,0]',
	'[1,null,0,0,0,0,0,0,0,0]', '[1,0,0,1e400,0,0,0,0,0,0]', '[1,0,0,0,0,0,0,0,"0",0]', '[1,0,0,0,0,0,0,0,null,0]', '[0,0,0,0,0,0,0,0,0,0]']) input;
SELECT input, sqlstate_of(format('SELECT %L::aiaas.mean_state', input)) FROM unnest(ARRAY['', '[1]', '[-1,0,0]', '[1,1e400,0]', '[0,0,0]']) input;
CREATE TABLE forged (bytes bytea);
CREATE TABLE states (regression aiaas.regression_state);
INSERT INTO forged SELECT aiaas.regression_send(aiaas.regression_accum(NULL, 2, 3));
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
SELECT * FROM states;
\set VERBOSITY terse
UPDATE forged SET bytes = set_byte(bytes, 0, 255);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = substr(aiaas.regression_send(aiaas.regression_accum(NULL, 2, 3)), 1, 79);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = overlay(aiaas.regression_send(aiaas.regression_accum(NULL, 2, 3)) PLACING '\x7ff8000000000000' FROM 9);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
\set VERBOSITY default
DROP TABLE forged, states;

-- models of a table: a number, two labels with another positive one, three labels
CREATE TABLE trips AS
SELECT i AS id, (i * 37 % 101) / 10.0::float8 AS distance, i * 53 % 17 AS hour, CASE WHEN i % 11 > 0 THEN (ARRAY['AA', 'DL', 'UA'])[i % 3 + 1] END AS carrier,
	(i * 37 % 101) / 5.0 - (i * 53 % 17) + (i * 7919 % 103) / 20.0 AS delay
FROM generate_series(1, 6000) i;
ALTER TABLE trips ADD late text, ADD three text;
UPDATE trips SET late = CASE WHEN delay + (id * 7907 % 211 - 105) / 20.0 > 4 THEN 'late' ELSE 'on time' END, three = CASE WHEN delay > 8 THEN 'late' WHEN delay > 1 THEN 'fair' ELSE 'early' END;
ALTER TABLE trips SET (parallel_workers = 2);
VACUUM ANALYZE trips;
SELECT model FROM aiaas_train('trips', 'delay', 'delay_model', '{distance,hour,carrier}', 'linear_regression');
SELECT model FROM aiaas_train('trips', 'late', 'late_model', '{distance,hour,carrier}', 'logistic_regression', '{"positive": "late"}');
SELECT model FROM aiaas_train('trips', 'three', 'three_model', '{distance,hour,carrier}', 'logistic_regression');

-- what training stored, in one order
SELECT string_agg(metric, ' ') FROM aiaas_evaluate('delay_model');
SELECT string_agg(metric, ' ') FROM aiaas_evaluate('late_model');
SELECT string_agg(metric, ' ') FROM aiaas_evaluate('three_model');
-- the same figures in the same order as measured ones
SELECT (SELECT array_agg(metric) FROM aiaas_evaluate(model, 'trips')) = (SELECT array_agg(metric) FROM aiaas_evaluate(model)) AS same
FROM unnest('{delay_model,late_model,three_model}'::regclass[]) model;

-- the aggregates say the same
CREATE VIEW measured AS SELECT model, metric, value FROM unnest('{delay_model,late_model,three_model}'::regclass[]) model, LATERAL aiaas_evaluate(model, 'trips');
CREATE TABLE serial AS SELECT * FROM measured;
CREATE TABLE expected AS
SELECT 'delay_model'::regclass AS model, unnest(ARRAY['r2', 'rmse', 'mae', 'median_absolute_error', 'mape', 'mse', 'rows']) AS metric,
	unnest(ARRAY[aiaas_r2(delay, p), aiaas_rmse(delay, p), aiaas_mae(delay, p), aiaas_median_absolute_error(delay, p), aiaas_mape(delay, p), aiaas_mse(delay, p), count(*)]) AS value
FROM (SELECT delay, aiaas_predict('delay_model', t) AS p FROM trips t) s
UNION ALL
SELECT 'late_model', unnest(ARRAY['accuracy', 'balanced_accuracy', 'precision', 'recall', 'f1', 'mcc', 'log_loss', 'brier', 'roc_auc', 'pr_auc', 'rows']),
	unnest(ARRAY[aiaas_accuracy(late, c), aiaas_balanced_accuracy(late, c), aiaas_precision(late, c), aiaas_recall(late, c), aiaas_f1(late, c), aiaas_mcc(late, c),
		aiaas_log_loss(late = 'late', p), aiaas_brier(late = 'late', p), aiaas_roc_auc(late = 'late', p), aiaas_pr_auc(late = 'late', p), count(*)])
FROM (SELECT late, aiaas_classify('late_model', t) AS c, aiaas_score('late_model', t, 'late') AS p FROM trips t) s
UNION ALL
SELECT 'three_model', unnest(ARRAY['accuracy', 'balanced_accuracy', 'mcc', 'brier', 'rows']),
	unnest(ARRAY[aiaas_accuracy(three, c), aiaas_balanced_accuracy(three, c), aiaas_mcc(three, c),
		avg((e - (three = 'early')::int) ^ 2 + (f - (three = 'fair')::int) ^ 2 + (l - (three = 'late')::int) ^ 2), count(*)])
FROM (SELECT three, aiaas_classify('three_model', t) AS c, aiaas_score('three_model', t, 'early') AS e, aiaas_score('three_model', t, 'fair') AS f,
	aiaas_score('three_model', t, 'late') AS l FROM trips t) s;
SELECT e.model, count(*), count(*) FILTER (WHERE near(m.value, e.value, 1e-9)) AS equal, array_agg(metric) FILTER (WHERE NOT near(m.value, e.value, 1e-9)) AS others
FROM expected e LEFT JOIN serial m USING (model, metric) GROUP BY e.model ORDER BY e.model::text;

-- a parallel plan says what a serial one says
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT aiaas.judgement('delay_model', 1, delay, '{distance,hour,carrier}', distance, hour, carrier) FROM trips;
SELECT count(*), count(*) FILTER (WHERE near(m.value, s.value, 1e-9)) AS equal FROM measured m JOIN serial s USING (model, metric);
SELECT * FROM aiaas_confusion_matrix('three_model', 'trips') EXCEPT SELECT three, aiaas_classify('three_model', t), count(*) FROM trips t GROUP BY 1, 2;
-- workers can't see temporary models: no parallel plan then
CREATE TEMP TABLE temporary_model AS SELECT * FROM delay_model;
SELECT near(value, (SELECT value FROM serial WHERE model = 'delay_model'::regclass AND metric = 'r2')) AS same FROM aiaas_evaluate('temporary_model', 'trips') WHERE metric = 'r2';
DROP TABLE temporary_model;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

-- what counts: rows with an actual value and any input
SELECT value AS rows FROM aiaas_evaluate('delay_model', 'SELECT * FROM (VALUES (1.0::float8, 2, ''AA'', 3.0), (NULL, NULL, NULL, 1), (1, NULL, NULL, 2), (1, 2, ''AA'', NULL),
	(1, 2, ''zz'', 4), (1, 2, ''AA'', ''NaN'')) v (distance, hour, carrier, delay)') WHERE metric = 'rows';
-- other columns and another order don't matter, nor do types that fit
SELECT near(a.value, b.value) AS same FROM aiaas_evaluate('delay_model', 'SELECT delay::real::float8 AS delay, carrier::varchar, hour::bigint, now() AS x, distance::numeric FROM trips') a
	JOIN aiaas_evaluate('delay_model', 'SELECT delay::real AS delay, carrier, hour, distance FROM trips') b USING (metric) WHERE metric = 'mae';
-- labels that the model doesn't know, and of other types
SET client_min_messages = notice;
SELECT metric, value FROM aiaas_evaluate('late_model', 'SELECT distance, hour, carrier, CASE WHEN id = 1 THEN ''never'' ELSE ''late'' END AS late FROM trips WHERE id < 4') WHERE metric IN ('accuracy', 'roc_auc', 'rows');
SET client_min_messages = warning;
SELECT model FROM aiaas_train('SELECT distance, hour, late = ''late'' AS late FROM trips', 'late', 'boolean_model', algorithm => 'logistic_regression');
SELECT actual, predicted FROM aiaas_confusion_matrix('boolean_model', 'SELECT distance, hour, late = ''late'' AS late FROM trips');

-- curves: from (0, 0) to (1, 1), thresholds fall, and the areas below are those that evaluate tells
SELECT count(*) <= 1000 AS few, (array_agg(threshold))[1] AS first, min(false_positive_rate), min(true_positive_rate), max(false_positive_rate), max(true_positive_rate), min(threshold) > 0 AS probabilities FROM aiaas_roc_curve('late_model', 'trips');
SELECT bool_and(threshold < before) AS falls, near(sum((x - x0) * (y + y0) / 2), (SELECT value FROM serial WHERE model = 'late_model'::regclass AND metric = 'roc_auc'), 1e-3) AS area
FROM (SELECT threshold, false_positive_rate AS x, true_positive_rate AS y, lag(threshold) OVER w AS before, lag(false_positive_rate) OVER w AS x0, lag(true_positive_rate) OVER w AS y0
	FROM aiaas_roc_curve('late_model', 'trips') WINDOW w AS (ORDER BY threshold DESC)) s;
SELECT near(sum((recall - r0) * precision), (SELECT value FROM serial WHERE model = 'late_model'::regclass AND metric = 'pr_auc'), 2e-3) AS area
FROM (SELECT recall, precision, lag(recall) OVER (ORDER BY threshold DESC) AS r0 FROM aiaas_pr_curve('late_model', 'trips')) s;
-- at a threshold they are what counting says
SELECT c.threshold > 0.5 AS above, near(c.true_positive_rate, k.recall) AS true_positives, near(c.false_positive_rate, k.fall) AS false_positives, near(p.recall, k.recall) AS recall, near(p.precision, k.precision) AS precision
FROM (SELECT * FROM aiaas_roc_curve('late_model', 'trips') WHERE threshold > 0.5 ORDER BY threshold LIMIT 1) c, LATERAL (
	SELECT count(*) FILTER (WHERE l AND s >= c.threshold)::float8 / count(*) FILTER (WHERE l) AS recall, count(*) FILTER (WHERE NOT l AND s >= c.threshold)::float8 / count(*) FILTER (WHERE NOT l) AS fall,
		count(*) FILTER (WHERE l AND s >= c.threshold)::float8 / count(*) FILTER (WHERE s >= c.threshold) AS precision
	FROM (SELECT late = 'late' AS l, aiaas_score('late_model', t, 'late') AS s FROM trips t) r) k, aiaas_pr_curve('late_model', 'trips') p WHERE p.threshold = c.threshold;
-- those that training stored
SELECT count(*) > 50 AS points, max(threshold), max(threshold) FILTER (WHERE threshold < 1e9) < 1 AS probabilities, max(true_positive_rate) FROM aiaas_roc_curve('late_model');
SELECT near(sum((x - x0) * (y + y0) / 2), (SELECT value FROM aiaas_evaluate('late_model') WHERE metric = 'roc_auc'), 2e-3) AS area FROM (SELECT false_positive_rate AS x, true_positive_rate AS y,
	lag(false_positive_rate) OVER w AS x0, lag(true_positive_rate) OVER w AS y0 FROM aiaas_roc_curve('late_model') WINDOW w AS (ORDER BY threshold DESC)) s;
SELECT count(*) > 50 AS points, min(recall), max(recall), max(precision) FROM aiaas_pr_curve('late_model');
-- texts too
CREATE TABLE mails AS SELECT (ARRAY['cheap pills offer', 'meeting agenda notes', 'win money now', 'lunch on friday'])[i % 4 + 1] || ' word' || i * 31 % 50 AS body,
	(ARRAY['spam', 'ham'])[(i + (i % 7) / 6) % 2 + 1] AS label FROM generate_series(1, 400) i;
SELECT model FROM aiaas_train('mails', model => 'mail_model', options => '{"columns": {"body": "text"}}');
SELECT max(threshold) FILTER (WHERE threshold < 1e9) < 1 AND min(threshold) > 0 AS probabilities, max(threshold), max(true_positive_rate) FROM aiaas_roc_curve('mail_model');
SELECT min(threshold) > 0 AS probabilities FROM aiaas_pr_curve('mail_model', 'mails');

-- a model of more columns than a function has arguments is judged by rows
DO $$ BEGIN
	EXECUTE format('CREATE TABLE wide AS SELECT %s, i %% 10 + i %% 7 AS y FROM generate_series(1, 300) i',
		(SELECT string_agg(format('(i * %s %% %s)::float8 AS f%s', 7 * c + 3, 13 + c, c), ', ') FROM generate_series(1, 120) c));
END $$;
SELECT model FROM aiaas_train('wide', 'y', 'wide_model', algorithm => 'linear_regression', options => '{"alpha": 0.1, "task": "regression"}');
SELECT near(e.value, a.value) AS same FROM aiaas_evaluate('wide_model', 'wide') e, (SELECT aiaas_mae(y, aiaas_predict('wide_model', w)) AS value FROM wide w) a WHERE metric = 'mae';
SELECT near(e.value, a.value) AS same FROM aiaas_evaluate('wide_model', 'SELECT 1 AS judged, * FROM wide') e, (SELECT aiaas_mae(y, aiaas_predict('wide_model', w)) AS value FROM wide w) a WHERE metric = 'mae';

-- bad input
\pset format unaligned
\pset tuples_only on
SELECT command || E'\n\t' || sqlstate_of('SELECT * FROM ' || command) FROM unnest(ARRAY[
	$$aiaas_evaluate('delay_model', 'SELECT distance, hour, carrier, late AS delay FROM trips')$$, $$aiaas_evaluate('delay_model', 'SELECT distance, hour, carrier, ARRAY[delay] AS delay FROM trips')$$,
	$$aiaas_evaluate('delay_model', 'SELECT distance, hour, delay FROM trips')$$, $$aiaas_evaluate('delay_model', 'SELECT late AS distance, hour, carrier, delay FROM trips')$$,
	$$aiaas_evaluate('delay_model', 'SELECT distance, hour, carrier, ''Infinity''::float8 AS delay FROM trips')$$, $$aiaas_evaluate('delay_model', 'SELECT 1 AS a, 2 AS a, distance, hour, carrier, delay FROM trips LIMIT 0')$$, $$aiaas_evaluate('delay_model', 'SELECT distance, hour, carrier, hour, delay FROM trips')$$, $$aiaas_evaluate('delay_model', 'SELECT distance, hour, carrier, 1e200::float8 AS delay FROM trips')$$,
	$$aiaas_evaluate('delay_model', 'SELECT ''Infinity''::float8 AS distance, hour, carrier, delay FROM trips')$$, $$aiaas_evaluate('delay_model', 'TABLE trips LIMIT 0')$$,
	$$aiaas_confusion_matrix('delay_model')$$, $$aiaas_confusion_matrix('delay_model', 'trips')$$, $$aiaas_roc_curve('delay_model', 'trips')$$, $$aiaas_pr_curve('delay_model')$$,
	$$aiaas_roc_curve('three_model')$$, $$aiaas_pr_curve('three_model', 'trips')$$, $$aiaas_roc_curve('wide')$$, $$aiaas_roc_curve('aiaas.sentiment')$$,
	$$aiaas_roc_curve('late_model', 'SELECT * FROM trips WHERE late = ''late''')$$, $$aiaas_roc_curve('boolean_model', 'nosuch')$$]) command;
SELECT command || E'\n\t' || sqlstate_of('SELECT aiaas.judgement' || command || ' FROM trips') FROM unnest(ARRAY[
	$$('delay_model', 1, late, '{distance,hour,carrier}', distance, hour, carrier)$$, $$('delay_model', 0, delay, '{distance,hour,carrier}', distance, hour, carrier)$$,
	$$('delay_model', 9, delay, '{distance,hour,carrier}', distance, hour, carrier)$$, $$('trips', 1, delay, '{distance,hour,carrier}', distance, hour, carrier)$$,
	$$('delay_model', 1, delay, '{distance,hour}', distance, hour, carrier)$$, $$('delay_model', 1, delay, '{distance,hour,NULL}', distance, hour, carrier)$$,
	$$('delay_model', 1, delay, '{distance,hour}', distance, hour)$$, $$('delay_model', 1, delay, NULL, distance)$$, $$('delay_model', 1, delay, NULL, distance, hour)$$,
	$$('delay_model', 1, delay, '{distance,hour,carrier}', VARIADIC ARRAY[distance, hour, 1])$$, $$('delay_model', 1, delay, NULL, trips)$$, $$('delay_model', 1, delay, '{a}', NULL)$$]) command;
\pset tuples_only off
\pset format aligned
SELECT count(*) FROM aiaas_roc_curve(NULL, 'trips');
SELECT aiaas.judgement(NULL, 1, delay, '{distance}', distance) IS NULL AS no_model, aiaas.judgement('delay_model', 1, delay, NULL, NULL::trips) IS NULL AS no_row FROM trips;

-- the state of aiaas.judgement: text and back, added, forged
CREATE TABLE kept AS SELECT id % 2 AS half, aiaas.judgement('late_model', 1, late, NULL, t) AS state FROM trips t WHERE id <= 12 GROUP BY 1;
SELECT left(state::text, 9), state::text = state::text::aiaas.judgement_state::text AS same FROM kept ORDER BY half;
\copy kept TO 'results/judgement.bin' (FORMAT binary)
CREATE TABLE again (LIKE kept);
\copy again FROM 'results/judgement.bin' (FORMAT binary)
SELECT k.state::text = a.state::text AS same FROM kept k JOIN again a USING (half);
SELECT aiaas.judgement_combine('[[1,0.5,0],[1,0.25,0],[0,0,0,0,0,0,0,0,0,0],[["a","a",1]],[0,["bff0000000000000",1,0]]]', '[[1,0.5,0],[1,0.25,0],[0,0,0,0,0,0,0,0,0,0],[["b","a",1]],[0,["bff0000000000000",0,1]]]');
SELECT input, sqlstate_of(format('SELECT %L::aiaas.judgement_state', input)) FROM unnest(ARRAY['', '[]', '{}', '[1,2,3,4,5]', '[[],[],[],[],[]]', '[[1,0,0],[1,0,0],[0,0,0,0,0,0,0,0,0,0],[],[0],[]]',
	'[[1,0,0],[1,0,0],[0,0,0,0,0,0,0,0,0,0],[["a"]],[0]]', '[[1,0,0],[1,0,0],[0,0,0,0,0,0,0,0,0,0],[],[99]]', '[[0,0,0],[0,0,0],[0,0,0,0,0,0,0,0,0,0],[],[0]]']) input;
CREATE TABLE forged (bytes bytea);
ALTER TABLE again DROP COLUMN half;
\set VERBOSITY terse
INSERT INTO forged SELECT substr(aiaas.judgement_send(state), 1, 100) FROM kept WHERE half = 0;
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy again FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT set_byte(aiaas.judgement_send(state), 128, 127) FROM kept WHERE half = 0);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy again FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT aiaas.judgement_send(state) || '\x00' FROM kept WHERE half = 0);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy again FROM 'results/forged.bin' (FORMAT binary)
\set VERBOSITY default
SELECT count(*) FROM pg_cast WHERE castsource::regtype::text ~ '^aiaas\..*_state$' OR casttarget::regtype::text ~ '^aiaas\..*_state$';

-- rights: of the caller, on model and source
CREATE ROLE regress_aiaas_judging;
GRANT SELECT (distance, hour, carrier, late) ON trips TO regress_aiaas_judging;
SET ROLE regress_aiaas_judging;
SELECT sqlstate_of($$SELECT * FROM aiaas_roc_curve('late_model')$$), sqlstate_of($$SELECT aiaas.judgement('late_model', 1, late, '{distance,hour,carrier}', distance, hour, carrier) FROM trips$$);
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON late_model, delay_model TO regress_aiaas_judging;
SET ROLE regress_aiaas_judging;
SELECT count(*) FROM aiaas_evaluate('late_model', 'trips');
SELECT sqlstate_of($$SELECT * FROM aiaas_evaluate('delay_model', 'trips')$$);
RESET ROLE;

DROP VIEW measured;
DROP TABLE guesses, trips, serial, expected, mails, wide, kept, again, forged, delay_model, late_model, three_model, boolean_model, mail_model, wide_model;
DROP FUNCTION sqlstate_of, near;
DROP ROLE regress_aiaas_judging;
