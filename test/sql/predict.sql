--
-- Forms of input: text, record, numbers, JSON; models of tables; predict; coefficients
--
SET client_min_messages = warning;
-- the value of an expression, or its error
CREATE FUNCTION try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || left(SQLERRM, 120);
END $$;
CREATE TABLE mails AS
	SELECT split_part(body, ' ', 1) AS subject, body, label FROM generate_series(1, 20), (VALUES
		('cheap pills', 'spam'), ('buy cheap pills now', 'spam'), ('pills and watches', 'spam'),
		('meeting at noon', 'good'), ('notes of the meeting', 'good'), ('lunch at noon', 'good')) AS v (body, label);
SELECT model, version FROM aiaas_train('mails', 'label', 'mail', '{subject,body}', options => '{"holdout": 0, "columns": {"subject": "text", "body": "text"}}');
SELECT model, version FROM aiaas_train('mails', 'label', 'body', '{body}', options => '{"holdout": 0, "columns": {"body": "text"}}');

--
-- Each function takes each form, without casts, with and without version and label
--
CREATE TABLE forms (kind text, input text);
INSERT INTO forms VALUES
	('row', $$(SELECT m FROM (SELECT 'cheap' AS subject, 'cheap pills' AS body, 1 AS more) AS m)$$),
	('ROW', $$ROW('cheap', 'cheap pills')$$),
	('table''s row', $$(SELECT m FROM mails AS m WHERE body = 'cheap pills' LIMIT 1)$$),
	('jsonb', $$jsonb_build_object('subject', 'cheap', 'body', 'cheap pills', 'more', 1)$$),
	('json', $$json_build_object('body', 'cheap pills', 'subject', 'cheap')$$),
	('jsonb array', $$'["cheap", "cheap pills"]'::jsonb$$),
	('json array', $$json_build_array('cheap', 'cheap pills')$$),
	('literal', $$'{"subject": "cheap", "body": "cheap pills"}'$$),
	('literal array', $$' ["cheap", "cheap pills"]'$$),
	('text', $$'{"subject": "cheap", "body": "cheap pills"}'::text$$),
	('varchar', $$'{"subject": "cheap", "body": "cheap pills"}'::varchar(60)$$),
	('to_jsonb', $$to_jsonb((SELECT m FROM mails AS m WHERE body = 'cheap pills' LIMIT 1))$$);
SELECT kind, try(format($$aiaas_classify('mail', %s)$$, input)) AS live, try(format($$aiaas_classify('mail', 1, %s)$$, input)) AS pinned,
	try(format($$round(aiaas_score('mail', %s)::numeric, 3)$$, input)) AS score,
	try(format($$round(aiaas_score('mail', %s, 'good')::numeric, 3)$$, input)) AS labelled,
	try(format($$round(aiaas_score('mail', 1, %s, label => 'good')::numeric, 3)$$, input)) AS both,
	try(format($$SELECT label FROM aiaas_scores('mail', %s) LIMIT 1$$, input)) AS scores,
	try(format($$SELECT label FROM aiaas_scores('mail', 1, %s) LIMIT 1$$, input)) AS pinned,
	try(format($$SELECT count(*) > 3 FROM aiaas_explain('mail', %s)$$, input)) AS explain,
	try(format($$SELECT count(*) > 3 FROM aiaas_explain('mail', 1, %s, 'good')$$, input)) AS both
FROM forms;
SELECT expression, try(expression) AS result FROM unnest(ARRAY[
	$$aiaas_classify('mail', NULL)$$, $$aiaas_classify('mail', 1, NULL)$$, $$aiaas_score('mail', NULL, 'good')$$,
	$$aiaas_classify('mail', NULL::jsonb)$$, $$aiaas_classify('mail', NULL::json)$$, $$aiaas_classify('mail', NULL::float8[])$$,
	$$aiaas_classify('mail', NULL::int[])$$, $$aiaas_classify('mail', 'null'::jsonb)$$, $$aiaas_classify('mail', ROW(NULL, NULL))$$,
	$$aiaas_classify('mail', '{"subject": null, "body": null}')$$, $$aiaas_classify('mail', '[null, null]'::json)$$,
	$$aiaas_classify('mail', '{"subject": null, "body": "meeting at noon"}')$$,
	$$aiaas_classify('body', '{"body": "meeting"}')$$, $$aiaas_classify('body', '{"body": "meeting"}'::jsonb)$$,
	$$aiaas_classify('body', '["meeting"]'::json)$$, $$aiaas_classify('body', ROW('meeting'))$$, $$aiaas_classify('body', 'meeting'::name)$$,
	-- errors
	$$aiaas_classify('mail', 'one text')$$, $$aiaas_classify('mail', '')$$, $$aiaas_classify('mail', '{"subject": "a"')$$,
	$$aiaas_classify('mail', '{"subject": "a"}')$$, $$aiaas_classify('mail', '["a"]'::jsonb)$$, $$aiaas_classify('mail', '"a"'::jsonb)$$,
	$$aiaas_classify('mail', '{"subject": 1, "body": "b"}')$$, $$aiaas_classify('mail', '{"subject": {"a": 1}, "body": "b"}')$$,
	$$aiaas_classify('mail', '{"subject": [1], "body": "b"}')$$, $$aiaas_classify('mail', '{"subject": true, "body": "b"}')$$,
	$$aiaas_classify('mail', ARRAY[1, 2])$$, $$aiaas_classify('mail', ARRAY[1.5, 2])$$, $$aiaas_classify('body', '{1}'::float8[])$$,
	$$aiaas_classify('mail', ARRAY[1])$$, $$aiaas_classify('mail', ARRAY[[1, 2]])$$, $$aiaas_classify('body', ARRAY[]::numeric[])$$,
	$$aiaas_predict('mail', ROW('cheap', 'cheap pills'))$$, $$aiaas_predict('mail', 1, 'x')$$, $$aiaas_predict('mail', ARRAY['x'])$$,
	$$aiaas_coefficients('mail')$$]) AS expression;
