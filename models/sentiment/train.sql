-- The recipe of aiaas.sentiment, the default model.  See README.md in this folder.
--
-- psql variables: data (folder with sentiment_en/ and reviews_zh/ as TSV), here (this folder).
-- It needs a database with the extension, and about two minutes.

\set ON_ERROR_STOP 1
\pset pager off
SET client_min_messages = warning;
SET maintenance_work_mem = '6GB';
SET synchronize_seqscans = off;
SET max_parallel_workers_per_gather = 0;

-- TSV without escapes: CSV whose quote never occurs.
\set tsv '(FORMAT csv, DELIMITER E''\\t'', QUOTE E''\\x01'')'

-- English: texts that an encoder, fine-tuned on the train part, has scored.
CREATE TEMP TABLE teacher (number int GENERATED ALWAYS AS IDENTITY,
	kind text, rating real, negative real, neutral real, positive real, text text);
\set command 'gzip -dc ' :data '/sentiment_en/teacher.tsv.gz'
COPY teacher (kind, rating, negative, neutral, positive, text) FROM PROGRAM :'command' :tsv;

-- Chinese: reviews, positive or negative.
CREATE TEMP TABLE review (number int GENERATED ALWAYS AS IDENTITY, label text, text text);
\set file :data '/reviews_zh/train.tsv'
COPY review (label, text) FROM :'file' :tsv;

-- Both languages: everyday sentences written for this purpose.
CREATE TEMP TABLE everyday (number int GENERATED ALWAYS AS IDENTITY, label text, language text, text text);
\set file :here '/supplement.tsv'
COPY everyday (label, language, text) FROM :'file' :tsv;

-- One row for each text and label; the weight is how much of that label the text has.
CREATE TEMP TABLE example AS
	SELECT row_number() OVER (ORDER BY source, number, label) AS id, text, label, greatest(weight, 0.0001)::real AS weight
	FROM (
		SELECT 1 AS source, number, text, label, weight
		FROM teacher, LATERAL (VALUES ('negative', negative), ('neutral', neutral), ('positive', positive)) AS l(label, weight)
		WHERE weight >= 0.03
		UNION ALL
		SELECT 2, number, text, l.label, (l.label = r.label)::int
		FROM review r, (VALUES ('negative'), ('neutral'), ('positive')) AS l(label)
		UNION ALL
		SELECT 3, number, text, l.label, 1.5 * (l.label = e.label)::int
		FROM everyday e, (VALUES ('negative'), ('neutral'), ('positive')) AS l(label)
	) AS e
	ORDER BY 1;
ANALYZE example;
SELECT label, count(*), sum(weight)::int AS weight FROM example GROUP BY 1 ORDER BY 1;

-- min_df counts rows; most texts have two or three of them.
\timing on
SELECT version, algorithm, rows, duration
FROM aiaas_train('example', 'label', model => 'public.sentiment', features => '{text}',
	algorithm => 'logistic_regression',
	options => '{"weights": "weight", "holdout": 0, "c": 5, "epochs": 300, "min_df": 6, "hash_bits": 24,
		"word_ngrams": [1, 2], "char_ngrams": [2, 5], "script_ngrams": [1, 3]}');
\timing off
COMMENT ON TABLE public.sentiment IS 'positive, neutral or negative, for English and Chinese';
