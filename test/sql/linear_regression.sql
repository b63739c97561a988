--
-- Linear regression as an aggregate: results, NULLs, groups, windows, parallel
-- plans, bad input, states as values, hostile states
--
SET extra_float_digits = 0;
CREATE FUNCTION shown(r aiaas.linear_regression) RETURNS text LANGUAGE sql AS $$
	SELECT format('n %s, %s + %s x, errors %s %s, r2 %s, adjusted %s, sigma %s, freedom %s, dropped %s', r.n, round(r.intercept::numeric, 6),
		(SELECT array_agg(round(c::numeric, 6)) FROM unnest(r.coefficients) c), round(r.intercept_std_error::numeric, 6),
		(SELECT array_agg(round(c::numeric, 6)) FROM unnest(r.std_errors) c), round(r.r2::numeric, 8), round(r.adjusted_r2::numeric, 8),
		round(r.sigma::numeric, 6), r.degrees_of_freedom, r.dropped)
$$;

-- NIST's Longley data; certified values: -3482258.63459582 (890420.383607373),
-- 15.0618722713733 (84.9149257747669), ... r2 0.995479004577296, sigma 304.854073561965
CREATE TABLE longley (y float8, x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8);
INSERT INTO longley VALUES
	(60323, 83.0, 234289, 2356, 1590, 107608, 1947), (61122, 88.5, 259426, 2325, 1456, 108632, 1948), (60171, 88.2, 258054, 3682, 1616, 109773, 1949),
	(61187, 89.5, 284599, 3351, 1650, 110929, 1950), (63221, 96.2, 328975, 2099, 3099, 112075, 1951), (63639, 98.1, 346999, 1932, 3594, 113270, 1952),
	(64989, 99.0, 365385, 1870, 3547, 115094, 1953), (63761, 100.0, 363112, 3578, 3350, 116219, 1954), (66019, 101.2, 397469, 2904, 3048, 117388, 1955),
	(67857, 104.6, 419180, 2822, 2857, 118734, 1956), (68169, 108.4, 442769, 2936, 2798, 120445, 1957), (66513, 110.8, 444546, 4681, 2637, 121950, 1958),
	(68655, 112.6, 482704, 3813, 2552, 123366, 1959), (69564, 114.2, 502601, 3931, 2514, 125368, 1960), (69331, 115.7, 518173, 4806, 2572, 127852, 1961),
	(70551, 116.9, 554894, 4007, 2827, 130081, 1962);
WITH fit AS (SELECT (aiaas_linear_regression(y, ARRAY[x1, x2, x3, x4, x5, x6])).* FROM longley)
SELECT n, abs(intercept / -3482258.63459582 - 1) < 1e-10 AS intercept, abs(intercept_std_error / 890420.383607373 - 1) < 1e-10 AS intercept_std_error,
	abs(coefficients[1] / 15.0618722713733 - 1) < 1e-10 AS coefficient, abs(std_errors[1] / 84.9149257747669 - 1) < 1e-10 AS std_error,
	abs(r2 - 0.995479004577296) < 1e-13 AS r2, abs(sigma / 304.854073561965 - 1) < 1e-10 AS sigma, degrees_of_freedom, dropped
FROM fit;
-- the same as the built-in ones
SELECT abs((f).intercept / regr_intercept - 1) < 1e-12 AS intercept, abs((f).coefficients[1] / regr_slope - 1) < 1e-12 AS slope, abs((f).r2 / regr_r2 - 1) < 1e-12 AS r2
FROM (SELECT aiaas_linear_regression(y, ARRAY[x1]) AS f, regr_slope(y, x1), regr_intercept(y, x1), regr_r2(y, x1) FROM longley) v;

CREATE TABLE points AS SELECT i AS id, i % 3 AS grp, i::float8 AS a, (i * 7 % 11)::float8 AS b, 2 + 3 * i - (i * 7 % 11) + (i * 13 % 7) / 10.0 AS y
FROM generate_series(1, 30) i;
SELECT grp, shown(aiaas_linear_regression(y, ARRAY[a, b])) FROM points GROUP BY grp ORDER BY grp;
SELECT shown(aiaas_linear_regression(y, ARRAY[a, b]) FILTER (WHERE id < 10)) AS filtered FROM points;
-- rows with a NULL or NaN don't count
SELECT shown(aiaas_linear_regression(CASE WHEN id <> 20 THEN y END, CASE WHEN id <> 21 THEN ARRAY[CASE WHEN id <> 22 THEN a END, CASE WHEN id = 23 THEN 'NaN' ELSE b END] END))
	= shown(aiaas_linear_regression(y, ARRAY[a, b]) FILTER (WHERE id NOT BETWEEN 20 AND 23)) AS same FROM points;