PREPARE any_input AS SELECT aiaas_classify($1, $2), aiaas_classify($1, 1, $2), round(aiaas_score($1, $2, $3)::numeric);
EXECUTE any_input('mail', '{"subject": "cheap", "body": "cheap pills"}', 'spam');
EXECUTE any_input('mail', NULL, NULL);
DEALLOCATE any_input;

--
-- A regression on a table: what it learns is exact, so that all forms give the same
--
CREATE TABLE trips AS
	SELECT i AS id, (i * 37 % 100)::float8 AS distance, i % 7 AS seats, i % 3 = 0 AS rush, (ARRAY['bus', 'tram', 'ferry'])[1 + i * i % 3 + i % 2] AS carrier,
		date '2013-01-01' + i AS day, time '06:00' + i * interval '7 minutes' AS leaves,
		timestamptz '2013-01-01 06:00+00' + i * interval '5 hours' AS at, ARRAY[i % 5, i * i % 11]::float8[] AS load,
		10 + 0.5 * (i * 37 % 100) - 2 * (i % 7) + CASE WHEN i % 3 = 0 THEN 4 ELSE 0 END + CASE 1 + i * i % 3 + i % 2 WHEN 2 THEN 3 WHEN 3 THEN 8 ELSE 0 END AS minutes
	FROM generate_series(1, 200) AS i;
SELECT model, version, task, algorithm, rows FROM aiaas_train('trips', 'minutes', 'minutes', '{distance,seats,rush,carrier}', 'linear_regression', '{"holdout": 0}');
SELECT model, version FROM aiaas_train('trips', 'minutes', 'plain', '{distance,seats,load}', 'linear_regression', '{"holdout": 0}');
SELECT max(abs(aiaas_predict('minutes', t) - minutes)) < 1e-6 AS exact, max(abs(aiaas_predict('minutes', 1, t.*) - minutes)) < 1e-6 AS pinned FROM trips AS t;
CREATE TABLE trip_forms (kind text, input text);
INSERT INTO trip_forms VALUES
	('row', $$(SELECT t FROM trips AS t WHERE id = 100)$$),
	('other order, other types', $$(SELECT t FROM (SELECT 'tram'::varchar AS carrier, 1 AS more, 0::numeric AS distance, NULL AS none, false AS rush, 2::smallint AS seats) AS t)$$),
	('ROW', $$ROW(0, 2, false, 'tram')$$),
	('ROW of literals', $$ROW('0', '2', 'false', 'tram')$$),
	('jsonb', $$to_jsonb((SELECT t FROM trips AS t WHERE id = 100))$$),
	('json', $$row_to_json((SELECT t FROM trips AS t WHERE id = 100))$$),
	('array', $$'[0, 2, false, "tram"]'::jsonb$$),
	('literal', $$'{"distance": 0, "seats": 2, "rush": false, "carrier": "tram"}'$$),
	('strings', $$'{"distance": "0", "seats": "2", "rush": "f", "carrier": "tram"}'$$),
	('NULL', $$NULL$$), ('no row', $$NULL::trips$$), ('NULLs', $$ROW(NULL, NULL, NULL, NULL)$$),
	('json null', $$'null'::json$$), ('json nulls', $$'[null, null, null, null]'$$);
SELECT kind, try(format($$round(aiaas_predict('minutes', %s)::numeric, 6)$$, input)) AS live, try(format($$round(aiaas_predict('minutes', 1, %s)::numeric, 6)$$, input)) AS pinned,
	try(format($$SELECT round(sum(contribution)::numeric, 6) FROM aiaas_explain('minutes', %s)$$, input)) AS explained,
	try(format($$SELECT round(sum(contribution)::numeric, 6) FROM aiaas_explain('minutes', 1, %s)$$, input)) AS pinned
