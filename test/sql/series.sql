--
-- Series: arrays of any length as steps of one or several channels.
--
SET client_min_messages = warning;
CREATE SCHEMA series;
SET search_path = series, public;
-- the value of an expression, or its error
CREATE FUNCTION try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || left(SQLERRM, 160);
END $$;
-- sines and squares of 20 to 60 steps: of many heights, phases and frequencies, with noise
CREATE TABLE waves AS
	SELECT i, CASE i % 2 WHEN 0 THEN 'sine' ELSE 'square' END AS shape, readings, reverse(i::text) || ' notes' AS note, i % 5 AS height
	FROM generate_series(1, 400) i, LATERAL (
		SELECT array_agg(((5 + i % 3) * CASE i % 2 WHEN 0 THEN sin(p) ELSE sign(sin(p)) END + sin(i * 12.9898 + t * 78.233) * 0.2)::float4 ORDER BY t) AS readings
		FROM generate_series(1, 20 + i * 7 % 41) t, LATERAL (SELECT (t + i * 1.7) / (2 + i % 3) AS p) AS q) AS s;
CREATE FUNCTION options(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT '{"columns": {"readings": "series"}, "epochs": 20, "optimizer": {"type": "adam", "learning_rate": 0.01}}' || more $$;

--
-- Each preset, and layers of one's own
--
SELECT network, (metrics -> 'accuracy')::float8 > 0.95 AS learnt
FROM unnest(ARRAY['lstm', 'cnn', 'transformer']) AS network,
	LATERAL aiaas_train('waves', 'shape', network, '{readings}', 'network', options(jsonb_build_object('network', network)));
SELECT (metrics -> 'accuracy')::float8 > 0.95 AS learnt FROM aiaas_train('waves', 'shape', 'by_itself', '{readings}', 'network', options());
SELECT type, (metrics -> 'accuracy')::float8 > 0.95 AS learnt
FROM (VALUES ('rnn', aiaas.sequential(aiaas.rnn(16, return_sequences => true), aiaas.global_max_pooling(), aiaas.dense(1, 'sigmoid'))),
	('gru', aiaas.sequential(aiaas.gru(16, bidirectional => true), aiaas.dense(1, 'sigmoid'))),
	('two lstm', aiaas.sequential(aiaas.lstm(12, return_sequences => true), aiaas.lstm(12), aiaas.dense(1, 'sigmoid'))),
	('attention', aiaas.sequential(aiaas.conv1d(16, 3, 'relu'), aiaas.positional_encoding(), aiaas.multi_head_attention(4), aiaas.global_max_pooling(), aiaas.dense(1, 'sigmoid'))),
	('pooling', aiaas.sequential(aiaas.conv1d(16, 3, 'relu'), aiaas.max_pooling1d(2), aiaas.average_pooling1d(3), aiaas.global_max_pooling(), aiaas.dense(1, 'sigmoid')))) AS v (type, layers),
	LATERAL aiaas_train('waves', 'shape', 'own', '{readings}', 'network', options(layers));
SELECT layer, type, output_shape, parameters FROM aiaas_summary('cnn');
SELECT manifest -> 'table' -> 'columns' AS columns FROM cnn WHERE version = 1 AND chunk = 0;

--
-- A number of a series; types of arrays; what is scaled and what isn't
--
CREATE TABLE sums AS SELECT i, (SELECT array_agg((1000 + i * t * 7919 % 101)::numeric ORDER BY t) FROM generate_series(1, 3 + i % 9) t) AS readings FROM generate_series(1, 300) i;
ALTER TABLE sums ADD COLUMN y float8;
UPDATE sums SET y = (SELECT avg(v) FROM unnest(readings) v);
CREATE FUNCTION fitted(source text, model text, more jsonb DEFAULT '{}') RETURNS float8 LANGUAGE sql AS $$
	SELECT (metrics -> 'r2')::float8 FROM aiaas_train(source, 'y', model, '{readings}', 'network', options(
		aiaas.sequential(aiaas.dense(8), aiaas.global_average_pooling(), aiaas.dense(1)) || '{"epochs": 60, "loss": "mse"}' || more)) $$;
SELECT type, fitted(format('SELECT readings::%s AS readings, (y - 1050) / 20 AS y FROM sums', type), 'meter') > 0.9 AS learnt
FROM unnest('{numeric[],float8[],float4[],int[],bigint[],smallint[]}'::text[]) AS type;
SELECT count(DISTINCT digest) AS of_one_digest FROM aiaas_versions('meter');
SELECT fitted('SELECT readings, (y - 1050) / 20 AS y FROM sums', 'unscaled', '{"standardize": false, "epochs": 1}') < 0 AS scaling_matters;

--
-- Channels: arrays of two dimensions
--
CREATE TABLE paths AS SELECT i, CASE i % 3 WHEN 0 THEN 'in phase' WHEN 1 THEN 'behind' ELSE 'ahead' END AS kind,
	(SELECT array_agg(ARRAY[sin(t / 2.0 + i), 100 + 10 * sin(t / 2.0 + i + (i % 3) * 2.1)] ORDER BY t) FROM generate_series(1, 10 + i * 5 % 17) t) AS readings
	FROM generate_series(1, 240) i;
SELECT (metrics -> 'accuracy')::float8 > 0.95 AS learnt FROM aiaas_train('paths', 'kind', 'path', '{readings}', 'network', options('{"network": "cnn"}'));
SELECT manifest -> 'table' -> 'columns' AS columns FROM path WHERE version = 1 AND chunk = 0;
SELECT bool_and(aiaas_classify('path', p) = kind) AS right, bool_and(aiaas_classify('path', readings) = aiaas_classify('path', p)) AS as_array,
	bool_and(aiaas_classify('path', to_jsonb(p)) = aiaas_classify('path', p)) AS as_jsonb, bool_and(aiaas_classify('path', to_json(p)) = aiaas_classify('path', p)) AS as_json
FROM paths AS p;

--
-- Every form of a question: the same bits
--
SELECT bool_and(aiaas_classify('cnn', readings) = shape) AS right,
	bool_and(aiaas_score('cnn', readings, 'sine') = aiaas_score('cnn', w, 'sine')) AS as_row,
	bool_and(aiaas_score('cnn', readings, 'sine') = aiaas_score('cnn', ROW(readings), 'sine')) AS nameless,
	bool_and(aiaas_score('cnn', readings, 'sine') = aiaas_score('cnn', 1, readings, 'sine')) AS pinned,
	bool_and(aiaas_score('cnn', readings, 'sine') = aiaas_score('cnn', jsonb_build_object('readings', readings::float8[]), 'sine')) AS as_jsonb,
	bool_and(aiaas_score('cnn', readings, 'sine') = aiaas_score('cnn', jsonb_build_array(readings::float8[]), 'sine')) AS as_jsonb_array,
	bool_and((SELECT max(score) FROM aiaas_scores('cnn', readings)) = aiaas_score('cnn', readings)) AS scores
FROM waves AS w;
SELECT bool_and(aiaas_predict('meter', readings) = aiaas_predict('meter', s)) AS as_row, bool_and(aiaas_predict('meter', readings::float8[]) = aiaas_predict('meter', 1, to_jsonb(s))) AS pinned
FROM (SELECT readings::float8[] FROM sums) AS s;
-- nothing, no step, one step, many
SELECT aiaas_classify('cnn', NULL::float8[]) AS nothing, aiaas_classify('cnn', '{"readings": null}') AS null, aiaas_classify('cnn', '{}'::float8[]) IS NOT NULL AS no_step,
	aiaas_classify('cnn', '{"readings": []}') = aiaas_classify('cnn', '{}'::float8[]) AS no_step_of_json, aiaas_classify('cnn', ARRAY[1]) IS NOT NULL AS one,
	aiaas_classify('cnn', (SELECT array_agg(sin(t / 3.0)) FROM generate_series(1, 20000) t)) AS many;
-- judged as counted here; in parallel
SELECT (SELECT value FROM aiaas_evaluate('cnn', 'waves') WHERE metric = 'accuracy') = avg((aiaas_classify('cnn', readings) = shape)::int) AS same FROM waves;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE waves SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT count(*) FROM waves AS w WHERE aiaas_classify('cnn', w) = shape;
SELECT count(*) FROM waves AS w WHERE aiaas_classify('cnn', w) = shape;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--
-- Several inputs, by their names
--
SELECT (metrics -> 'accuracy')::float8 > 0.95 AS learnt FROM aiaas_train('waves', 'shape', 'mixed', '{readings,note,height}', 'network', options(
	aiaas.sequential(aiaas.conv1d(16, 3, 'relu', inputs => '{readings}'), aiaas.global_max_pooling(name => 'seen'),
		aiaas.embedding(NULL, 4, inputs => '{note}'), aiaas.global_average_pooling(name => 'read'),
		aiaas.concatenate('seen', 'read', 'numbers'), aiaas.dense(1, 'sigmoid')) || '{"columns": {"readings": "series", "note": "text"}}'));
SELECT bool_and(aiaas_score('mixed', w) = aiaas_score('mixed', to_jsonb(w))) AS same FROM (SELECT readings::float8[], note, height FROM waves) AS w;
-- its specification: words have one length by themselves, steps another
SELECT version FROM aiaas_train('waves', 'shape', 'mixed', '{readings,note,height}', 'network', aiaas_network_spec('mixed'));
SELECT count(DISTINCT digest) AS one, (SELECT aiaas_network_spec('mixed') -> 'max_length') AS max_length FROM aiaas_versions('mixed');
-- a row without a series is not one without anything
SELECT aiaas_classify('mixed', ROW(NULL::float4[], 'notes', 1)) IS NOT NULL AS answered, aiaas_classify('mixed', ROW(NULL::float4[], NULL::text, NULL::int)) AS nothing;
SELECT (metrics -> 'accuracy')::float8 > 0.95 AS learnt FROM aiaas_train('waves', 'shape', 'mixed', '{readings,note,height}', 'network', options('{"network": "cnn"}'));

--
-- Explained step by step: what all steps add is the score less that of no deviation from the means
--
SELECT model, bool_and(abs(total - ln(score / (1 - score))) <= 0.01 * abs(ln(score / (1 - score)) - base) + 1e-4) AS adds_up
FROM (SELECT model, sum(contribution) AS total, sum(contribution) FILTER (WHERE feature = '(intercept)') AS base, aiaas_score(model, w, 'sine') AS score
	FROM unnest('{cnn,lstm,transformer,mixed}'::regclass[]) AS model, (SELECT * FROM waves ORDER BY i LIMIT 8) AS w, aiaas_explain(model, w, 'sine') GROUP BY model, w) AS s
GROUP BY model ORDER BY model::text;
SELECT DISTINCT regexp_replace(feature, '[-0-9.]+', '0', 'g') AS feature FROM waves AS w, aiaas_explain('cnn', w) WHERE i = 1 ORDER BY 1;
SELECT DISTINCT regexp_replace(feature, '[-0-9.]+', '0', 'g') AS feature FROM paths AS p, aiaas_explain('path', p) WHERE i = 1 ORDER BY 1;

--
-- What is cut, what is padded
--
SET client_min_messages = notice;
SELECT version FROM aiaas_train('waves', 'shape', 'short', '{readings}', 'network', options('{"network": "cnn", "max_length": 21, "epochs": 1}'));
SET client_min_messages = warning;
SELECT bool_and(aiaas_score('short', readings, 'sine') = aiaas_score('short', readings[1:21], 'sine')) AS cut, bool_or(aiaas_score('short', readings, 'sine') <> aiaas_score('short', readings[1:20], 'sine')) AS not_more FROM waves;
SELECT (metrics -> 'accuracy')::float8 > 0.8 AS learnt FROM aiaas_train('waves', 'shape', 'padded', '{readings}', 'network',
	options(aiaas.sequential(aiaas.flatten(), aiaas.dense(32, 'relu'), aiaas.dense(1, 'sigmoid')) || '{"pad": 40, "epochs": 40, "columns": {"readings": {"role": "series"}}}'));
SELECT bool_and(aiaas_score('padded', readings) = aiaas_score('padded', readings[1:40])) AS cut, count(DISTINCT aiaas_score('padded', readings[1:0], 'sine')) AS empty FROM waves;

--
-- The same again: specifications, what is continued, other databases
--
SELECT version FROM aiaas_train('waves', 'shape', 'first', '{readings}', 'network', options('{"network": "lstm", "epochs": 2, "validation": 0.2, "class_weight": "balanced"}'));
SELECT version FROM aiaas_train('waves', 'shape', 'second', '{readings}', 'network', aiaas_network_spec('first'));
SELECT version FROM aiaas_retrain('first');
SELECT count(DISTINCT digest) FROM (SELECT digest FROM aiaas_versions('first') UNION ALL SELECT digest FROM aiaas_versions('second')) AS all_versions;
SELECT version FROM aiaas_import('copy', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('first', 1)));
SELECT bool_and(aiaas_score('copy', w, 'sine') = aiaas_score('first', w, 'sine')) AS same FROM waves AS w;
SELECT version FROM aiaas_train('waves', 'shape', 'first', '{readings}', 'network', aiaas_network_spec('first') || '{"continue_from": 1}');
-- in several transactions, with checkpoints in between: the same digest
CALL aiaas_fit('waves', 'shape', 'second', '{readings}', 'network', aiaas_network_spec('second') || '{"checkpoint": 1}');
SELECT version, digest = lead(digest) OVER (ORDER BY version) AS same FROM aiaas_versions('second') ORDER BY version;
SELECT try($$(aiaas_train('waves', 'shape', 'first', '{readings}', 'network', aiaas_network_spec('first') || '{"continue_from": 1, "max_length": 30}')).version$$);
SELECT try($$(aiaas_train('SELECT shape, array(SELECT ARRAY[r, r] FROM unnest(readings) r) AS readings FROM waves', 'shape', 'first', '{readings}', 'network', aiaas_network_spec('first') || '{"continue_from": 1}')).version$$);
-- rows that validate and those held out scale nothing
SELECT version FROM aiaas_train('SELECT *, i % 4 = 0 AS held, i % 4 = 1 AS chosen FROM waves', 'shape', 'blind', '{readings}', 'network', options('{"network": "cnn", "epochs": 2, "holdout": "held", "validation": "chosen"}'));
SELECT version FROM aiaas_train('SELECT i, shape, CASE WHEN i % 4 = 0 THEN array_fill(1e6::float4, ARRAY[33]) ELSE readings END AS readings, i % 4 = 0 AS held, i % 4 = 1 AS chosen FROM waves',
	'shape', 'blind', '{readings}', 'network', options('{"network": "cnn", "epochs": 2, "holdout": "held", "validation": "chosen"}'));
