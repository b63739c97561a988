--
-- Metric aggregates: values, types of labels, NULLs, windows, parallel plans,
-- states as values, hostile states
--
CREATE TABLE judged (id int, grp text, actual text, predicted text, p float8);
INSERT INTO judged VALUES
	(1, 'a', 'ham', 'ham', 0.1), (2, 'a', 'ham', 'spam', 0.6), (3, 'a', 'spam', 'spam', 0.9),
	(4, 'a', 'spam', 'ham', 0.4), (5, 'b', 'ham', 'ham', 0.2), (6, 'b', 'spam', 'spam', 0.8),
	(7, 'b', 'eggs', 'ham', 0.3), (8, 'b', NULL, 'ham', 0.5), (9, 'b', 'ham', NULL, NULL);

SELECT aiaas_accuracy(actual, predicted), round(aiaas_precision(actual, predicted)::numeric, 6) AS precision,
	round(aiaas_recall(actual, predicted)::numeric, 6) AS recall, round(aiaas_f1(actual, predicted)::numeric, 6) AS f1
FROM judged WHERE id < 7;
SELECT aiaas_precision(actual, predicted, 'spam'), aiaas_recall(actual, predicted, 'spam'),
	aiaas_f1(actual, predicted, 'spam'), aiaas_f1(actual, predicted, 'eggs') AS never_predicted,
	aiaas_f1(actual, predicted, 'egg') AS never_seen, aiaas_f1(actual, predicted, NULL) AS no_label
FROM judged;
SELECT grp, aiaas_accuracy(actual, predicted), aiaas_accuracy(actual, predicted) FILTER (WHERE actual = 'ham') AS ham
FROM judged GROUP BY grp ORDER BY grp;

-- types of labels
CREATE TYPE mood AS ENUM ('happy', 'sad');
SELECT aiaas_accuracy(a, b), aiaas_precision(a, b, true), aiaas_recall(a, b, 'true')
FROM (VALUES (true, true), (true, false), (false, false), (NULL, true)) v(a, b);
SELECT aiaas_accuracy(a, b), aiaas_f1(a, b, 'true') FROM (VALUES (true, 'true'), (false, 'true'), (false, 'false')) v(a, b);
SELECT aiaas_accuracy(a, b), aiaas_precision(a, b, 1) FROM (VALUES (1, 1), (1, 2), (2, 2)) v(a, b);
SELECT aiaas_accuracy(a, b), aiaas_recall(a, b, '1') FROM (VALUES (1, '1'), (1, '2'), (2, '2')) v(a, b);
SELECT aiaas_accuracy(a::bigint, b::int), aiaas_accuracy(a::smallint, b::smallint), aiaas_accuracy(a::bigint, b::text)
FROM (VALUES (1, 1), (1, 2), (-9, -9)) v(a, b);
SELECT aiaas_accuracy(a, b), aiaas_accuracy(a, a), aiaas_f1(a, b, 'sad')
FROM (VALUES ('happy'::mood, 'happy'), ('sad', 'happy'), ('sad', 'sad')) v(a, b);
SELECT aiaas_accuracy(a::varchar, b::name), aiaas_accuracy(a::char(5), b::varchar), aiaas_accuracy(a, 'x')
FROM (VALUES ('x', 'x'), ('', '')) v(a, b);
SELECT aiaas_accuracy('a', 'b');
SELECT aiaas_accuracy(1, 1.5), aiaas_accuracy(1, ARRAY[1]);

-- nothing to judge
SELECT aiaas_accuracy(actual, predicted), aiaas_precision(actual, predicted), aiaas_f1(actual, predicted, 'ham'),
	aiaas_roc_auc(true, p), aiaas_log_loss(true, p) FROM judged WHERE id = 9;
SELECT aiaas_accuracy(actual, predicted), aiaas_roc_auc(true, p), aiaas_log_loss(true, p) FROM judged WHERE false;

-- ROC AUC and log loss
SELECT aiaas_roc_auc(actual = 'spam', p), round(aiaas_log_loss(actual = 'spam', p)::numeric, 9) AS log_loss FROM judged;
SELECT aiaas_roc_auc(actual, score) FROM (VALUES (true, 1.0), (false, 1.0), (true, 2.0), (false, 0.0)) v(actual, score);
SELECT aiaas_roc_auc(actual, score) AS one_class FROM (VALUES (true, 1.0), (true, 2.0)) v(actual, score);
SELECT aiaas_roc_auc(actual, score) AS wide FROM (VALUES (true, 'Infinity'::float8), (false, '-Infinity'), (true, -1e-300),
	(false, -1e300), (true, 5e-324), (false, '-0'), (true, 1e300), (false, 1 - 1e-16), (true, 1)) v(actual, score);