FROM trip_forms;
SELECT expression, try('round((' || expression || ')::numeric, 6)') AS result FROM unnest(ARRAY[
	-- numbers in the order of the model: distance, seats, two of load
	$$aiaas_predict('plain', ARRAY[1, 2, 3, 4])$$, $$aiaas_predict('plain', ARRAY[1.0, 2, 3, 4])$$, $$aiaas_predict('plain', '{1,2,3,4}'::float8[])$$,
	$$aiaas_predict('plain', '{1,2,3,4}'::real[])$$, $$aiaas_predict('plain', 1, ARRAY[1, 2, 3, 4])$$, $$aiaas_predict('plain', '[1, 2, [3, 4]]')$$,
	$$aiaas_predict('plain', ROW(1, 2, ARRAY[3, 4]))$$, $$aiaas_predict('plain', '{"seats": 2, "load": [3, 4], "distance": 1}'::json)$$,
	$$(aiaas_predict('plain', ARRAY[1, NULL, 3, 4]) IS NULL)::int$$, $$aiaas_predict('plain', ARRAY[NULL, NULL, NULL, NULL]::float8[])$$,
	$$aiaas_predict('plain', '{1,NaN,3,4}'::float8[]) - aiaas_predict('plain', ARRAY[1, NULL, 3, 4])$$, $$aiaas_predict('plain', '[1, null, [3, 4]]') - aiaas_predict('plain', ARRAY[1, NULL, 3, 4])$$]) AS expression;
-- what doesn't fit
SELECT expression, try(expression) AS result FROM unnest(ARRAY[
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT 1 AS distance, 2 AS seats, true AS rush) AS t$$, $$SELECT aiaas_predict('minutes', t) FROM trip_forms AS t$$,
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT '1'::text AS distance, 2 AS seats, true AS rush, 'bus' AS carrier) AS t$$,
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT 1 AS distance, '2013-01-01'::date AS seats, true AS rush, 'bus' AS carrier) AS t$$,
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT 1 AS distance, 2 AS seats, 1 AS rush, 'bus' AS carrier) AS t$$,
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT 1 AS distance, 2 AS seats, true AS rush, 7 AS carrier) AS t$$,
	$$SELECT aiaas_predict('minutes', t) FROM (SELECT 1 AS distance, ARRAY[2] AS seats, true AS rush, 'bus' AS carrier) AS t$$,
	$$aiaas_predict('minutes', ROW(1, 2, true))$$, $$aiaas_predict('minutes', ROW('a', 2, true, 'bus'))$$, $$aiaas_predict('minutes', ROW(1, 2, 'maybe', 'bus'))$$,
	$$aiaas_predict('minutes', ARRAY[1, 2, 3, 4])$$, $$aiaas_predict('minutes', ARRAY[1, 2, 1])$$, $$aiaas_predict('minutes', 'a text')$$, $$aiaas_predict('minutes', ARRAY['a text'])$$,
	$$aiaas_predict('minutes', '{"distance": 1, "seats": 2, "rush": true}')$$, $$aiaas_predict('minutes', '{"distance": [1], "seats": 2, "rush": true, "carrier": "bus"}')$$,
	$$aiaas_predict('minutes', '{"distance": true, "seats": 2, "rush": true, "carrier": "bus"}')$$, $$aiaas_predict('minutes', '{"distance": "far", "seats": 2, "rush": true, "carrier": "bus"}')$$,
	$$aiaas_predict('minutes', '{"distance": 1e999, "seats": 2, "rush": true, "carrier": "bus"}')$$, $$aiaas_predict('minutes', ROW('1e999', 2, true, 'bus'))$$, $$aiaas_predict('minutes', '{"distance": "Infinity", "seats": 2, "rush": true, "carrier": "bus"}')$$,
	$$aiaas_predict('minutes', ROW('Infinity'::float8, 2, true, 'bus'))$$, $$aiaas_predict('minutes', ROW(1e308::numeric * 1e308, 2, true, 'bus'))$$,
	$$aiaas_predict('plain', ROW(1, 2, ARRAY[3]))$$, $$aiaas_predict('plain', ROW(1, 2, ARRAY[[3], [4]]))$$, $$aiaas_predict('plain', ROW(1, 2, '{3,4}'))$$, $$aiaas_predict('plain', ROW(1, 2, 3))$$,
	$$aiaas_predict('plain', '[1, 2, [3]]')$$, $$aiaas_predict('plain', '[1, 2, [3, "4"]]')$$, $$aiaas_predict('plain', '[1, 2, 3]')$$, $$aiaas_predict('plain', ARRAY[1, 2, 3])$$,
	$$aiaas_predict('minutes', 0, ROW(1, 2, true, 'bus'))$$, $$aiaas_predict('minutes', 7, ROW(1, 2, true, 'bus'))$$, $$aiaas_predict('trips', ROW(1))$$,
	$$aiaas_classify('minutes', ROW(1, 2, true, 'bus'))$$, $$aiaas_score('minutes', 1, ROW(1, 2, true, 'bus'))$$, $$aiaas_scores('minutes', ROW(1, 2, true, 'bus'))$$,
	$$aiaas_score('minutes', ARRAY['x'], 'bus')$$, $$aiaas_explain('minutes', ROW(1, 2, true, 'bus'), 'bus')$$, $$aiaas_tokenize('minutes', 'a text')$$]) AS expression;
