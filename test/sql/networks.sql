--
-- Networks: what is learnt, how, and what it is told of.
--
CREATE TABLE digits AS
	SELECT i % 3 AS digit, i % 2 AS bit, (i % 3) + (i * 37 % 100) / 150.0 AS x, (i * 53 % 100) / 100.0 AS y, CASE i % 3 WHEN 0 THEN 'none' WHEN 1 THEN 'one' ELSE 'two' END AS word
	FROM generate_series(1, 300) i;

-- The loss decides what is learnt, or the last layer, before the target's type does.
SELECT task FROM aiaas_train('digits', 'digit', 'by_layer', '{x,y}', 'network',
	aiaas.sequential(aiaas.dense(8, 'relu'), aiaas.dense(NULL, 'softmax')) || '{"epochs": 1}');
SELECT task FROM aiaas_train('digits', 'digit', 'by_loss', '{x,y}', 'network', '{"loss": "categorical_crossentropy", "epochs": 1}');
SELECT task FROM aiaas_train('digits', 'bit', 'by_loss_of_numbers', '{x,y}', 'network', '{"loss": {"type": "huber", "delta": 2}, "epochs": 1}');
SELECT task FROM aiaas_train('digits', 'bit', 'by_option', '{x,y}', 'network', '{"loss": "mse", "task": "classification", "epochs": 1}');
SELECT task FROM aiaas_train('digits', 'word', 'by_text', '{x,y}', 'network', '{"loss": "mse", "epochs": 1}');
SELECT task FROM aiaas_train('digits', 'digit', 'by_type', '{x,y}', 'network', '{"epochs": 1}');
SELECT aiaas_train('digits', 'digit', 'contrary', '{x,y}', 'network', '{"loss": "hinge", "task": "regression"}');
SELECT aiaas_train('digits', 'digit', 'contrary', '{x,y}', 'network',
	aiaas.sequential(aiaas.dense(3, 'softmax')) || '{"task": "regression"}');
SELECT aiaas_train('digits', 'word', 'contrary', '{x,y}', 'network', '{"loss": "mse", "task": "regression"}');
-- Mistakes in loss and layers are told before a row is read.
SELECT aiaas_train('digits', 'word', 'contrary', '{x,y}', 'network', '{"loss": "crossentropy"}');
SELECT aiaas_train('digits', 'word', 'contrary', '{x,y}', 'network', aiaas.sequential(aiaas.dense(8, 'rel')));
DROP TABLE by_layer, by_loss, by_loss_of_numbers, by_option, by_text, by_type;

--
-- Rows that choose the epoch: a share, marked ones, or another source.
--
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.checks AS SELECT word, y, x, i % 5 = 0 AS sure FROM digits, generate_series(1, 2) AS i WHERE x > 0.1;
CREATE FUNCTION parts(model regclass) RETURNS TABLE (item text, value text) LANGUAGE sql AS
	$$ SELECT item, value FROM aiaas_training_info(model) WHERE item IN ('rows', 'holdout_rows', 'validation_rows') ORDER BY item $$;
