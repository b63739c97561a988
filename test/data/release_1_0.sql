--
-- What release 1.0 made and said (test/t/013_upgrade.pl): a model of two columns and six labels, and the answers
-- of that and of the default model with all their digits.  Run once, in the root of a tree of that release:
--
--	psql -X -q -f FOLDER/release_1_0.sql -v folder=FOLDER && psql -X -q -f FOLDER/release_1_0_answers.sql -v folder=FOLDER
--
CREATE EXTENSION aiaas VERSION '1.0';
SET client_min_messages = warning;
\pset tuples_only on
\pset format unaligned

-- one row in three is about something else than its label says
CREATE TABLE mails AS
WITH topics (id, label, words) AS (VALUES
	(0, 'animals', '{cat,dog,horse,mouse}'::text[]), (1, 'colours', '{red,green,blue,white}'), (2, 'food', '{bread,cheese,wine,milk}'),
	(3, 'music', '{piano,violin,flute,drums}'), (4, 'tools', '{hammer,saw,drill,pliers}'), (5, 'weather', '{rain,snow,wind,sun}'))
SELECT t.label, format('%s number %s', u.words[1 + i % 3], i) AS subject,
	format('%s and %s with %s in %s', u.words[1 + i % 4], t.words[1 + i % 3], u.words[1 + i % 2], 1990 + i) AS body
FROM generate_series(1, 20) AS i, topics AS t, topics AS u
WHERE u.id = CASE WHEN i % 3 = 0 THEN (t.id + i) % 6 ELSE t.id END
ORDER BY i, t.id;
SELECT version FROM aiaas_train('mails', model => 'six', options => '{"holdout": 0}') \g /dev/null
\o :folder/release_1_0.base64
SELECT encode(string_agg(data, '' ORDER BY chunk), 'base64') FROM aiaas_export('six');
\o