\set VERBOSITY default
SELECT aiaas_classify('minutes', t) FROM trips AS t;
SELECT aiaas_predict('mail', m) FROM mails AS m;
SELECT aiaas_predict('minutes', t) FROM (SELECT 'far' AS distance, seats, rush, carrier FROM trips) AS t;
SELECT aiaas_predict('minutes', '{"distance": 1}');

--
-- What a model has learnt
--
SELECT label, term, round(estimate::numeric, 6) AS estimate, round(std_error::numeric, 6) AS std_error, p_value < 1e-6 AS sure FROM aiaas_coefficients('minutes');
SELECT count(*) = count(estimate) AS all_estimated, bool_and(conf_low <= estimate AND estimate <= conf_high) AS within FROM aiaas_coefficients('minutes', version => 1);
SELECT * FROM aiaas_coefficients(NULL);
SELECT expression, try(expression) AS result FROM unnest(ARRAY[$$aiaas_coefficients('minutes', 9)$$, $$aiaas_coefficients('minutes', 0)$$, $$aiaas_coefficients('body')$$, $$aiaas_coefficients('trips')$$]) AS expression;

--
-- Labels of a table: integers as a category, an enum, text beside them
--
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE boxes AS
	SELECT i % 4 AS code, (i % 10) / 2.0 AS weight, (ARRAY['small', 'large'])[1 + i % 2]::size AS size, CASE WHEN i % 4 < 2 THEN 'keep' ELSE 'send' END AS fate
	FROM generate_series(1, 100) AS i;
SELECT model, version, task FROM aiaas_train('boxes', 'fate', 'fate', '{code,weight,size}', 'logistic_regression', '{"columns": {"code": "category"}, "holdout": 0}');
SELECT count(*) = sum((aiaas_classify('fate', b) = fate)::int) AS all FROM boxes AS b;
INSERT INTO trip_forms SELECT 'fate ' || row_number() OVER (), input FROM unnest(ARRAY[
	$$(SELECT b FROM boxes AS b LIMIT 1)$$, $$ROW(1, 0.5, 'large')$$, $$ROW('1', 0.5, 'large'::size)$$, $$ROW(1::bigint, 0.5::real, 'large'::text)$$,
	$$'{"code": 1, "weight": 0.5, "size": "large"}'$$, $$'{"code": 1.0, "weight": 0.5, "size": "large"}'::jsonb$$, $$'{"code": "1", "weight": "0.5", "size": "large"}'::json$$,
	$$to_jsonb((SELECT b FROM boxes AS b LIMIT 1))$$, $$'[1, 0.5, "large"]'$$]) AS input;
SELECT kind, input, try(format($$aiaas_classify('fate', %s)$$, input)) AS label, try(format($$aiaas_classify('fate', 1, %s)$$, input)) AS pinned,
	try(format($$aiaas_score('fate', %s) = aiaas_score('fate', ROW(1, 0.5, 'large'::size))$$, input)) AS score,
	try(format($$aiaas_score('fate', 1, %s, 'send') < 0.5$$, input)) AS labelled,
	try(format($$SELECT string_agg(label, ' ') FROM aiaas_scores('fate', %s)$$, input)) AS scores,
	try(format($$SELECT abs(1 / (1 + exp(-sum(contribution))) - aiaas_score('fate', 1, %1$s, 'keep')) < 1e-9 FROM aiaas_explain('fate', %1$s, 'keep')$$, input)) AS explained
FROM trip_forms WHERE kind LIKE 'fate%' ORDER BY kind;
SELECT expression, try(expression) AS result FROM unnest(ARRAY[
	$$aiaas_classify('fate', ROW(1.5, 0.5, 'large'))$$, $$aiaas_classify('fate', ROW(true, 0.5, 'large'))$$, $$aiaas_classify('fate', ROW(1, 0.5, 3))$$,
	$$aiaas_classify('fate', '{"code": 1, "weight": 0.5, "size": 3}')$$, $$aiaas_classify('fate', ROW(9, 0.5, 'huge')) IS NOT NULL$$,
	$$aiaas_predict('fate', ROW(1, 0.5, 'large'))$$, $$aiaas_score('fate', ROW(1, 0.5, 'large'), 'snd')$$, $$aiaas_explain('fate', ROW(1, 0.5, 'large'), 'snd')$$]) AS expression;

