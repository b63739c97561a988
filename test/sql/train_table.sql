--
-- aiaas_train on tables: which columns, which task, what is refused; aiaas_cross_validate
--
\set VERBOSITY default
SET client_min_messages = notice;
SET TimeZone = 'America/New_York';
SET max_parallel_workers_per_gather = 0;
SET synchronize_seqscans = off;

CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
	context text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif('DETAIL: ' || detail, 'DETAIL: '), nullif('HINT: ' || hint, 'HINT: '),
		(SELECT 'CONTEXT: ' || line FROM regexp_split_to_table(context, '\n') AS line WHERE line ~ 'of the source' LIMIT 1));
END $$;

-- one column of each type; delay is told by dist, carrier and spare
CREATE TYPE size AS ENUM ('small', 'large');
CREATE DOMAIN miles AS integer CHECK (VALUE >= 0);
CREATE TABLE trips (
	id int PRIMARY KEY, gone int, number bigint GENERATED ALWAYS AS IDENTITY, twice float8 GENERATED ALWAYS AS (spare * 2) STORED,
	i2 smallint, dist miles, i8 bigint, f4 real, spare float8, amount numeric, ok boolean, day date, clock time, at timestamp, seen timestamptz,
	span interval, size size, carrier varchar(10), code char(4), tag name, note text, pair float8[], pair4 real[], whole int[], exact numeric[],
	u uuid, j json, jb jsonb, raw bytea, w float8, late boolean, stops int, two int, delay float8, "Mixed Case" float8);
ALTER TABLE trips DROP COLUMN gone;
INSERT INTO trips (id, i2, dist, i8, f4, spare, amount, ok, day, clock, at, seen, span, size, carrier, code, tag, note, pair, pair4, whole, exact, u, j, w, delay, "Mixed Case")
SELECT i * 3, i % 7, i * 37 % 1000, i * 41 % 900, i * 43 % 800, i * 47 % 700, i * 53 % 600 / 10.0, i % 3 = 0, date '2024-01-01' + i % 400, time '00:00' + i % 1440 * interval '1 min',
	timestamp '2024-01-01' + i * interval '7 hours', timestamptz '2024-01-01 00:00+00' + i * interval '5 hours', i % 17 * interval '1 hour', (ARRAY['small', 'large'])[1 + i % 2]::size,
	(ARRAY['AA', 'DL', 'UA'])[1 + i % 3], (ARRAY['JFK', 'LGA', 'EWR'])[1 + i / 3 % 3], (ARRAY['x', 'y'])[1 + i / 7 % 2], 'trip ' || i || ' to ' || md5(i::text),
	ARRAY[i % 11, i % 13], ARRAY[i % 19, nullif(i % 17, 3)], ARRAY[i % 23], ARRAY[i % 29, i % 31], NULL, '{}', 1 + i % 2, 0, i * 59 % 500
FROM generate_series(1, 600) i;
UPDATE trips SET delay = dist / 10.0 + spare / 20.0 + CASE carrier WHEN 'AA' THEN 20 WHEN 'DL' THEN 5 ELSE 0 END + (id * 7 % 13) / 10.0;
UPDATE trips SET late = delay > 70, stops = round(delay / 20), two = (delay > 70)::int + 1;
UPDATE trips SET spare = NULL WHERE id % 90 = 0;
ANALYZE trips;

-- everything that can be learnt from, and why the rest is not
SELECT model, version, task, algorithm, rows, (metrics ->> 'r2')::float8 > 0.99 AS good
FROM aiaas_train('trips', 'delay', 't', options => '{"columns": {"late": "ignore", "stops": "ignore", "two": "ignore"}, "weights": "w", "alpha": 0.01}');
SELECT item, value FROM aiaas_training_info('t') WHERE item ~ '^(target|features|algorithm|rows|columns\..*|left_out.*|skipped)$';
SELECT version, task, metric, score > 0.99 AS good FROM aiaas_versions('t');
SELECT metric, score > 0.99 AS good FROM aiaas.models WHERE model = 't'::regclass;
-- what the option "columns" says: roles, and keys that are wanted all the same
SELECT rows FROM aiaas_train('trips', 'delay', 't2', options => '{"deploy": false, "columns": {"id": "number", "number": "number", "i2": "category", "day": "number", "note": "ignore", "tag": {"role": "text"}, "spare": {"impute": 0},
	"late": "ignore", "stops": "ignore", "two": "ignore", "gone": "ignore"}}');