SELECT count(DISTINCT digest) AS one FROM aiaas_versions('blind');

--
-- Mistakes
--
CREATE FUNCTION mistake(readings text, more jsonb DEFAULT '{}', algorithm text DEFAULT 'network') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	PERFORM aiaas_train(format('SELECT i, shape, %s AS readings FROM waves ORDER BY i', readings), 'shape', 'wrong', '{readings}', algorithm, more);
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || coalesce(E'\n' || nullif(hint, ''), '');
END $$;
SELECT mistake('readings', '{}');
SELECT mistake('readings', '{}', 'svm');
SELECT mistake('readings', '{"columns": {"readings": "series"}}', 'svm');
SELECT mistake('readings', '{"columns": {"readings": {"role": "series", "impute": 0}}}');
SELECT mistake('i', '{"columns": {"readings": "series"}}');
SELECT mistake('''1,2''', '{"columns": {"readings": "series"}}');
SELECT mistake('''{a,b}''::text[]', '{"columns": {"readings": "series"}}');
SELECT mistake('CASE i WHEN 3 THEN ''{1,NULL,3}''::float4[] ELSE readings END', options());
SELECT mistake('CASE i WHEN 3 THEN ''{1,2,NaN,3}''::float4[] ELSE readings END', options());
SELECT mistake('CASE i WHEN 4 THEN ''{-Infinity,3}''::float4[] ELSE readings END', options());
SELECT mistake('CASE i WHEN 5 THEN ''{{1,2},{3,4}}''::float4[] ELSE readings END', options());
SELECT mistake('CASE WHEN i < 5 THEN ''{}''::float4[] ELSE ''{{1,2},{3,NULL}}''::float4[] END', options());
SELECT mistake('''{{{1},{2}}}''::float4[]', options());
SELECT mistake('''{{1,2}}''::float4[]');
SELECT mistake('CASE i WHEN 6 THEN ARRAY[1e308, -1e308, 1e308] ELSE readings::float8[] END', options());
SELECT mistake('CASE i WHEN 6 THEN ARRAY[1e300] ELSE readings::float8[] END', options('{"standardize": false, "holdout": 0}'));
SELECT mistake('NULL::float4[]', options());
SELECT mistake('''{}''::float4[]', options());
SELECT mistake('readings', options('{"max_length": 0}'));
SELECT mistake('readings', options('{"pad": 10, "max_length": 20}'));
SELECT mistake('readings', options('{"vocabulary": 20}'));
SELECT mistake('readings', options('{"images": {"readings": {"height": 1, "width": 20}}}'));
SELECT mistake('readings', options(aiaas.sequential(aiaas.dense(1, 'sigmoid'))));
SELECT mistake('readings', options(aiaas.sequential(aiaas.flatten(), aiaas.dense(1, 'sigmoid'))));
SELECT mistake('readings', options(aiaas.sequential(aiaas.embedding(10, 4), aiaas.lstm(4), aiaas.dense(1, 'sigmoid'))));
SELECT mistake('readings', options(aiaas.sequential(aiaas.conv1d(4, 90), aiaas.global_max_pooling(), aiaas.dense(1, 'sigmoid'))));
SELECT mistake('readings', options(aiaas.sequential(aiaas.positional_encoding('learned', 30), aiaas.lstm(4), aiaas.dense(1, 'sigmoid'))));
SELECT mistake('readings', options(aiaas.sequential(aiaas.conv2d(4, 3), aiaas.flatten(), aiaas.dense(1, 'sigmoid'))));
SELECT mistake('i', '{"network": "lstm"}');
SELECT mistake('readings', options('{"memory": "1MB"}'));
SELECT try($$aiaas_classify('cnn', '{1,NULL}'::float8[])$$) UNION ALL SELECT try($$aiaas_classify('cnn', '{1,2,infinity}'::float8[])$$) UNION ALL
SELECT try($$aiaas_classify('cnn', '{{1,2}}'::float8[])$$) UNION ALL SELECT try($$aiaas_classify('path', '{1,2}'::float8[])$$) UNION ALL
SELECT try($$aiaas_classify('cnn', '{{{1}}}'::float8[])$$) UNION ALL SELECT try($$aiaas_classify('cnn', '{1e300}'::float8[])$$) UNION ALL
SELECT try($$aiaas_classify('cnn', '{"readings": [1, "2"]}')$$) UNION ALL SELECT try($$aiaas_classify('cnn', '{"readings": [1, null]}')$$) UNION ALL
SELECT try($$aiaas_classify('path', '{"readings": [[1, 2], [3]]}')$$) UNION ALL SELECT try($$aiaas_classify('path', '{"readings": [[1, 2], 3]}')$$) UNION ALL
SELECT try($$aiaas_classify('path', '{"readings": [[], []]}')$$) UNION ALL SELECT try($$aiaas_classify('path', '{"readings": [[1, [2]]]}')$$) UNION ALL
SELECT try($$aiaas_classify('path', '{"readings": {"a": 1}}')$$) UNION ALL SELECT try($$aiaas_classify('path', '{"readings": 1}')$$) UNION ALL
SELECT try($$aiaas_classify('mixed', '{1,2,3}'::float8[])$$) UNION ALL SELECT try($$aiaas_classify('cnn', 'a text')$$) UNION ALL
SELECT try($$aiaas_classify('cnn', ROW(1))$$) UNION ALL SELECT try($$aiaas_predict('cnn', '{1}'::float8[])$$) UNION ALL SELECT try($$aiaas_classify('cnn', '\x00'::bytea)$$);

--
-- Large ones: no more is looked at than 65,536 numbers, whatever there is
--
CREATE TABLE large AS SELECT i, CASE i % 2 WHEN 0 THEN 'up' ELSE 'down' END AS way,
	(SELECT array_agg(t * (i % 2 * 2 - 1)) FROM generate_series(1, CASE WHEN i > 38 THEN 500000 ELSE 1000 END) t) AS readings FROM generate_series(1, 40) i;
SET client_min_messages = notice;
SELECT version FROM aiaas_train('large', 'way', 'large_model', '{readings}', 'network',
	'{"columns": {"readings": "series"}, "layers": [{"type": "global_average_pooling"}, {"type": "dense", "units": 1, "activation": "sigmoid"}], "epochs": 1}');
SET client_min_messages = warning;
SELECT bool_and(aiaas_score('large_model', l) = aiaas_score('large_model', readings[1:65536])) AS cut FROM large AS l;
DROP SCHEMA series CASCADE;