--
-- Dates and times: no setting of the session changes a pinned answer
--
SET TimeZone = 'Europe/Berlin';
SELECT model, version FROM aiaas_train('trips', 'minutes', 'times', '{day,leaves,at}', 'linear_regression', '{"holdout": 0, "alpha": 0.001, "penalty": "l2"}');
RESET TimeZone;
CREATE TABLE time_forms AS SELECT kind, input FROM (VALUES
	('row', $$(SELECT t FROM trips AS t WHERE id = 150)$$),
	('ROW', $$(SELECT ROW(day, leaves, at) FROM trips WHERE id = 150)$$),
	('wall clock', $$(SELECT ROW(day, leaves, at AT TIME ZONE 'Europe/Berlin') FROM trips WHERE id = 150)$$),
	('literals', $$ROW('2013-05-31', '23:30', '2013-02-01T12:00:00Z')$$),
	('json', $$to_jsonb((SELECT t FROM trips AS t WHERE id = 150))$$),
	('offset', $$'{"day": "2013-05-31", "leaves": "23:30:00", "at": "2013-02-01 07:00-05"}'$$),
	('no offset', $$'{"day": "2013-05-31", "leaves": "23:30:00.000", "at": "2013-02-01T13:00"}'$$)) AS v (kind, input);
CREATE TABLE answers AS SELECT kind, try(format($$aiaas_predict('times', 1, %s)$$, input)) AS answer FROM time_forms;
SELECT kind, answer ~ '^\d' AS number, answer = first_value(answer) OVER (ORDER BY kind <> 'row') AS same FROM answers ORDER BY kind;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET IntervalStyle = sql_standard;
SELECT count(*) AS others FROM time_forms JOIN answers USING (kind) WHERE try(format($$aiaas_predict('times', 1, %s)$$, input))::numeric(20, 9) <> answer::numeric(20, 9);
RESET TimeZone;
RESET DateStyle;
RESET extra_float_digits;
RESET IntervalStyle;
SELECT expression, try(expression) AS result FROM unnest(ARRAY[
	$$aiaas_predict('times', '{"day": "31/05/2013", "leaves": "23:30", "at": "2013-02-01T13:00"}')$$, $$aiaas_predict('times', '{"day": "today", "leaves": "23:30", "at": "2013-02-01T13:00"}')$$,
	$$aiaas_predict('times', '{"day": "2013-02-30", "leaves": "23:30", "at": "2013-02-01T13:00"}')$$, $$aiaas_predict('times', '{"day": "2013-02-20", "leaves": "25:30", "at": "2013-02-01T13:00"}')$$,
	$$aiaas_predict('times', '{"day": "2013-02-20", "leaves": "23:30", "at": "2013-02-01 13:00 Europe/Berlin"}')$$, $$aiaas_predict('times', '{"day": 1, "leaves": "23:30", "at": "2013-02-01"}')$$,
	$$aiaas_predict('times', '{"day": "2013-02-20", "leaves": "23:30+01", "at": "2013-02-01"}')$$, $$aiaas_predict('times', ROW(1, '23:30', '2013-02-01'))$$,
	$$aiaas_predict('times', ROW('2013-02-20'::timestamp, '23:30', '2013-02-01'))$$, $$aiaas_predict('times', ARRAY[1, 2, 3])$$,
	$$aiaas_predict('times', ROW('infinity'::date, '23:30', '2013-02-01'))$$, $$aiaas_predict('times', '{"day": "infinity", "leaves": "23:30", "at": "2013-02-01"}')$$]) AS expression;

-- as JSON of the server spells them: years before the first, offsets with seconds, intervals
SET TimeZone = 'Europe/Amsterdam';
SELECT t, aiaas_predict('times', t) = aiaas_predict('times', to_jsonb(t)) AS same
FROM (VALUES (date '4713-11-24 BC', time '24:00', timestamptz '4713-11-24 00:00 BC'), ('5874897-12-31', '23:59:60', '294276-12-31 23:59:59')) AS t (day, leaves, at);
RESET TimeZone;
SELECT expression, try(expression) AS result FROM unnest(ARRAY[
	$$aiaas_predict('times', '{"day": "0044-03-15 BC", "leaves": "23:30", "at": "0044-03-15 BC"}') IS NOT NULL$$,
	$$aiaas_predict('times', '{"day": "2013-02-20", "leaves": "23:30 BC", "at": "2013-02-01"}')$$,
	$$aiaas_predict('times', '{"day": "2013-02-20 BCE", "leaves": "23:30", "at": "2013-02-01"}')$$]) AS expression;