SET client_min_messages = warning;
SELECT rows FROM aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"epochs": 2, "validation": "elsewhere.checks"}');
SELECT * FROM parts('w');
SELECT count(validation), count(*) FROM aiaas_history('w');
SELECT options ->> 'validation' FROM aiaas_network_spec('w') AS options;
-- the name means the same to whoever repeats it
SET search_path = elsewhere, public;
SELECT rows FROM public.aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"epochs": 2, "validation": "checks"}');
RESET search_path;
SELECT options ->> 'validation' FROM aiaas_network_spec('w') AS options;
SELECT rows FROM aiaas_retrain('w');
SELECT count(DISTINCT digest), count(*) FROM aiaas_versions('w');
SELECT rows FROM aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"epochs": 1, "validation": "SELECT * FROM elsewhere.checks WHERE x > 1", "holdout": 0}');
SELECT * FROM parts('w');
-- a column goes first
ALTER TABLE digits ADD checks boolean;
UPDATE digits SET checks = y > 0.5;
SELECT rows FROM aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"epochs": 1, "validation": "checks"}');
SELECT * FROM parts('w');
ALTER TABLE digits DROP checks;
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "nowhere"}');
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "digit"}');
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "SELECT x, word FROM digits"}');
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "SELECT x, y::text, word FROM digits"}');
SELECT aiaas_train('digits', 'y', 'n', '{x}', 'network', '{"validation": "SELECT x, word AS y FROM digits"}');
SELECT aiaas_train('digits', 'y', 'n', '{x}', 'network', '{"validation": "SELECT x, current_date AS y FROM digits"}');
SELECT aiaas_train('digits', 'word', 'n', '{x}', 'network', '{"weights": "y", "validation": "SELECT x, word, current_date AS y FROM digits"}');
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "DELETE FROM digits"}');
-- how many numbers it has learnt: all say the same
SELECT item, value::bigint = sum(parameters) AS same, value::bigint = (SELECT (manifest -> 'parameters')::bigint FROM w WHERE version = 1 AND chunk = 0) AS manifest
FROM aiaas_training_info('w', 1), aiaas_summary('w', 1) WHERE item = 'parameters' GROUP BY item, value;
-- rows of a label that nobody learns
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', $${"validation": "SELECT x, y, 'three' AS word FROM digits"}$$);
-- who may not read it
CREATE ROLE regress_aiaas_trainer;
GRANT SELECT ON digits TO regress_aiaas_trainer;
GRANT CREATE ON SCHEMA public TO regress_aiaas_trainer;
GRANT USAGE ON SCHEMA elsewhere TO regress_aiaas_trainer;
SET ROLE regress_aiaas_trainer;
SELECT aiaas_train('digits', 'word', 'own', '{x,y}', 'network', '{"epochs": 1, "validation": "elsewhere.checks"}');
RESET ROLE;
REVOKE ALL ON SCHEMA public FROM regress_aiaas_trainer;
RESET client_min_messages;
DROP TABLE w;
DROP SCHEMA elsewhere CASCADE;
DROP OWNED BY regress_aiaas_trainer;
DROP ROLE regress_aiaas_trainer;
DROP FUNCTION parts;
--
-- Optimizers, schedules, losses, activations: each learns.
--
SET client_min_messages = warning;
CREATE FUNCTION learnt(target text, options jsonb, metric text) RETURNS float8 LANGUAGE sql AS $$
	SELECT (metrics ->> metric)::float8 FROM aiaas_train('digits', target, 'tried', '{x,y}', 'network',
		'{"network": "mlp", "validation": 0, "epochs": 40, "batch_size": 16, "deploy": false}' || options) $$;
SELECT optimizer, learnt('word', jsonb_build_object('optimizer', jsonb_build_object('type', optimizer, 'learning_rate', rate)), 'accuracy') > 0.8 AS learnt
FROM (VALUES ('gradient_descent', 0.5), ('sgd', 0.1), ('momentum', 0.01), ('nesterov', 0.01), ('adagrad', 0.05), ('rmsprop', 0.005), ('adam', 0.005), ('adamw', 0.005))
	AS o (optimizer, rate);
SELECT schedule, learnt('word', jsonb_build_object('optimizer', jsonb_build_object('type', 'adam', 'learning_rate', 0.01, 'schedule', schedule)), 'accuracy') > 0.8 AS learnt
FROM unnest(ARRAY['"constant"', '{"type": "step", "every": 10, "factor": 0.5}', '{"type": "exponential", "factor": 0.95}', '"cosine"',
	'{"type": "cosine", "warmup": 5}', '"reduce_on_plateau"']::jsonb[]) AS schedule;
SELECT loss, learnt('word', jsonb_build_object('loss', loss), 'accuracy') > 0.8 AS learnt
FROM unnest(ARRAY['"categorical_crossentropy"', '{"type": "categorical_crossentropy", "label_smoothing": 0.1}', '"hinge"', '"mse"']::jsonb[]) AS loss;
SELECT loss, learnt('digit', jsonb_build_object('loss', loss, 'task', 'regression', 'epochs', 80), 'r2') > 0.7 AS learnt
FROM unnest(ARRAY['"mse"', '"mae"', '{"type": "huber", "delta": 0.5}']::jsonb[]) AS loss;
-- the rate of each epoch, as the schedule has it
SELECT learnt('word', '{"epochs": 6, "optimizer": {"type": "sgd", "learning_rate": 0.08, "schedule": {"type": "step", "every": 2, "factor": 0.5}}}', 'accuracy') IS NOT NULL;
SELECT epoch, step, round(learning_rate::numeric, 6) AS learning_rate FROM aiaas_history('tried', (SELECT max(version) FROM aiaas_versions('tried'))) WHERE metric = 'loss' ORDER BY epoch;
DROP TABLE tried;