SELECT rows FROM aiaas_train('trips', 'delay', 't2', options => '{"deploy": false, "columns": {"id": "number", "number": "number", "i2": "category", "day": "number", "note": "ignore", "tag": {"role": "category"}, "spare": {"impute": 0},
	"late": "ignore", "stops": "ignore", "two": "ignore"}}');
SELECT item, value FROM aiaas_training_info('t2') WHERE item ~ '^columns\.(id|number|i2|day|note|tag|spare)$';
-- an id with gaps that a view brings is told by its name, where its values may all be distinct
CREATE VIEW ordered AS SELECT 3 * i + i % 2 AS id, 100000 - 2 * i AS "customerId", i % 7 AS shop_id, i % 11 AS paid, i % 7 + i % 11 AS delay FROM generate_series(1, 300) i;
SELECT rows FROM aiaas_train('ordered', 'delay', 'o');
SELECT rows FROM aiaas_train('ordered', 'delay', 'o', options => '{"alpha": 0.1, "weights": "paid", "deploy": false}');
SELECT rows FROM aiaas_train('ordered', 'delay', 'o', options => '{"columns": {"id": "number"}, "deploy": false}');
SELECT v, item, value FROM generate_series(1, 3) v, aiaas_training_info('o', v) WHERE item ~ '^(left_out.*|columns\..*)$' ORDER BY v, item COLLATE "C";
-- a relation that is nearly there
SELECT aiaas_train('orderd', 'delay');
SELECT aiaas_train('public.orderd', 'delay');
SELECT aiaas_train('nothing_like_it', 'delay');
-- a list of features means these, keys and generated columns too
SELECT rows FROM aiaas_train('trips', 'delay', 't2', '{id,twice,number,carrier}', options => '{"task": "regression"}');
SELECT item, value FROM aiaas_training_info('t2', 2) WHERE item ~ '^(columns\..*|left_out.*)$';

-- tasks
SELECT task, algorithm FROM aiaas_train('trips', 'late', 'task', '{dist,carrier}');
SELECT task, algorithm FROM aiaas_train('trips', 'two', 'task', '{dist,carrier}');
SELECT task, algorithm FROM aiaas_train('trips', 'stops', 'task', '{dist,carrier}');
SELECT task, algorithm FROM aiaas_train('trips', 'amount', 'task', '{dist,carrier}');
SELECT task, algorithm FROM aiaas_train('trips', 'size', 'task', '{dist,carrier}');
SELECT task, algorithm FROM aiaas_train('trips', 'carrier', 'task', '{dist,i8}');
SELECT task, algorithm FROM aiaas_train('trips', 'day', 'task', '{dist,i8}', options => '{"holdout": 0}');
SELECT task, algorithm FROM aiaas_train('trips', 'day', 'task', '{dist,i8}', options => '{"holdout": 0, "task": "classification"}');
SELECT value FROM aiaas_training_info('task', 7) WHERE item = 'label 2024-01-02';
SELECT task, algorithm FROM aiaas_train('trips', 'stops', 'task', '{dist,carrier}', options => '{"task": "classification"}');
SELECT task, algorithm FROM aiaas_train('trips', 'two', 'task', '{dist,carrier}', options => '{"task": "regression"}');
SELECT task, algorithm FROM aiaas_train('trips', 'late', 'task', '{dist,carrier}', 'linear_regression');
SELECT task, algorithm FROM aiaas_train('trips', 'stops', 'task', '{dist,carrier}', 'logistic_regression', '{"holdout": 0}');
SELECT string_agg(metric, ' ' ORDER BY version) FROM aiaas_versions('task');
-- labels as target::text writes them, the last in C order is the positive one
SELECT item, value FROM aiaas_training_info('task', 1) WHERE item ~ '^(positive|label .*)$';