SELECT shown(aiaas_linear_regression(y, ARRAY[a, b])) = shown(aiaas_linear_regression('NaN', ARRAY[a, b])) AS none, aiaas_linear_regression(NULL, ARRAY[a, b]) FROM points;
SELECT aiaas_linear_regression(y, ARRAY[a]) FROM points WHERE false;
-- other types of numbers
SELECT shown(aiaas_linear_regression(v.y, ARRAY[v.a, v.b])), shown(aiaas_linear_regression(v.y, ARRAY[v.a::numeric, v.b])) FROM (VALUES (1, 2, 3), (4, 5, 7), (6, 9, 1), (8, 2, 2)) v(y, a, b);

-- dependent and constant columns are dropped, the later ones; and what few rows give
SELECT shown(aiaas_linear_regression(y, ARRAY[a, 2 * a, b, 5, a + b, a * a])) FROM points;
SELECT id, shown(aiaas_linear_regression(y, ARRAY[a, b]) OVER (ORDER BY id)) FROM points WHERE id < 5 ORDER BY id;
SELECT shown(aiaas_linear_regression(7, ARRAY[a, b])) AS constant_target FROM points;
SELECT shown(aiaas_linear_regression(y, ARRAY[b, a, a * b, a * a])) AS more_columns_than_rows FROM points WHERE id < 4;

-- windows: a moving frame gives what its rows give
SELECT bool_and(moving = (SELECT shown(aiaas_linear_regression(y, ARRAY[a, b])) FROM points p WHERE p.id BETWEEN w.id - 6 AND w.id + 1)) AS same
FROM (SELECT id, shown(aiaas_linear_regression(y, ARRAY[a, b]) OVER (ORDER BY id ROWS BETWEEN 6 PRECEDING AND 1 FOLLOWING)) AS moving FROM points) w;
SELECT count(DISTINCT r) FROM (SELECT shown(aiaas_linear_regression(y, ARRAY[a, b]) OVER ()) AS r FROM points) v;