--
-- A specification says everything: training with it gives the same digest.
--
SELECT version FROM aiaas_train('digits', 'word', 'first', '{x,y}', 'network', '{"epochs": 3, "validation": 0.2, "optimizer": "adamw", "class_weight": "balanced"}');
SELECT version FROM aiaas_train('digits', 'word', 'second', '{x,y}', 'network', aiaas_network_spec('first'));
SELECT (SELECT digest FROM aiaas_versions('first')) = (SELECT digest FROM aiaas_versions('second')) AS same;
SELECT aiaas_network_spec('first') = aiaas_network_spec('second') AS same;
SELECT jsonb_array_length(spec -> 'layers') > 1 AS layers, spec -> 'optimizer' ->> 'type' AS optimizer, spec ->> 'batch_size' AS batch_size, spec -> 'loss' ->> 'type' AS loss
FROM aiaas_network_spec('first') AS spec;

--
-- Explained: contributions add up to the score, within one per cent of what they explain.
--
SELECT rows FROM aiaas_train('SELECT x, y, CASE WHEN word = ''one'' THEN word ELSE ''other'' END AS word FROM digits', 'word', 'by_score', '{x,y}',
	'network', '{"epochs": 20}');
SELECT count(*), bool_and(abs(total - logit) <= 0.01 * abs(logit - base) + 1e-4) AS adds_up
FROM (SELECT (SELECT sum(contribution) FROM aiaas_explain('by_score', r, 'one')) AS total, ln(score / (1 - score)) AS logit,
		(SELECT contribution FROM aiaas_explain('by_score', r, 'one') WHERE feature = '(intercept)') AS base
	FROM (SELECT d.*, aiaas_score('by_score', d, 'one') AS score FROM digits d LIMIT 20) AS r) AS s;

--
-- What goes wrong leaves the live version as it is.
--
SELECT aiaas_train('digits', 'digit', 'first', '{x,y}', 'network', '{"task": "regression", "network": "mlp", "epochs": 50, "standardize": false, "optimizer": {"type": "sgd", "learning_rate": 1000}}');
SELECT count(*), max(version) FILTER (WHERE live) FROM aiaas_versions('first');
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', aiaas.sequential(aiaas.dense(4), aiaas.dense(2, 'softmax')));
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', aiaas.sequential(aiaas.embedding(10, 4), aiaas.dense(3, 'softmax')));
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', aiaas.sequential(aiaas.lstm(4), aiaas.dense(3, 'softmax')));
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', aiaas.sequential(aiaas.conv2d(4, 3), aiaas.dense(3, 'softmax')));
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', aiaas.sequential());
SELECT aiaas_train('digits', 'word', 'first', '{x,y}', 'network', '{"network": "cnn"}');
SELECT aiaas_train('SELECT x, y, ''none'' AS word FROM digits', 'word', 'first', '{x,y}', 'network');
SELECT aiaas_train('SELECT * FROM digits WHERE word = ''one'' LIMIT 1', 'word', 'first', '{x,y}', 'network');
SELECT aiaas_train('SELECT 1 AS x, 2 AS y, word FROM digits', 'word', 'first', '{x,y}', 'network');
SELECT aiaas_train('SELECT ''infinity''::float8 AS x, y, word FROM digits', 'word', 'first', '{x,y}', 'network');
SELECT version FROM aiaas_train('SELECT CASE WHEN digit = 1 THEN ''NaN''::float8 ELSE x END AS x, NULLIF(y, 0.5) AS y, word FROM digits', 'word', 'first', '{x,y}', 'network', '{"epochs": 2}');
SELECT aiaas_classify('first', '{"x": 1.5, "y": null}') IS NOT NULL AS answered;

-- deploying, going back, exporting and importing, training again
SELECT aiaas_rollback('first');
SELECT aiaas_classify('first', 1, d) = aiaas_classify('first', d) AS same FROM digits d LIMIT 1;
SELECT version, live FROM aiaas_import('copy', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('first', 1)));
SELECT bool_and(aiaas_score('copy', d, 'one') = aiaas_score('first', d, 'one')) AS same FROM digits d;
SELECT task, version FROM aiaas_retrain('second');
SELECT count(DISTINCT digest) FROM aiaas_versions('second');
DROP TABLE first, second, copy, by_score;
RESET client_min_messages;
DROP FUNCTION learnt;
DROP TABLE digits;