--
-- Wherever queries run
--
CREATE VIEW forecasts AS SELECT t.id, aiaas_predict('minutes', t) AS minutes FROM trips AS t;
SELECT count(*) AS rows, sum(minutes)::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same FROM forecasts;
PREPARE forecast(int) AS SELECT aiaas_predict('minutes', t)::numeric(20, 6) FROM trips AS t WHERE id = $1;
EXECUTE forecast(100);
CREATE FUNCTION forecast_all(model regclass) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	t trips;
	total float8 := 0;
BEGIN
	FOR t IN SELECT * FROM trips LOOP
		total := total + aiaas_predict(model, t);
		total := total + aiaas_predict(model, 1, ROW(t.distance, t.seats, t.rush, t.carrier)) - aiaas_predict(model, to_jsonb(t));
	END LOOP;
	RETURN total::numeric(20, 6);
END $$;
SELECT forecast_all('minutes') = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same;
-- the row's type changes between calls
ALTER TABLE trips DROP COLUMN leaves CASCADE, ADD COLUMN more text DEFAULT 'x', ADD last int;
EXECUTE forecast(100);
SELECT forecast_all('minutes') = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same;
ALTER TABLE trips ALTER seats TYPE numeric, ALTER carrier TYPE varchar(10);
EXECUTE forecast(100);
SELECT count(*) AS rows, sum(minutes)::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same FROM (SELECT t.id, aiaas_predict('minutes', t) AS minutes FROM trips AS t) AS f;
ALTER TABLE trips RENAME carrier TO company;
EXECUTE forecast(100);
ALTER TABLE trips RENAME company TO carrier;
EXECUTE forecast(100);
-- composite types, stored; domains over them; whole rows of joins and partitions
CREATE TYPE trip AS (seats int, carrier text, rush boolean, distance float8);
CREATE DOMAIN known_trip AS trip CHECK (VALUE IS NOT NULL);
CREATE TABLE kept AS SELECT id, ROW(seats, carrier, rush, distance)::trip AS t, ROW(seats, carrier, rush, distance)::known_trip AS k FROM trips;
SELECT sum(aiaas_predict('minutes', t))::numeric(20, 6) = sum(aiaas_predict('minutes', k))::numeric(20, 6) AS same, sum(aiaas_predict('minutes', t))::numeric(20, 6) FROM kept;
ALTER TYPE trip ADD ATTRIBUTE note text;
SELECT sum(aiaas_predict('minutes', t))::numeric(20, 6) FROM kept;
CREATE TABLE parted (id int, distance float8, seats int, rush boolean, carrier text) PARTITION BY RANGE (id);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted2 (carrier text, gone int, rush boolean, seats int, distance float8, id int);
ALTER TABLE parted2 DROP gone;
ALTER TABLE parted ATTACH PARTITION parted2 FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT id, distance, seats, rush, carrier FROM trips;
SELECT count(aiaas_predict('minutes', u)) AS matched, count(*) AS rows FROM kept LEFT JOIN trips AS u ON u.id = kept.id AND u.id <= 50;
SELECT count(aiaas_predict('minutes', u)) AS matched, count(*) AS rows FROM kept LEFT JOIN (SELECT id, distance, seats, rush, carrier FROM trips LIMIT 50) AS u ON u.id = kept.id;
SELECT count(aiaas_predict('minutes', u)) AS matched, count(*) AS rows FROM kept LEFT JOIN (SELECT id, distance, seats, rush, carrier FROM trips WHERE id <= 50) AS u ON u.id = kept.id;
SELECT sum(aiaas_predict('minutes', p))::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same FROM parted AS p;
-- a row that the query groups by; one of another query; one that is changed
SELECT sum(minutes)::numeric(20, 6) FROM (SELECT aiaas_predict('minutes', p) AS minutes FROM parted1 AS p GROUP BY p) AS f;
SELECT sum(minutes)::numeric(20, 6) FROM (SELECT aiaas_predict('minutes', r) AS minutes FROM (SELECT distance, seats, rush, carrier FROM parted1) AS r GROUP BY r, r.seats + 1) AS f;
SELECT sum(minutes)::numeric(20, 6) FROM (SELECT aiaas_predict('minutes', p) AS minutes, count(*) FROM parted1 AS p GROUP BY aiaas_predict('minutes', p)) AS f;
SELECT sum(aiaas_predict('minutes', p))::numeric(20, 6), max(rank) AS ranks FROM (SELECT p, rank() OVER (ORDER BY aiaas_predict('minutes', p)) AS rank FROM parted1 AS p) AS f;
SELECT max((SELECT aiaas_predict('minutes', p)))::numeric(20, 6) AS of_outer, max((SELECT max(aiaas_predict('minutes', q)) FROM parted1 AS q WHERE q.id = p.id))::numeric(20, 6) AS correlated FROM parted1 AS p;
UPDATE parted1 SET seats = seats + 1 WHERE id = 99 RETURNING aiaas_predict('minutes', parted1)::numeric(20, 6);
DELETE FROM parted1 AS p WHERE aiaas_predict('minutes', p) < 10 RETURNING aiaas_predict('minutes', p)::numeric(20, 6);
SELECT DISTINCT ON (p.seats) aiaas_predict('minutes', p)::numeric(20, 6) FROM parted1 AS p ORDER BY p.seats, aiaas_predict('minutes', p);
SELECT expression, try(expression) AS result FROM unnest(ARRAY[$$aiaas.predict_columns('minutes', '{distance,seats,rush,carrier}', 0, 2, false, 'tram')$$, $$aiaas.predict_columns('minutes', '{carrier,rush,seats,distance}', 'tram'::varchar, false, 2.0, '0')$$,
	$$aiaas.predict_columns('minutes', NULL, 1)$$, $$aiaas.predict_columns(NULL, '{distance}', 1)$$, $$aiaas.predict_columns('minutes', '{distance}', 1, 2)$$, $$aiaas.predict_columns('minutes', '{distance,seats,rush,NULL}', 0, 2, false, 'tram')$$,
	$$aiaas.predict_columns('minutes', '{distance,seats,rush,carrier}', VARIADIC ARRAY[1, 2, 3, 4])$$, $$aiaas.predict_columns('minutes', (ARRAY['distance', 'seats', 'rush', 'carrier', random()::text])[1:4], 0, 2, false, 'tram')$$,
	$$aiaas.classify_columns('minutes', '{distance}', 1)$$, $$aiaas.score_columns('mail', 'good', '{subject,body}', 'cheap', 'pills') < 0.5$$]) AS expression;