-- parallel plans give what serial ones give
CREATE TABLE many AS SELECT i % 4 AS grp, 1e9 + i AS a, sin(i) AS b, (i * 7919 % 10007) / 100.0 AS c, i + 5 * sin(i) + cos(i * i) AS y FROM generate_series(1, 40000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE VIEW fits AS SELECT grp, (aiaas_linear_regression(y, ARRAY[a, b, c])).* FROM many GROUP BY grp;
EXPLAIN (COSTS OFF) SELECT aiaas_linear_regression(y, ARRAY[a, b, c]) FROM many;
CREATE TABLE parallel AS SELECT * FROM fits;
SET max_parallel_workers_per_gather = 0;
SELECT grp, p.n = f.n AS n, abs(p.intercept / f.intercept - 1) < 1e-9 AS intercept, abs(p.coefficients[1] / f.coefficients[1] - 1) < 1e-12 AS a,
	abs(p.coefficients[2] / f.coefficients[2] - 1) < 1e-10 AS b, abs(p.std_errors[3] / f.std_errors[3] - 1) < 1e-6 AS c, abs(p.sigma / f.sigma - 1) < 1e-6 AS sigma
FROM parallel p JOIN fits f USING (grp) ORDER BY grp;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

-- bad input
CREATE FUNCTION sqlstate_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
SELECT command, sqlstate_of('SELECT ' || command) FROM unnest(ARRAY[
	'aiaas_linear_regression(1, ''{}''::float8[])', 'aiaas_linear_regression(1, ''{{1,2},{3,4}}''::float8[])', 'aiaas_linear_regression(y, CASE WHEN y > 50 THEN ARRAY[1.0, 2.0] ELSE ARRAY[1.0] END) FROM points',
	'aiaas_linear_regression(''Infinity'', ARRAY[1.0])', 'aiaas_linear_regression(1, ARRAY[1.0, ''-Infinity''])', 'aiaas_linear_regression(1, array_fill(1.0::float8, ARRAY[1601]))',
	'aiaas_linear_regression(y, ARRAY[a * 1e200]) FROM points', 'aiaas_linear_regression(y * 1e305, ARRAY[a]) FROM points', 'aiaas_linear_regression(y, a) FROM points', 'aiaas_linear_regression(y) FROM points',
	'aiaas_linear_regression(y, ARRAY[id::text]) FROM points', 'aiaas_linear_regression(1, NULL)', 'aiaas_linear_regression(NULL, ''{}'')', 'aiaas_linear_regression(y, ARRAY[a * 1e-200]) FROM points']) command;
SELECT round(coefficients[1]::numeric, 9) AS first, coefficients[2:3] AS others, cardinality(dropped)
FROM (SELECT (aiaas_linear_regression(i % 7, array_fill(i::float8, ARRAY[1600]))).* FROM generate_series(1, 40) i) v;

-- aiaas.gram: numbers of any type; what is missing or infinite is marked, not refused
SELECT shown(aiaas.gram_regression(aiaas.gram(1, y, a, b))) = shown(aiaas_linear_regression(y, ARRAY[a, b])) AS same FROM points;
SELECT shown(aiaas.gram_regression(aiaas.gram(1, y::numeric, a::real, b::int))) = shown(aiaas_linear_regression(y, ARRAY[a, b])) AS same FROM points;
SELECT shown(aiaas.gram_regression(aiaas.gram(1, y, a::smallint, b::bigint, id > 15, date '2000-01-01' + id * id))) =
	shown(aiaas_linear_regression(y, ARRAY[a, b, (id > 15)::int, id * id])) AS same FROM points;
SELECT shown(aiaas.gram_regression(aiaas.gram(2, y, a))) AS weights FROM points;
SELECT shown(aiaas.gram_regression(aiaas.gram(id % 2, y, a))) = shown(aiaas_linear_regression(y, ARRAY[a]) FILTER (WHERE id % 2 = 1)) AS zero_weights FROM points;
SELECT aiaas.gram(1, y, x) FROM (VALUES (1.0::float8, 2.0::float8), (2, 4), (NULL, 1), (1, 'NaN')) v(y, x);
SELECT aiaas.gram(w, y, x) FROM (VALUES (1.0::float8, 1::numeric, date '2000-01-03'), (1, 2, 'infinity'), ('NaN', 1, '2000-01-03'), (-1, 1, '2000-01-03')) v(w, y, x);
SELECT aiaas.gram(1, 'Infinity'::float8, true), aiaas.gram(1, 1e400::numeric, 1), aiaas.gram(NULL, 1, 1);
SELECT aiaas.gram_regression(aiaas.gram(1, NULL::int, 1));
SELECT command, sqlstate_of('SELECT ' || command) FROM unnest(ARRAY['aiaas.gram(1, 2)', 'aiaas.gram(1, 2, ''3'')', 'aiaas.gram(1, 2, now())', 'aiaas.gram(1)', 'aiaas.gram(1, 2, ARRAY[1.0])']) command;

-- states are values: kept per day, added later
SELECT aiaas.gram_regress(NULL, 3, ARRAY[1.0, 2.0]);
SELECT shown(aiaas.gram_regression('[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14]'));
CREATE TABLE daily AS SELECT grp AS day, aiaas.gram(1, y, a, b) AS state FROM points GROUP BY grp;
CREATE AGGREGATE gram_sum(aiaas.gram_state) (SFUNC = aiaas.gram_combine, STYPE = aiaas.gram_state);
SELECT shown(aiaas.gram_regression(gram_sum(state))) = (SELECT shown(aiaas_linear_regression(y, ARRAY[a, b])) FROM points) AS same FROM daily;
SELECT bool_and(state::text::aiaas.gram_state::text = state::text) AS text_comes_back FROM daily;
\copy daily TO 'results/daily.bin' (FORMAT binary)
CREATE TABLE copied (LIKE daily);
\copy copied FROM 'results/daily.bin' (FORMAT binary)
SELECT count(*) FROM daily d JOIN copied c USING (day) WHERE d.state::text = c.state::text;
-- too large for a page
CREATE TABLE large AS
SELECT aiaas.gram_regress(aiaas.gram_regress(NULL, 1, array_fill(1.5::float8, ARRAY[300])), 2, array_fill(2::float8, ARRAY[300])) AS state;
INSERT INTO large SELECT * FROM large;
SELECT (aiaas.gram_regression(gram_sum(state))).coefficients[1:2] AS toasted, (aiaas.gram_regression(gram_sum(state))).n FROM large;
SELECT sqlstate_of('SELECT aiaas.gram_combine(a.state, b.state) FROM daily a, large b');

-- forged states; a bytea is none
SELECT input, sqlstate_of(format('SELECT %L::aiaas.gram_state', input)) FROM unnest(ARRAY[
	'', '{}', '3', '[', '[]', '[1]', '[1, 0]', '[1, 0, 0]', '[0, 0, 0]', '[-1, 0, 0]', '[1601, 0, 0]', '[4294967297, 0, 0]', '[1, 0, 9]', '[1, 0, 4294967296]', '[1, -1, 0]', '[1, 1.5, 0]', '[1, 0, 0, 1]',
	'[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6]', '[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14, 1]', '[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, "14"]', '[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, null]',
	'[1, 4, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, -1]', '[1, 4, 0, 4, 1, 1.5, 1, 4, -5, 3, 2.5, 0, 10, 6, 14]', '[1, 4, 0, 0, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14]', '[1, 4, 0, -4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14]',
	'[1, 4, 0, 4, 1, 1.5, 5, 4, 5, 3, 2.5, 0, 10, 6, 14]', '[1, 4, 0, 1e400, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14]', '[1, 9223372036854775807, 0, 4, 1, 1.5, 1, 4, 5, 3, 2.5, 0, 10, 6, 14]']) input;
-- impossible, but nothing comes of it
SELECT shown(aiaas.gram_regression('[2, 4, 0, 4, 1, 1.5, 1, 4, 5, 1, 1, 1, 4, 500, 5, 3, 2.5, 0, 10, 6, 7, 14]'));
SELECT sqlstate_of('SELECT ''\x00''::bytea::aiaas.gram_state'), left(sqlstate_of('SELECT aiaas.gram_recv(NULL)'), 5) IN ('42883', '0A000') AS refused;
CREATE TABLE forged (bytes bytea);
CREATE TABLE states (state aiaas.gram_state);
INSERT INTO forged SELECT aiaas.gram_send(aiaas.gram_regress(NULL, 3, ARRAY[1.0]));
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
SELECT state, (SELECT bytes FROM forged) FROM states;
\set VERBOSITY terse
CREATE TABLE sound AS SELECT bytes FROM forged;
UPDATE forged SET bytes = '\x';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\xffffffff000000000000000000000000';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = '\x00000640000000000000000000000001';
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT bytes || '\x00' FROM sound);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT overlay(bytes PLACING '\x7ff8000000000000' FROM 17) FROM sound);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT overlay(bytes PLACING '\xffffffffffffffff' FROM 9) FROM sound);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
UPDATE forged SET bytes = (SELECT overlay(bytes PLACING '\x00000008' FROM 5) FROM sound);
\copy forged TO 'results/forged.bin' (FORMAT binary)
\copy states FROM 'results/forged.bin' (FORMAT binary)
SELECT count(*) FROM states;

