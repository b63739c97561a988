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

DROP TABLE digits;