SELECT aiaas_log_loss(true, 0) < 37 AS finite, aiaas_log_loss(false, 0) AS perfect;

-- in windows, where a state goes on after its final function
SELECT id, aiaas_accuracy(actual, predicted) OVER w, aiaas_f1(actual, predicted, 'spam') OVER w AS f1,
	aiaas_roc_auc(actual = 'spam', p) OVER w, round((aiaas_log_loss(actual = 'spam', p) OVER w)::numeric, 6) AS log_loss
FROM judged WINDOW w AS (ORDER BY id) ORDER BY id;
SELECT id, aiaas_accuracy(actual, predicted) OVER w AS moving
FROM judged WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY id;

-- parallel plans give what serial ones give
CREATE TABLE many AS
SELECT (i * 7919 % 10007) < 5000 AS actual, (i * 7919 % 10007) < 5000 + (i % 13 - 6) * 300 AS predicted,
	'label ' || i * 31 % 400 AS a, 'label ' || i * 31 % (400 - i % 2) AS b,
	1 / (1 + exp(((i * 7919 % 10007) - 5000 + (i % 101 - 50) * 60 + i / 1e6) / 1000.0)) AS p
FROM generate_series(1, 100000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE VIEW figures AS
SELECT aiaas_accuracy(actual, predicted) AS accuracy, aiaas_f1(actual, predicted, true) AS f1, round(aiaas_recall(a, b)::numeric, 12) AS recall,
	aiaas_roc_auc(actual, p) AS roc_auc, round(aiaas_log_loss(actual, p)::numeric, 12) AS log_loss
FROM many;
EXPLAIN (COSTS OFF) SELECT * FROM figures;
CREATE TABLE parallel AS SELECT * FROM figures;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT * FROM figures;
SELECT p = f AS same, round(p.accuracy::numeric, 6) AS accuracy, round(f1::numeric, 6) AS f1, round(recall::numeric, 6) AS recall,
	round(roc_auc::numeric, 6) AS roc_auc, round(log_loss, 6) AS log_loss
FROM parallel p NATURAL FULL JOIN figures f;
-- the exact area, by ranks; 100,000 distinct scores don't fit a state
WITH ranks AS (SELECT actual, rank() OVER (ORDER BY p) + (count(*) OVER (PARTITION BY p) - 1) / 2.0 AS r FROM many)
SELECT abs((sum(r) FILTER (WHERE actual) - count(*) FILTER (WHERE actual) * (count(*) FILTER (WHERE actual) + 1) / 2.0)
	/ (count(*) FILTER (WHERE actual) * count(*) FILTER (WHERE NOT actual)) - (SELECT roc_auc FROM parallel)) < 1e-5 AS near
FROM ranks;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

-- states are values: kept per day, added later
SELECT '[["ham","ham",3],["ham","spam",1]]'::aiaas.confusion_state;
SELECT aiaas.confusion_combine('[["ham","ham",3],["ham","spam",1]]', '[["ham","ham",1],["a \"quoted\" \\ one","",2]]');
SELECT aiaas.confusion_accuracy('[["ham","ham",3],["ham","spam",1]]');
SELECT aiaas.confusion_accum(NULL, 'a'::text, 'b'::text), aiaas.confusion_accum('[]', true, true);
SELECT '[]'::aiaas.confusion_state, aiaas.confusion_accuracy('[]');
SELECT aiaas.auc_accum(aiaas.auc_accum(NULL, true, 0.75), false, 0.25) AS state;
SELECT aiaas.auc_final(aiaas.auc_accum(aiaas.auc_accum(NULL, true, 0.75), false, 0.25)::text::aiaas.auc_state);
SELECT aiaas.log_loss_accum(NULL, true, 1), aiaas.log_loss_final('[2, 1.5, 0]');
CREATE TABLE daily (day int, state aiaas.confusion_state);
INSERT INTO daily VALUES (1, '[["a","a",1]]'), (2, '[["b","b",1]]');
SELECT aiaas.confusion_combine(a.state, b.state), aiaas.confusion_combine(a.state, a.state), a.state
FROM daily a, daily b WHERE a.day = 1 AND b.day = 2;
\copy daily TO 'results/daily.bin' (FORMAT binary)
\copy daily FROM 'results/daily.bin' (FORMAT binary)
SELECT * FROM daily ORDER BY day, state::text;
DROP TABLE daily;

-- forged states; a bytea is none
CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT input, sqlstate_of(format('SELECT %L::aiaas.confusion_state', input)) FROM unnest(ARRAY[
	'', '{}', '3', '"a"', '[', '[1]', '[[]]', '[["a","b"]]', '[["a","b",0]]', '[["a","b",-1]]', '[["a","b",1.5]]', '[["a","b","1"]]',
	'[["a",null,1]]', '[["a","b",1,2]]', '[["a","b",1e30]]', '[["a","b",9223372036854775807],["a","b",9223372036854775807]]']) input;
SELECT input, sqlstate_of(format('SELECT %L::aiaas.auc_state', input)) FROM unnest(ARRAY[
	'', '[]', '["0"]', '[64]', '[-1]', '[0, 1]', '[0, ["", 1, 1]]', '[0, ["x", 1, 1]]', '[0, ["-1", 1, 1]]', '[0, ["fffffffffffffffff", 1, 1]]',
	'[0, ["1", 0, 0]]', '[0, ["1", -1, 2]]', '[60, ["ff", 1, 1]]', '[60, ["f", 1, 1]]']) input;
SELECT input, sqlstate_of(format('SELECT %L::aiaas.log_loss_state', input)) FROM unnest(ARRAY[
	'', '[]', '[1, 2]', '[-1, 2, 3]', '[1, 1e400, 0]', '[1, "2", 0]', '[1, 2, 0]']) input;
SELECT sqlstate_of('SELECT ''\x00''::bytea::aiaas.confusion_state'), sqlstate_of('SELECT ''x''::text::bytea::aiaas.auc_state');
-- (the minor releases of the server differ in how)
SELECT left(sqlstate_of('SELECT aiaas.confusion_recv(NULL)'), 5) IN ('42883', '0A000') AS refused, sqlstate_of('SELECT aiaas_roc_auc(true, ''NaN'')'),
	sqlstate_of('SELECT aiaas_log_loss(true, 1.1)'), sqlstate_of('SELECT aiaas_log_loss(true, ''NaN'')');
SELECT aiaas.confusion_combine('[["a","b",9223372036854775807]]', '[["a","b",1]]') AS saturated;

-- the same through the binary format: bytes of ours, read as a state
CREATE TABLE forged (bytes bytea);
CREATE TABLE states (confusion aiaas.confusion_state);
INSERT INTO forged VALUES ('\x00000001000000016100000001620000000000000003');
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
SELECT * FROM states;
\set VERBOSITY terse
UPDATE forged SET bytes = '\x';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\xffffffff';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x0000000100000001610000000162';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x00000001000000016100000001620000000000000000';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x00000001ffffffff6100000001620000000000000001';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x000000017fffffff6100000001620000000000000001';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x0000000100000001ff00000001620000000000000001';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x0000000100000001610000000162000000000000000300';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
ALTER TABLE states DROP COLUMN confusion, ADD COLUMN auc aiaas.auc_state;
TRUNCATE states;
UPDATE forged SET bytes = '\x0000003c00000001000000000000000f00000000000000010000000000000002';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
SELECT * FROM states;
UPDATE forged SET bytes = '\x0000003c00000001000000000000001f00000000000000010000000000000002';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x0000004000000001000000000000000000000000000000010000000000000002';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x0000000000000001000000000000000f8000000000000000ffffffffffffffff';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x000000007fffffff';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
ALTER TABLE states DROP COLUMN auc, ADD COLUMN loss aiaas.log_loss_state;
UPDATE forged SET bytes = '\x00000000000000017ff80000000000000000000000000000';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\xffffffffffffffff00000000000000000000000000000000';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
\set VERBOSITY default
DROP TABLE forged, states;

-- nothing here is a cast, and all of it is parallel safe
SELECT count(*) FROM pg_cast WHERE castsource IN ('aiaas.confusion_state'::regtype, 'aiaas.auc_state'::regtype, 'aiaas.log_loss_state'::regtype)
	OR casttarget IN ('aiaas.confusion_state'::regtype, 'aiaas.auc_state'::regtype, 'aiaas.log_loss_state'::regtype);

DROP VIEW figures;
DROP TABLE judged, many, parallel;
DROP TYPE mood;
DROP FUNCTION sqlstate_of;
