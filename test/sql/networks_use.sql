--
-- Networks in use: every form of a question, judged, explained, and moved elsewhere.
--
SET client_min_messages = warning;
CREATE TABLE notes AS SELECT i, CASE i % 3 WHEN 0 THEN 'bread' WHEN 1 THEN 'tools' ELSE 'songs' END AS topic,
	(ARRAY['flour salt water oven', 'hammer nail saw drill', 'verse string chorus drum'])[1 + i % 3] || ' ' || i % 13 AS body,
	(i % 3) * 2 + i % 7 * 0.1 AS size
	FROM generate_series(1, 240) i;
SELECT task, rows FROM aiaas_train('notes', 'topic', 'reader', '{body}', 'network',
	'{"network": "text_average", "epochs": 20, "optimizer": {"type": "adam", "learning_rate": 0.02}}');
SELECT task, rows FROM aiaas_train('notes', 'size', 'sizer', '{body}', 'network',
	'{"network": "text_average", "epochs": 20, "optimizer": {"type": "adam", "learning_rate": 0.02}}');

-- one, many, a row, the live version or this one: the same answers
SELECT bool_and(aiaas_classify('reader', body) = topic) AS right,
	bool_and(aiaas_classify('reader', body) = aiaas_classify('reader', 1, body)) AS pinned,
	bool_and(aiaas_classify('reader', body) = aiaas_classify('reader', n)) AS as_row,
	bool_and(aiaas_score('reader', body, topic) = aiaas_score('reader', 1, body, topic)) AS scored,
	bool_and(aiaas_score('reader', body) = (SELECT max(score) FROM aiaas_scores('reader', body))) AS of_the_label
FROM notes n;
SELECT array_agg(aiaas_classify('reader', body) ORDER BY i) = aiaas_classify('reader', array_agg(body ORDER BY i)) AS labels,
	array_agg(aiaas_score('reader', body, 'bread') ORDER BY i) = aiaas_score('reader', 1, array_agg(body ORDER BY i), 'bread') AS scores,
	array_agg(aiaas_predict('sizer', body) ORDER BY i) = aiaas_predict('sizer', 1, array_agg(body ORDER BY i)) AS numbers
FROM notes;
SELECT count(*), bool_and(abs(total - 1) < 1e-6) AS sum_to_one FROM (SELECT sum(score) AS total FROM notes, aiaas_scores('reader', body) GROUP BY i) AS s;
-- nothing, and words that nobody has seen
SELECT aiaas_classify('reader', NULL::text), aiaas_classify('reader', '{oven,NULL,drill}'::text[]), aiaas_predict('sizer', NULL::text);
SELECT text, aiaas_classify('reader', text) IN ('bread', 'tools', 'songs') AS answered, aiaas_predict('sizer', text) IS NOT NULL AS predicted
FROM (VALUES (''), ('   '), ('xyzzy'), (repeat('oven ', 5000))) AS v (full_text), substr(full_text, 1, 10) AS text;
SELECT aiaas_classify('sizer', 'oven');
SELECT aiaas_predict('reader', 'oven');
SELECT aiaas_classify('reader', 7, 'oven');
SELECT aiaas_score('reader', 'oven', 'fish');

-- explained word by word: what all words add is the score less that of no word
SELECT bool_and(abs(total - predicted) <= 0.01 * abs(predicted - base) + 1e-4) AS adds_up
FROM (SELECT sum(contribution) AS total, sum(contribution) FILTER (WHERE feature = '(intercept)') AS base, aiaas_predict('sizer', body) AS predicted
	FROM (SELECT * FROM notes ORDER BY i LIMIT 30) n, aiaas_explain('sizer', body) GROUP BY i, body) AS s;
SELECT DISTINCT ON (body) body, feature IN ('oven', 'flour', 'salt', 'water') AS of_bread
FROM notes, aiaas_explain('reader', body, 'bread') WHERE i IN (3, 6) AND feature <> '(intercept)' ORDER BY body, contribution DESC;

-- judged: as counted here
SELECT round(value::numeric, 10) = (SELECT round(avg((aiaas_classify('reader', body) = topic)::int), 10) FROM notes) AS accuracy
FROM aiaas_evaluate('reader', 'notes') WHERE metric = 'accuracy';
SELECT abs(value - (SELECT sqrt(avg((aiaas_predict('sizer', body) - size) ^ 2)) FROM notes)) < 1e-9 AS rmse FROM aiaas_evaluate('sizer', 'notes') WHERE metric = 'rmse';
SELECT sum(count) = 240 AS all_rows, sum(count) FILTER (WHERE actual = predicted) = (SELECT count(*) FROM notes WHERE aiaas_classify('reader', body) = topic) AS right
FROM aiaas_confusion_matrix('reader', 'notes');

-- trained again on what is there now; each version stays as it was
CREATE TABLE before AS SELECT i, aiaas_score('reader', body, 'bread') AS score FROM notes;
INSERT INTO notes SELECT 240 + i, 'fish', 'cod herring net boat ' || i % 13, 1 FROM generate_series(1, 80) i;
SELECT rows, version FROM aiaas_retrain('reader');
SELECT aiaas_classify('reader', 'herring boat') AS now, aiaas_classify('reader', 1, 'herring boat') IN ('bread', 'tools', 'songs') AS then;
SELECT bool_and(aiaas_score('reader', 1, body, 'bread') = score) AS same FROM notes JOIN before USING (i);
SELECT aiaas_rollback('reader');
SELECT bool_and(aiaas_score('reader', body, 'bread') = score) AS same FROM notes JOIN before USING (i);
SELECT aiaas_deploy('reader', 2);
SELECT aiaas_classify('reader', 'herring boat');
SELECT version, live, score > 0.9 AS good FROM aiaas_versions('reader') WHERE metric = 'accuracy' ORDER BY version;

-- another role: may ask where it is told so, and export only what it may read
CREATE ROLE regress_aiaas_asker;
SET ROLE regress_aiaas_asker;
SELECT aiaas_classify('reader', 'herring boat');
RESET ROLE;
GRANT SELECT (version, chunk, manifest) ON reader TO regress_aiaas_asker;
GRANT CREATE ON SCHEMA public TO regress_aiaas_asker;
SET ROLE regress_aiaas_asker;
SELECT aiaas_classify('reader', 'herring boat');
SELECT count(*) FROM aiaas_export('reader');
SELECT count(*) FROM aiaas_vocabulary('reader');
RESET ROLE;
GRANT SELECT ON reader TO regress_aiaas_asker;
SET ROLE regress_aiaas_asker;
SELECT version, live FROM aiaas_import('own', (SELECT string_agg(data, '' ORDER BY chunk) FROM aiaas_export('reader')));
SELECT aiaas_score('own', body, 'fish') = aiaas_score('reader', body, 'fish') AS same FROM (VALUES ('herring boat'), ('oven'), ('')) AS v (body);
SELECT layer, output_shape, parameters FROM aiaas_summary('own') EXCEPT SELECT layer, output_shape, parameters FROM aiaas_summary('reader');
RESET ROLE;
DROP OWNED BY regress_aiaas_asker;
DROP ROLE regress_aiaas_asker;
DROP TABLE reader, sizer, before, notes;