-- in parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
ALTER TABLE trips SET (parallel_workers = 2);
EXPLAIN (COSTS off) SELECT sum(aiaas_predict('minutes', t)) FROM trips AS t;
SELECT sum(aiaas_predict('minutes', t))::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same,
	sum(aiaas_predict('minutes', to_jsonb(t)))::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS json FROM trips AS t;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
CREATE TABLE keyed (id int PRIMARY KEY, distance float8, seats int, rush boolean, carrier text, minutes float8);
INSERT INTO keyed SELECT id, distance, seats, rush, carrier, minutes FROM trips WHERE id <= 100;
SELECT sum(m)::numeric(20, 6) FROM (SELECT id, aiaas_predict('minutes', k) AS m FROM keyed AS k GROUP BY id) AS f;
SELECT sum(m)::numeric(20, 6) FROM (SELECT k, aiaas_predict('minutes', k) AS m FROM keyed AS k GROUP BY ROLLUP (k)) AS f;
SELECT count(*) FROM (SELECT id FROM keyed AS k GROUP BY id HAVING aiaas_predict('minutes', k) > 20) AS f;
SELECT sum(l.m)::numeric(20, 6) FROM keyed AS k, LATERAL (SELECT aiaas_predict('minutes', k) AS m OFFSET 0) AS l;
SELECT count(aiaas_predict('minutes', u)) AS u, count(aiaas_predict('minutes', v)) AS v FROM keyed AS u FULL JOIN keyed AS v ON u.id = v.id + 40;
SELECT sum(m)::numeric(20, 6) FROM (SELECT aiaas_predict('minutes', k) AS m FROM keyed AS k UNION ALL SELECT aiaas_predict('minutes', r) FROM (SELECT seats, carrier, rush, distance FROM keyed) AS r) AS f;
WITH k AS MATERIALIZED (TABLE keyed) SELECT sum(aiaas_predict('minutes', k))::numeric(20, 6) FROM k;
INSERT INTO keyed VALUES (100, 10, 3, true, 'bus', 0) ON CONFLICT (id) DO UPDATE SET minutes = aiaas_predict('minutes', excluded)
	RETURNING minutes::numeric(20, 6), aiaas_predict('minutes', keyed)::numeric(20, 6);
