--
-- Five programs as textbooks print them, in SQL
--
SET client_min_messages = warning;
CREATE TABLE reviews AS SELECT CASE WHEN i % 2 = 0 THEN 'good' ELSE 'bad' END AS label,
	CASE WHEN i % 2 = 0 THEN 'a fine and pleasant thing ' ELSE 'an awful broken mess ' END || i % 7 AS body FROM generate_series(1, 200) i;

-- (a) Embedding(10000, 64), LSTM(64), Dense(1, sigmoid) on texts of 100 words
SELECT task, rows, (metrics ->> 'accuracy')::float8 AS accuracy FROM aiaas_train('SELECT label, repeat(body || '' '', 16) AS body FROM reviews', 'label', 'program_a', algorithm => 'network',
	options => aiaas.sequential(aiaas.embedding(10000, 64), aiaas.lstm(64), aiaas.dense(1, 'sigmoid')) ||
		'{"pad": 100, "loss": "binary_crossentropy", "optimizer": {"type": "adam", "learning_rate": 0.001}, "epochs": 10, "batch_size": 32}');
SELECT layer, output_shape, parameters FROM aiaas_summary('program_a');
SELECT body, aiaas_classify('program_a', repeat(body || ' ', 20)) FROM (VALUES ('a fine pleasant thing'), ('an awful broken mess'), (NULL)) AS v (body);

-- (b) Embedding(vocabulary, 10), GlobalAveragePooling, Dense(1, sigmoid) on texts of 10 words, row by row
SELECT task, rows, (metrics ->> 'accuracy')::float8 AS accuracy FROM aiaas_train('reviews', 'label', 'program_b', algorithm => 'network',
	options => aiaas.sequential(aiaas.embedding(NULL, 10), aiaas.global_average_pooling(), aiaas.dense(1, 'sigmoid')) ||
		'{"pad": 10, "optimizer": {"type": "adam", "learning_rate": 0.01}, "epochs": 5, "batch_size": 1}');
SELECT layer, output_shape, parameters FROM aiaas_summary('program_b');
SELECT count(*), min(number), max(number), max(word) FILTER (WHERE number = 0), max(word) FILTER (WHERE number = 1) FROM aiaas_vocabulary('program_b');

-- (c) Conv2D(64, 3x3), Dense(1024), Dense(10, softmax), which forgets to flatten
CREATE TABLE pictures AS SELECT i % 10 AS digit, (SELECT string_agg(decode(md5((i * 49 + j)::text), 'hex'), '') FROM generate_series(1, 49) j) AS pixels
	FROM generate_series(1, 60) i;
SELECT aiaas_train('pictures', 'digit', 'program_c', '{pixels}', 'network',
	aiaas.sequential(aiaas.conv2d(64, 3, 'relu'), aiaas.dense(1024, 'relu'), aiaas.dense(10, 'softmax')) ||
		'{"images": {"pixels": {"height": 28, "width": 28, "channels": 1}}}');
-- flattened, at 224 x 224 it would have 3.2 billion weights
CREATE TABLE large AS SELECT i % 10 AS digit, decode(repeat('7f', 224 * 224 * 3), 'hex') AS pixels FROM generate_series(1, 20) i;
SET maintenance_work_mem = '64MB';
DO $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM aiaas_train('large', 'digit', 'program_c', '{pixels}', 'network',
		aiaas.sequential(aiaas.conv2d(64, 3, 'relu'), aiaas.flatten(), aiaas.dense(1024, 'relu'), aiaas.dense(10, 'softmax')) ||
			'{"images": {"pixels": {"height": 224, "width": 224, "channels": 3}}}');
EXCEPTION WHEN configuration_limit_exceeded OR out_of_memory THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE WARNING E'%: %\n%\n%', SQLSTATE, regexp_replace(SQLERRM, 'needs \d{8} ', 'needs 50 million '), detail, regexp_replace(hint, '\d{8}', 'N', 'g');
END $$;
-- with room enough 44 million weights are trained on images of 28 x 28
SELECT task, rows FROM aiaas_train('pictures', 'digit', 'program_c', '{pixels}', 'network',
	aiaas.sequential(aiaas.conv2d(64, 3, 'relu'), aiaas.flatten(), aiaas.dense(1024, 'relu'), aiaas.dense(10, 'softmax')) ||
		'{"images": {"pixels": {"height": 28, "width": 28, "channels": 1}}, "memory": "2GB", "epochs": 1, "holdout": 0}');
SELECT layer, output_shape, parameters, flop FROM aiaas_summary('program_c');

-- (d) y = 2 x + 1 + noise: Dense(1), SGD(0.01), MSE, 100 epochs
SELECT setseed(0.5);
CREATE TABLE line AS SELECT x, 2 * x + 1 + (random() - 0.5) * 0.1 AS y FROM (SELECT random() AS x FROM generate_series(1, 500)) AS p;
SELECT task, rows FROM aiaas_train('line', 'y', 'program_d', algorithm => 'network', options => aiaas.sequential(aiaas.dense(1)) ||
	'{"loss": "mse", "optimizer": {"type": "sgd", "learning_rate": 0.01}, "epochs": 100}');
SELECT abs(aiaas_predict('program_d', '{"x": 0.5}') - 2) < 0.1 AS about_two;

-- (e) Embedding, LSTM(128, return_sequences), LSTM(128), Dense(k, softmax), validated
CREATE TABLE topics AS SELECT (ARRAY['sport', 'food', 'music'])[1 + i % 3] AS topic,
	(ARRAY['the team won a match', 'bread with salt and oil', 'a song of strings'])[1 + i % 3] || ' number ' || i % 5 AS body FROM generate_series(1, 150) i;
SELECT task, rows, (metrics ->> 'accuracy')::float8 AS accuracy FROM aiaas_train('topics', 'topic', 'program_e', algorithm => 'network',
	options => aiaas.sequential(aiaas.embedding(NULL, 32), aiaas.lstm(128, return_sequences => true), aiaas.lstm(128), aiaas.dense(NULL, 'softmax')) ||
		'{"epochs": 4, "validation": 0.2, "optimizer": {"type": "adam", "learning_rate": 0.005}}');
SELECT layer, output_shape, parameters FROM aiaas_summary('program_e');
SELECT count(*), bool_and(validation IS NOT NULL), bool_and(train > 0) FROM aiaas_history('program_e') WHERE metric = 'loss';
SELECT label, round(score) FROM aiaas_scores('program_e', 'bread with oil') LIMIT 1;

DROP TABLE program_a, program_b, program_c, program_d, program_e, reviews, pictures, large, line, topics;
