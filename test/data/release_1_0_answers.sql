--
-- Answers of the model "six" (release_1_0.sql) and of the default model, into FOLDER/release_1_0.txt.
--
SET extra_float_digits = 1;
\pset tuples_only on
\pset format unaligned
\pset fieldsep '\t'
CREATE TEMP TABLE mails (subject text, body text);
INSERT INTO mails VALUES ('cheese number 5', 'cheese and wine with cheese in 1995'), ('dog number 6', 'horse and red with dog in 1996'),
	('Snow!', NULL), (NULL, 'saw, drill; hammer hammer hammer'), ('nothing', 'of it');
CREATE TEMP TABLE sentences (id serial, label text, language text, text text);
\copy sentences (label, language, text) FROM 'models/sentiment/everyday.tsv' (FORMAT csv, DELIMITER E'\t', QUOTE E'\x01')
\o :folder/release_1_0.txt
SELECT 'six', 'scores', m, s.label, s.score FROM mails AS m, aiaas_scores('six', m) AS s ORDER BY m::text COLLATE "C", s.label COLLATE "C";
SELECT 'six', 'explain', coalesce(e.label, ''), feature, contribution FROM (VALUES (NULL), ('food'), ('tools')) AS e (label),
	(SELECT m FROM mails AS m WHERE subject = 'dog number 6') AS r (m), aiaas_explain('six', m, e.label) ORDER BY e.label, feature COLLATE "C";
SELECT 'sentiment', 'scores', text, s.label, s.score FROM sentences, aiaas_scores('aiaas.sentiment', text) AS s
	ORDER BY id, s.label;
SELECT 'sentiment', 'explain', feature, contribution FROM aiaas_explain('aiaas.sentiment', 'The food was not bad, but I would never go back!')
	ORDER BY feature COLLATE "C";
\o
DROP TABLE mails, sentences;
