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
SELECT aiaas_train('digits', 'word', 'w', '{x,y}', 'network', '{"validation": "DELETE FROM digits"}');
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
DROP TABLE digits;