CREATE FUNCTION forecast_row(keyed) RETURNS float8 STABLE LANGUAGE sql AS $$ SELECT aiaas_predict('minutes', $1) $$;
SELECT sum(forecast_row(k))::numeric(20, 6) FROM keyed AS k;
-- the planner passes columns, not rows, but where an index may have the expression
CREATE FUNCTION calls(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	EXECUTE 'EXPLAIN (VERBOSE, FORMAT json) ' || query INTO plan;
	RETURN (SELECT string_agg(DISTINCT m[1], ' ') FROM regexp_matches(plan, 'aiaas[._]\w+', 'g') AS m);
END $$;
SELECT query, calls(query) FROM unnest(ARRAY[$$SELECT aiaas_predict('minutes', u) FROM trips AS u$$, $$SELECT aiaas_predict('minutes', 1, u) FROM trips AS u$$,
	$$SELECT aiaas_classify('mail', m) FROM mails AS m$$, $$SELECT aiaas_classify('mail', 1, m) FROM mails AS m$$, $$SELECT aiaas_score('mail', m, 'spam') FROM mails AS m$$, $$SELECT aiaas_score('mail', 1, m) FROM mails AS m$$,
	$$SELECT aiaas_predict('minutes', r) FROM (SELECT seats + 1 AS seats, rush, carrier, distance FROM trips) AS r$$, $$SELECT aiaas_predict('minutes', ROW(distance, seats, rush, carrier)) FROM trips$$,
	$$SELECT aiaas_predict('minutes', p) FROM parted AS p$$, $$SELECT aiaas_predict('minutes', p) FROM parted AS p GROUP BY p$$, $$SELECT aiaas_predict('minutes', k.k) FROM kept AS k$$,
	$$SELECT aiaas_predict('minutes', r) FROM (SELECT * FROM trips OFFSET 1) AS r$$, $$SELECT aiaas_predict('minutes', to_jsonb(u)) FROM trips AS u$$,
	$$SELECT aiaas_classify('mail', body) FROM mails$$]) AS query;
-- more columns than a function has arguments
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TABLE wide AS SELECT ' || string_agg(format('0 AS a%s', i), ', ') || ', t.* FROM trips AS t' FROM generate_series(1, 120) AS i);
END $$;
SELECT calls($$SELECT aiaas_predict('minutes', w) FROM wide AS w$$), sum(aiaas_predict('minutes', w))::numeric(20, 6) = (SELECT sum(minutes)::numeric(20, 6) FROM trips) AS same FROM wide AS w;
SELECT aiaas_predict('minutes', 1, u)::numeric(20, 6), aiaas_classify('mail', 1, m), aiaas_score('mail', 1, m, 'spam') > 0.5 AS spam, aiaas_predict('minutes', NULLIF(u.id, 100), u)
	FROM trips AS u, mails AS m WHERE u.id = 100 LIMIT 1;
SELECT aiaas_predict('minutes', u.id - 100, u) FROM trips AS u WHERE u.id = 100;
-- a pinned answer can be indexed
CREATE INDEX trips_minutes ON trips (aiaas_predict('minutes', 1, ROW(distance, seats, rush, carrier)));
SET enable_seqscan = off;
SELECT count(*) FROM trips WHERE aiaas_predict('minutes', 1, ROW(distance, seats, rush, carrier)) < 20;
EXPLAIN (COSTS off) SELECT count(*) FROM trips WHERE aiaas_predict('minutes', 1, ROW(distance, seats, rush, carrier)) < 20;
SELECT calls($$SELECT aiaas_predict('minutes', 1, u) FROM trips AS u$$), calls($$SELECT aiaas_predict('minutes', u) FROM trips AS u$$);
RESET enable_seqscan;
CREATE INDEX ON trips (aiaas_predict('minutes', ROW(distance, seats, rush, carrier)));

--
-- Rights: use, and reading the weights
--
CREATE ROLE aiaas_predict_user;
GRANT SELECT ON trips TO aiaas_predict_user;
SET ROLE aiaas_predict_user;
SELECT aiaas_predict('minutes', t) FROM trips AS t WHERE id = 100;
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON minutes TO aiaas_predict_user;
SET ROLE aiaas_predict_user;
SELECT aiaas_predict('minutes', t)::numeric(20, 6) FROM trips AS t WHERE id = 100;
SELECT count(*) > 1 AS explained FROM aiaas_explain('minutes', ROW(1, 2, true, 'bus'));
SELECT count(*) FROM aiaas_coefficients('minutes');
RESET ROLE;
GRANT SELECT ON minutes TO aiaas_predict_user;
SET ROLE aiaas_predict_user;
SELECT count(*) > 1 AS coefficients FROM aiaas_coefficients('minutes');
RESET ROLE;
-- rows that a policy hides, and a function that may not be executed
GRANT SELECT ON keyed TO aiaas_predict_user;
ALTER TABLE keyed ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_rows ON keyed USING (id <= 10);
SET ROLE aiaas_predict_user;
SELECT count(aiaas_predict('minutes', k)) FROM keyed AS k WHERE aiaas_predict('minutes', k) > -1000;
RESET ROLE;
BEGIN;
REVOKE EXECUTE ON FUNCTION aiaas_predict(regclass, record) FROM PUBLIC;
SET ROLE aiaas_predict_user;
SELECT aiaas_predict('minutes', k) FROM keyed AS k;
ROLLBACK;
DEALLOCATE forecast;
DROP FUNCTION forecast_all(regclass), forecast_row(keyed);
DROP VIEW forecasts;
DROP TABLE mails, mail, body, forms, trips, minutes, plain, trip_forms, boxes, fate, times, time_forms, answers, kept, parted, keyed, wide;
DROP DOMAIN known_trip;
DROP TYPE trip, size;
DROP FUNCTION try(text), calls(text);
DROP ROLE aiaas_predict_user;