-- an aggregate of somebody else's, that goes on with a state from a table, toasted there
CREATE TABLE kept (state aiaas.gram_state);
ALTER TABLE kept ALTER state SET STORAGE EXTERNAL;
INSERT INTO kept SELECT aiaas.gram(1, y, a, b, a * b) FROM points;
SELECT pg_column_size(state) > 2048 AS toasted, pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM kept, pg_class WHERE oid = 'kept'::regclass;
CREATE FUNCTION from_table(aiaas.gram_state, float8, float8[]) RETURNS aiaas.gram_state LANGUAGE sql AS 'SELECT state FROM kept';
CREATE AGGREGATE borrowed(float8, float8[]) (SFUNC = aiaas.gram_regress, STYPE = aiaas.gram_state,
	MSFUNC = aiaas.gram_regress, MSTYPE = aiaas.gram_state, MINVFUNC = from_table);
SELECT bool_and(shown(aiaas.gram_regression(moving)) = (SELECT shown(aiaas_linear_regression(y, ARRAY[a, b, a * b])) FROM (SELECT * FROM points UNION ALL SELECT * FROM points p WHERE p.id = w.id) v)) AS same
FROM (SELECT id, borrowed(y, ARRAY[a, b, a * b]) OVER (ORDER BY id ROWS 1 PRECEDING) AS moving FROM points) w WHERE id > 2;
DROP AGGREGATE borrowed(float8, float8[]);
DROP FUNCTION from_table;
DROP TABLE kept;

DROP TABLE longley, points, many, parallel, daily, copied, large, forged, states, sound CASCADE;
DROP AGGREGATE gram_sum(aiaas.gram_state);
DROP FUNCTION sqlstate_of, shown;