-- rows held out by a column
SELECT rows FROM aiaas_train('trips', 'delay', 'held', '{dist,carrier,spare}', options => '{"holdout": "ok"}');
SELECT rows FROM aiaas_train('trips', 'delay', 'held', '{dist,carrier,spare}', options => '{"holdout": {"column": "at", "fraction": 0.25}}');
SELECT rows FROM aiaas_train('trips', 'delay', 'held', '{dist,carrier,spare}', options => '{"holdout": {"column": "seen", "fraction": 0.5}}');
SELECT v, value FROM generate_series(1, 3) v, aiaas_training_info('held', v) WHERE item = 'holdout_rows';
-- if_better compares r2
SELECT version FROM aiaas_train('trips', 'delay', 'held', '{dist,carrier}', options => '{"deploy": "if_better"}');
SELECT version FROM aiaas_train('trips', 'delay', 'held', '{dist,carrier,spare}', options => '{"deploy": "if_better"}');
SELECT version, live FROM aiaas_versions('held') ORDER BY version;
-- versions of different tasks can't be compared
SELECT version FROM aiaas_train('trips', 'late', 'held', '{dist,carrier,spare}', options => '{"deploy": "if_better"}');
-- from the live version's weights on, or anew
SELECT version FROM aiaas_train('trips', 'late', 'warm', '{dist,carrier,i8}', 'gradient_descent', '{"warm_start": true, "holdout": 0, "epochs": 30}');
SELECT version FROM aiaas_train('trips', 'late', 'warm', '{dist,carrier,i8}', 'gradient_descent', '{"warm_start": true, "holdout": 0, "epochs": 2}');
SELECT version FROM aiaas_train('trips', 'late', 'warm', '{dist,carrier,i8}', 'gradient_descent', '{"warm_start": false, "holdout": 0, "epochs": 2}');
SELECT loss[2] < loss[1] AS goes_on, loss[3] = loss[1] AS anew FROM (SELECT array_agg((manifest #>> '{trained,report,losses,0}')::float8 ORDER BY version) AS loss FROM warm WHERE version > 0 AND chunk = 0) AS x;

-- again, with the same roles, options and time zone, whatever the session's is now
SET client_min_messages = warning;
SET TimeZone = 'Asia/Tokyo';
CREATE TABLE zoned AS SELECT id / 3 AS id, seen, carrier::text, note, delay FROM trips;
SET TimeZone = 'America/New_York';
SELECT task FROM aiaas_train('zoned', 'delay', 'zone', options => '{"holdout": 0}');
SET TimeZone = 'Asia/Tokyo';
SELECT task FROM aiaas_retrain('zone');
SELECT count(DISTINCT digest) AS same FROM aiaas_versions('zone');
SELECT DISTINCT manifest -> 'trained' ->> 'time_zone' AS trained, manifest -> 'table' ->> 'time_zone' AS stored FROM zone WHERE version > 0 AND chunk = 0;
-- a sequence stays left out, a category stays one when its values get longer
SELECT v, item, value FROM generate_series(1, 2) v, aiaas_training_info('zone', v) WHERE item ~ '^(left_out.*|columns\..*)$' ORDER BY 2, 1;
UPDATE zoned SET carrier = carrier || repeat('x', 100);
SELECT task FROM aiaas_retrain('zone');
SELECT item, value FROM aiaas_training_info('zone') WHERE item ~ '^columns\.carrier$';
-- a task that was found is kept
SELECT task FROM aiaas_train('trips', 'two', 'kept', '{dist,carrier}');
UPDATE trips SET two = 3 WHERE id % 10 = 0;
SELECT task FROM aiaas_retrain('kept');
UPDATE trips SET two = (delay > 70)::int + 1;
-- a column that was ignored may go, one that was used may not
SELECT task FROM aiaas_train('zoned', 'delay', 'gone', options => '{"columns": {"note": "ignore", "id": "ignore"}}');
ALTER TABLE zoned DROP COLUMN note;
SELECT task FROM aiaas_retrain('gone');
ALTER TABLE zoned RENAME COLUMN seen TO spotted;
SELECT sqlstate_of($$SELECT aiaas_retrain('gone')$$);
-- a view whose columns change: learnt anew, as they are now
CREATE VIEW seen_trips AS SELECT dist, carrier, delay FROM trips;
SELECT task FROM aiaas_train('seen_trips', 'delay', 'viewed');
DROP VIEW seen_trips;
CREATE VIEW seen_trips AS SELECT carrier, (dist > 500)::text AS dist, delay FROM trips;
SELECT task FROM aiaas_retrain('viewed');
SELECT value FROM aiaas_training_info('viewed') WHERE item = 'columns.dist';
DROP VIEW seen_trips;
CREATE VIEW seen_trips AS SELECT carrier, j AS dist, delay FROM trips;
SELECT sqlstate_of($$SELECT aiaas_retrain('viewed')$$);
SET client_min_messages = notice;
SET TimeZone = 'America/New_York';

-- dates and times are seconds, timestamptz by the clocks of the zone (summer time begins meanwhile)
CREATE TABLE seconds AS SELECT day, clock, at, seen, span, ok, i8,
	(day - date '2000-01-01') * 86400.0 AS of_day, extract(epoch FROM clock) AS of_clock, extract(epoch FROM at - timestamp '2000-01-01') AS of_at,
	extract(epoch FROM (seen AT TIME ZONE 'America/New_York') - timestamp '2000-01-01') AS of_seen, extract(epoch FROM span) AS of_span,
	ok::int::float8 AS of_ok, i8::numeric AS of_i8 FROM trips;
SET client_min_messages = error;
CREATE FUNCTION is_linear(feature text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM aiaas_train('seconds', 'of_' || feature, feature || '_model', ARRAY[feature], 'linear_regression',
		jsonb_build_object('holdout', 0, 'columns', jsonb_build_object(feature, 'number')));
	RETURN (SELECT value::float8 FROM aiaas_training_info(to_regclass(feature || '_model')) WHERE item = 'loss')
		/ (SELECT variance(of) FROM (SELECT (to_jsonb(s) ->> ('of_' || feature))::float8 AS of FROM seconds s) x) < 1e-9;
END $$;
SELECT feature, is_linear(feature) FROM unnest('{day,clock,at,seen,span,ok,i8}'::text[]) AS feature;
SET TimeZone = 'Asia/Tokyo';
SELECT is_linear('seen') AS in_tokyo;
SET TimeZone = 'America/New_York';
DROP TABLE day_model, clock_model, at_model, seen_model, span_model, ok_model, i8_model, seconds;
DROP FUNCTION is_linear;
SET client_min_messages = notice;

-- sums in place of rows: the same coefficients, and rows with NULLs are seen
CREATE TABLE plain AS SELECT dist::float8 AS a, i8 AS b, amount AS c, ok AS d, f4 AS e, delay AS y FROM trips;
ANALYZE plain;
SET client_min_messages = warning;
SELECT rows FROM aiaas_train('plain', 'y', 'sums', algorithm => 'linear_regression', options => '{"holdout": 0}');
SELECT rows FROM aiaas_train('SELECT * FROM plain', 'y', 'sums', algorithm => 'linear_regression', options => '{"holdout": 0}');
SELECT manifest -> 'trained' -> 'report' -> 'loss' AS loss FROM sums WHERE version > 0 AND chunk = 0 ORDER BY version;
UPDATE plain SET b = NULL WHERE b < 20;
SELECT rows FROM aiaas_train('plain', 'y', 'sums', algorithm => 'linear_regression', options => '{"holdout": 0}');
UPDATE plain SET y = NULL WHERE b > 800;
SELECT rows, 600 - (SELECT count(y) FROM plain) AS without FROM aiaas_train('plain', 'y', 'sums', algorithm => 'linear_regression', options => '{"holdout": 0}');
ANALYZE plain;
SELECT rows FROM aiaas_train('plain', 'y', 'sums', algorithm => 'linear_regression', options => '{"holdout": 0}');
SELECT count(DISTINCT manifest -> 'trained' -> 'report' -> 'loss') FROM sums WHERE version > 3 AND chunk = 0;

-- other kinds of tables
CREATE TABLE parted (x float8, y float8, part int) PARTITION BY LIST (part);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted SELECT i, i * 2 + i % 5, 1 + i % 2 FROM generate_series(1, 100) i;
SELECT rows FROM aiaas_train('parted', 'y', 'kinds', '{x,part}');
SELECT rows FROM aiaas_train('parted', 'y', 'kinds', '{x,part}', 'linear_regression', '{"holdout": 0}');
CREATE EXTENSION file_fdw;
CREATE SERVER regress_aiaas_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE far (x float8, y float8) SERVER regress_aiaas_files OPTIONS (program 'seq 1 60 | sed ''s/\(.*\)\(.\)/\1\2,\1/''', format 'csv', null '');
SELECT rows FROM aiaas_train('far', 'y', 'kinds', '{x}', 'linear_regression', '{"holdout": 0}');
DROP EXTENSION file_fdw CASCADE;
CREATE MATERIALIZED VIEW kept_trips AS SELECT dist, carrier, delay FROM trips;
SELECT rows FROM aiaas_train('kept_trips', 'delay', 'kinds');
SELECT rows FROM aiaas_train('SELECT t.*, 1 AS one FROM trips t WHERE dist > 100', 'delay', 'kinds', '{one,dist}');
-- as many columns as a table can have
DO $$BEGIN
	EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg('c' || i || ' smallint', ', ') FROM generate_series(1, 1600) i) || ')';
	EXECUTE 'INSERT INTO wide SELECT ' || (SELECT string_agg('(r * ' || i || ' + r * r) % ' || 7 + i % 90, ', ') FROM generate_series(1, 1600) i) || ' FROM generate_series(1, 40) r';
END$$;
SET client_min_messages = notice;
SELECT rows FROM aiaas_train('wide', 'c1600', 'kinds', options => '{"holdout": 0, "task": "regression", "penalty": "l2", "alpha": 0.1}');
SELECT count(*) FROM aiaas_training_info('kinds') WHERE item LIKE 'columns.%' OR item LIKE 'left_out.%';

-- cross-validation
SELECT fold, metric, round(value::numeric, 2) AS value FROM aiaas_cross_validate('trips', 'delay', folds => 3, features => '{dist,spare,carrier}') WHERE metric IN ('r2', 'rmse', 'rows') ORDER BY 1, 2;
SELECT count(*), sum(value) FROM aiaas_cross_validate('trips', 'late', 'logistic_regression', 4, features => '{dist,spare,carrier}') WHERE metric = 'rows';
-- groups stay together: of three carriers, two folds get one at least
SELECT fold, value::int % 200 AS part FROM aiaas_cross_validate('trips', 'delay', folds => 2, features => '{dist,spare}', options => '{"groups": "carrier"}') WHERE metric = 'rows' ORDER BY 1;
SELECT fold, value::int % 200 AS part FROM aiaas_cross_validate('SELECT dist, spare, delay, (id / 3 % 3)::numeric AS g FROM trips', 'delay', folds => 2, features => '{dist,spare}', options => '{"groups": "g"}') WHERE metric = 'rows' ORDER BY 1;
SELECT count(*) AS nothing_stored FROM aiaas.models WHERE model::text LIKE 'trips%';

-- bad input
\pset format unaligned
\pset fieldsep '\n\t'
\pset tuples_only on
SET client_min_messages = error;
CREATE TABLE bad (n numeric, f float8, a float8[], d date, t text, y float8, "at" timestamptz, x xid);
INSERT INTO bad SELECT i, i * 7 % 11, ARRAY[i, i % 3], '2024-01-01', 'a', i % 10, '2024-01-01', '1' FROM generate_series(1, 50) i;
SELECT command, sqlstate_of('SELECT aiaas_train(' || command || ')') FROM unnest(ARRAY[
	$$'trips', 'delay', 'x', options => '{"columns": {"carier": "category"}}'$$,
	$$'trips', 'delay', 'x', options => '{"columns": {"delay": "number"}}'$$,
	$$'trips', 'delay', 'x', options => '{"columns": {"j": "text"}}'$$,
	$$'trips', 'delay', 'x', options => '{"columns": {"carrier": "number"}}'$$,
	$$'trips', 'delay', 'x', options => '{"columns": {"pair": "category"}}'$$,
	$$'trips', 'delay', 'x', options => '{"columns": {"carrier": "kind"}}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"columns": {"carrier": "category"}}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"columns": {"dist": "ignore"}}'$$,
	$$'trips', 'delay', 'x', '{u,dist}'$$, $$'trips', 'delay', 'x', '{jb}'$$, $$'trips', 'delay', 'x', '{dits}'$$,
	$$'SELECT u, j, jb, raw, delay FROM trips', 'delay', 'x'$$, $$'SELECT id, delay FROM trips', 'delay', 'x'$$,
	$$'SELECT dist, dist, delay FROM trips', 'delay', 'x'$$,
	$$'trips', 'carrier', 'x', '{dist}', options => '{"task": "regression"}'$$, $$'trips', 'carrier', 'x', '{dist}', 'linear_regression'$$,
	$$'trips', 'day', 'x', '{dist}', 'linear_regression'$$, $$'trips', 'pair', 'x', '{dist}', 'linear_regression'$$,
	$$'trips', 'delay', 'x', '{dist}', 'linear_regression', '{"task": "classification"}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"task": "clustering"}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"holdout": "carrier"}'$$, $$'trips', 'delay', 'x', '{dist}', options => '{"holdout": "nosuch"}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"holdout": {"column": "carrier", "fraction": 0.2}}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"weights": "carrier"}'$$, $$'SELECT dist, delay, -1 AS w FROM trips', 'delay', 'x', options => '{"weights": "w"}'$$,
	$$'trips', 'delay', 'x', '{dist}', options => '{"groups": "carrier"}'$$,
	$$'SELECT n * 1e308 AS n, f, y FROM bad', 'y', 'x'$$, $$'SELECT f, n * 10::numeric ^ 400 AS y FROM bad', 'y', 'x'$$,
	$$'SELECT CASE WHEN n = 7 THEN ''infinity'' ELSE f END AS f, n, y FROM bad', 'y', 'x'$$,
	$$'SELECT n, CASE WHEN n = 7 THEN ''-infinity'' ELSE y END AS y FROM bad', 'y', 'x'$$,
	$$'SELECT CASE WHEN n = 7 THEN ''infinity'' ELSE d END AS d, n, y FROM bad', 'y', 'x'$$,
	$$'SELECT CASE WHEN n = 7 THEN ARRAY[a, a] ELSE a END AS a, y FROM bad', 'y', 'x'$$,
	$$'SELECT CASE WHEN n = 7 THEN a || 1::float8 ELSE a END AS a, y FROM bad', 'y', 'x'$$,
	$$'SELECT CASE WHEN n = 7 THEN ''{}'' ELSE a END AS a, y FROM bad', 'y', 'x'$$,
	$$'SELECT ''{}''::float8[] AS a, y FROM bad', 'y', 'x'$$,
	$$'SELECT NULL::float8 AS f, y FROM bad', 'y', 'x'$$, $$'SELECT 1 AS f, y FROM bad', 'y', 'x'$$,
	$$'SELECT f, NULL::float8 AS y FROM bad', 'y', 'x'$$, $$'SELECT f, ''NaN''::float8 AS y FROM bad', 'y', 'x'$$,
	$$'SELECT n, f, y FROM bad WHERE false', 'y', 'x'$$]) command;
SELECT command, sqlstate_of('SELECT aiaas_cross_validate(' || command || ')') FROM unnest(ARRAY[
	$$NULL$$, $$'trips', 'delay', folds => 1$$, $$'trips', 'delay', folds => 32$$, $$'trips', 'nosuch'$$, $$'trips', 'delay', 'nosuch'$$,
	$$'trips', 'delay', features => '{dist}', options => '{"holdout": 0.5}'$$, $$'trips', 'delay', features => '{dist}', options => '{"deploy": false}'$$,
	$$'SELECT xmin AS x, delay, dist FROM trips', 'delay', features => '{dist}', options => '{"groups": "x"}'$$,
	$$'SELECT jb AS g, delay, dist FROM trips', 'delay', features => '{dist}', options => '{"groups": "g"}'$$,
	$$'SELECT j AS g, delay, dist FROM trips', 'delay', features => '{dist}', options => '{"groups": "g"}'$$,
	$$'SELECT dist, delay FROM trips LIMIT 3', 'delay'$$]) command;
\pset format aligned
\pset tuples_only off
-- one row tells nothing; more columns than rows are learnt
SET client_min_messages = error;
SELECT sqlstate_of($$SELECT aiaas_train('SELECT f, y FROM bad LIMIT 1', 'y', 'x', '{f}', options => '{"holdout": 0}')$$);
SELECT rows FROM aiaas_train('SELECT dist, i8, f4, amount, i2, delay FROM trips LIMIT 3', 'delay', 'x', options => '{"holdout": 0}');
SELECT rows FROM aiaas_train('SELECT dist, dist AS again, delay FROM trips', 'delay', 'x');

-- slips: columns as the name, numbers and dates as labels, labels that there are not, an array as text
\pset format unaligned
\pset tuples_only on
SELECT command, sqlstate_of('SELECT aiaas_train(' || command || ')') FROM unnest(ARRAY[
	$$'trips', 'delay', '{dist,carrier}'$$, $$'trips', 'delay', 'x', '{dist}', 'logistic_regression'$$, $$'trips', 'day', 'x', '{dist}'$$,
	$$'trips', 'late', 'x', '{dist}', options => '{"positive": "yes"}'$$, $$'trips', 'stops', 'x', '{dist}', 'svm', '{"task": "classification", "class_weight": {"many": 2}}'$$]) command;
SELECT sqlstate_of($$SELECT aiaas_predict('x', '{30,1}')$$);
\pset format aligned
\pset tuples_only off
SELECT task FROM aiaas_train('trips', 'late', 'slip', '{dist}', options => '{"positive": false}');
SELECT DISTINCT label FROM aiaas_coefficients('slip');
SELECT DISTINCT label FROM aiaas_coefficients('x');
SET client_min_messages = notice;
SELECT task FROM aiaas_train('trips', 'late', 'slip', '{dist}', 'linear_regression', '{"deploy": false}');
SELECT task FROM aiaas_train('trips', 'stops', 'slip', '{dist}', 'logistic_regression', '{"deploy": false}');
SELECT task FROM aiaas_train('SELECT dist, delay FROM trips LIMIT 40', 'delay', 'slip', '{dist}', 'linear_regression', '{"deploy": false}');
SET client_min_messages = error;
SELECT model FROM aiaas_train('trips', 'delay', features => '{dist}');

-- values that are taken from where they lie in a tuple, or computed: the same model
CREATE TABLE lies AS SELECT sin(i)::float8 AS a, cos(i)::float4 AS b, (i * 7 % 90)::smallint AS c, i * i % 1000 AS d, (i * 31 % 777)::bigint AS e,
	i % 3 = 0 AS f, date '2020-01-01' + i % 500 AS g, timestamp '2020-01-01' + i % 90 * interval '7 hours' AS h,
	CASE WHEN sin(i) + cos(i) > 0.2 * (i % 5) THEN 'up' ELSE 'down' END AS way, i % 4 = 0 AS held, i AS late FROM generate_series(1, 600) i;
SELECT rows FROM aiaas_train('SELECT a, b, c, d, e, f, g, h, way FROM lies', 'way', 'lie', algorithm => 'logistic_regression');
SELECT rows FROM aiaas_train('lies', 'way', 'lie', '{a,b,c,d,e,f,g,h}', 'logistic_regression');
CREATE TABLE lies2 AS SELECT a, b, c, d, e, f, g, h, way FROM lies;
SELECT rows FROM aiaas_train('lies2', 'way', 'lie', algorithm => 'logistic_regression');
SELECT rows FROM aiaas_train('SELECT abs(a) * sign(a) AS a, b, c, d, e, f, g, h, substr(way, 1) AS way FROM lies2', 'way', 'lie', algorithm => 'logistic_regression');
SELECT count(DISTINCT digest) AS same, count(*) FROM aiaas_versions('lie');
SELECT rows FROM aiaas_train('lies', 'a', 'lie2', '{b,c,d}', 'svm', '{"holdout": "held", "weights": "late"}');
SELECT rows FROM aiaas_train('SELECT late, held, d, c, b, a FROM lies', 'a', 'lie2', '{b,c,d}', 'svm', '{"holdout": "held", "weights": "late"}');
SELECT count(DISTINCT digest) AS same, count(*) FROM aiaas_versions('lie2');
-- with NULLs, and rows from before a column was added
UPDATE lies2 SET b = NULL, way = CASE WHEN c % 4 = 0 THEN way END WHERE d % 6 = 0;
ALTER TABLE lies2 ADD COLUMN added float8 DEFAULT 0.25;
UPDATE lies2 SET added = a * b WHERE d % 4 = 1;
SELECT rows FROM aiaas_train('lies2', 'way', 'lie', algorithm => 'svm');
SELECT rows FROM aiaas_train('SELECT abs(a) * sign(a) AS a, b, c, d, e, f, g, h, way, added FROM lies2', 'way', 'lie', algorithm => 'svm');
SELECT count(DISTINCT digest) AS same, count(*) FROM aiaas_versions('lie') WHERE algorithm = 'svm';

-- rights: of the columns that are read, no others
CREATE ROLE regress_aiaas_columns;
CREATE SCHEMA columns AUTHORIZATION regress_aiaas_columns;
GRANT SELECT (dist, carrier, delay) ON trips TO regress_aiaas_columns;
SET ROLE regress_aiaas_columns;
SELECT rows FROM aiaas_train('public.trips', 'delay', 'columns.m', '{dist,carrier}');
SELECT rows FROM aiaas_train('public.trips', 'delay', 'columns.m', '{dist}', 'linear_regression', '{"holdout": 0}');
SELECT sqlstate_of($$SELECT aiaas_train('public.trips', 'delay', 'columns.m', '{dist,i8}')$$);
SELECT sqlstate_of($$SELECT aiaas_train('public.trips', 'delay', 'columns.m', '{i8}', 'linear_regression', '{"holdout": 0}')$$);
SELECT sqlstate_of($$SELECT * FROM aiaas_cross_validate('public.trips', 'delay', features => '{i8}')$$);
-- another's model has the name that is taken by default
SELECT sqlstate_of($$SELECT aiaas_train('public.trips', 'delay', features => '{dist}')$$);
RESET ROLE;

DROP SCHEMA columns CASCADE;
DROP VIEW seen_trips;
DROP MATERIALIZED VIEW kept_trips;
DROP TABLE lie, lie2, lies, lies2, t, t2, task, held, warm, zoned, zone, kept, gone, viewed, plain, sums, parted, kinds, wide, bad, x, slip, trips_model, trips;
DROP TYPE size, miles;
DROP FUNCTION sqlstate_of;
DROP ROLE regress_aiaas_columns;
