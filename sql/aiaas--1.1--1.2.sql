/* aiaas 1.1 -> 1.2; CREATE EXTENSION runs it behind the scripts before it, so that a fresh install and an upgraded one are equal */
-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION aiaas UPDATE" to load this file. \quit

-- An ordinary role may run this script as the owner of a trusted extension: every name is
-- qualified or found in pg_catalog, and bodies are parsed now (BEGIN ATOMIC), not at each call.
SET LOCAL search_path = pg_catalog, pg_temp;

/* ---------- layers of networks: each a jsonb as options take it ---------- */

CREATE FUNCTION aiaas.dense(units integer DEFAULT NULL, activation text DEFAULT NULL, use_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'dense', 'units', dense.units, 'activation', dense.activation, 'use_bias', dense.use_bias, 'kernel_initializer', dense.kernel_initializer, 'bias_initializer', dense.bias_initializer, 'name', dense.name, 'inputs', dense.inputs));
END;
COMMENT ON FUNCTION aiaas.dense(integer, text, boolean, text, text, text, text[]) IS 'layer of a network: a product with weights on the last dimension; units NULL: as many as there are labels';

CREATE FUNCTION aiaas.embedding(input_dim integer, output_dim integer, initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'embedding', 'input_dim', embedding.input_dim, 'output_dim', embedding.output_dim, 'initializer', embedding.initializer, 'name', embedding.name, 'inputs', embedding.inputs));
END;
COMMENT ON FUNCTION aiaas.embedding(integer, integer, text, text, text[]) IS 'layer of a network: a vector for each word; input_dim NULL: as many as the vocabulary has';

CREATE FUNCTION aiaas.activation(activation text, alpha double precision DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'activation', 'activation', activation.activation, 'alpha', activation.alpha, 'name', activation.name, 'inputs', activation.inputs));
END;
COMMENT ON FUNCTION aiaas.activation(text, double precision, text, text[]) IS 'layer of a network: a function of each number';

CREATE FUNCTION aiaas.dropout(rate double precision DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'dropout', 'rate', dropout.rate, 'name', dropout.name, 'inputs', dropout.inputs));
END;
COMMENT ON FUNCTION aiaas.dropout(double precision, text, text[]) IS 'layer of a network: in training a share of numbers becomes 0';

CREATE FUNCTION aiaas.layer_normalization(epsilon double precision DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'layer_normalization', 'epsilon', layer_normalization.epsilon, 'name', layer_normalization.name, 'inputs', layer_normalization.inputs));
END;
COMMENT ON FUNCTION aiaas.layer_normalization(double precision, text, text[]) IS 'layer of a network: each row or word has mean 0 and deviation 1, then a gain and bias';

CREATE FUNCTION aiaas.batch_normalization(momentum double precision DEFAULT NULL, epsilon double precision DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'batch_normalization', 'momentum', batch_normalization.momentum, 'epsilon', batch_normalization.epsilon, 'name', batch_normalization.name, 'inputs', batch_normalization.inputs));
END;
COMMENT ON FUNCTION aiaas.batch_normalization(double precision, double precision, text, text[]) IS 'layer of a network: each channel has mean 0 and deviation 1 over the batch, then a gain and bias';

CREATE FUNCTION aiaas.flatten(name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'flatten', 'name', flatten.name, 'inputs', flatten.inputs));
END;
COMMENT ON FUNCTION aiaas.flatten(text, text[]) IS 'layer of a network: all numbers of a row side by side';

CREATE FUNCTION aiaas.conv1d(filters integer, kernel_size integer, activation text DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, dilation integer DEFAULT NULL, groups integer DEFAULT NULL, use_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'conv1d', 'filters', conv1d.filters, 'kernel_size', conv1d.kernel_size, 'activation', conv1d.activation, 'strides', conv1d.strides, 'padding', conv1d.padding, 'dilation', conv1d.dilation, 'groups', conv1d.groups, 'use_bias', conv1d.use_bias, 'kernel_initializer', conv1d.kernel_initializer, 'bias_initializer', conv1d.bias_initializer, 'name', conv1d.name, 'inputs', conv1d.inputs));
END;
COMMENT ON FUNCTION aiaas.conv1d(integer, integer, text, integer, text, integer, integer, boolean, text, text, text, text[]) IS 'layer of a network: convolution along words';

CREATE FUNCTION aiaas.conv2d(filters integer, kernel_size integer, activation text DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, dilation integer DEFAULT NULL, groups integer DEFAULT NULL, use_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'conv2d', 'filters', conv2d.filters, 'kernel_size', conv2d.kernel_size, 'activation', conv2d.activation, 'strides', conv2d.strides, 'padding', conv2d.padding, 'dilation', conv2d.dilation, 'groups', conv2d.groups, 'use_bias', conv2d.use_bias, 'kernel_initializer', conv2d.kernel_initializer, 'bias_initializer', conv2d.bias_initializer, 'name', conv2d.name, 'inputs', conv2d.inputs));
END;
COMMENT ON FUNCTION aiaas.conv2d(integer, integer, text, integer, text, integer, integer, boolean, text, text, text, text[]) IS 'layer of a network: convolution of images';

CREATE FUNCTION aiaas.max_pooling1d(pool_size integer DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'max_pooling1d', 'pool_size', max_pooling1d.pool_size, 'strides', max_pooling1d.strides, 'padding', max_pooling1d.padding, 'name', max_pooling1d.name, 'inputs', max_pooling1d.inputs));
END;
COMMENT ON FUNCTION aiaas.max_pooling1d(integer, integer, text, text, text[]) IS 'layer of a network: the largest of some words, channel by channel';

CREATE FUNCTION aiaas.max_pooling2d(pool_size integer DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'max_pooling2d', 'pool_size', max_pooling2d.pool_size, 'strides', max_pooling2d.strides, 'padding', max_pooling2d.padding, 'name', max_pooling2d.name, 'inputs', max_pooling2d.inputs));
END;
COMMENT ON FUNCTION aiaas.max_pooling2d(integer, integer, text, text, text[]) IS 'layer of a network: the largest of some pixels, channel by channel';

CREATE FUNCTION aiaas.average_pooling1d(pool_size integer DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'average_pooling1d', 'pool_size', average_pooling1d.pool_size, 'strides', average_pooling1d.strides, 'padding', average_pooling1d.padding, 'name', average_pooling1d.name, 'inputs', average_pooling1d.inputs));
END;
COMMENT ON FUNCTION aiaas.average_pooling1d(integer, integer, text, text, text[]) IS 'layer of a network: the mean of some words, channel by channel';

CREATE FUNCTION aiaas.average_pooling2d(pool_size integer DEFAULT NULL, strides integer DEFAULT NULL, padding text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'average_pooling2d', 'pool_size', average_pooling2d.pool_size, 'strides', average_pooling2d.strides, 'padding', average_pooling2d.padding, 'name', average_pooling2d.name, 'inputs', average_pooling2d.inputs));
END;
COMMENT ON FUNCTION aiaas.average_pooling2d(integer, integer, text, text, text[]) IS 'layer of a network: the mean of some pixels, channel by channel';

CREATE FUNCTION aiaas.global_max_pooling(name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'global_max_pooling', 'name', global_max_pooling.name, 'inputs', global_max_pooling.inputs));
END;
COMMENT ON FUNCTION aiaas.global_max_pooling(text, text[]) IS 'layer of a network: the largest of all words or pixels, channel by channel';

CREATE FUNCTION aiaas.global_average_pooling(name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'global_average_pooling', 'name', global_average_pooling.name, 'inputs', global_average_pooling.inputs));
END;
COMMENT ON FUNCTION aiaas.global_average_pooling(text, text[]) IS 'layer of a network: the mean of all words or pixels, channel by channel';

CREATE FUNCTION aiaas.rnn(units integer, return_sequences boolean DEFAULT NULL, bidirectional boolean DEFAULT NULL, layers integer DEFAULT NULL, dropout double precision DEFAULT NULL, use_bias boolean DEFAULT NULL, recurrent_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, recurrent_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, activation text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'rnn', 'units', rnn.units, 'return_sequences', rnn.return_sequences, 'bidirectional', rnn.bidirectional, 'layers', rnn.layers, 'dropout', rnn.dropout, 'use_bias', rnn.use_bias, 'recurrent_bias', rnn.recurrent_bias, 'kernel_initializer', rnn.kernel_initializer, 'recurrent_initializer', rnn.recurrent_initializer, 'bias_initializer', rnn.bias_initializer, 'activation', rnn.activation, 'name', rnn.name, 'inputs', rnn.inputs));
END;
COMMENT ON FUNCTION aiaas.rnn(integer, boolean, boolean, integer, double precision, boolean, boolean, text, text, text, text, text, text[]) IS 'layer of a network: recurrent cells (Elman)';

CREATE FUNCTION aiaas.gru(units integer, return_sequences boolean DEFAULT NULL, bidirectional boolean DEFAULT NULL, layers integer DEFAULT NULL, dropout double precision DEFAULT NULL, use_bias boolean DEFAULT NULL, recurrent_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, recurrent_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'gru', 'units', gru.units, 'return_sequences', gru.return_sequences, 'bidirectional', gru.bidirectional, 'layers', gru.layers, 'dropout', gru.dropout, 'use_bias', gru.use_bias, 'recurrent_bias', gru.recurrent_bias, 'kernel_initializer', gru.kernel_initializer, 'recurrent_initializer', gru.recurrent_initializer, 'bias_initializer', gru.bias_initializer, 'name', gru.name, 'inputs', gru.inputs));
END;
COMMENT ON FUNCTION aiaas.gru(integer, boolean, boolean, integer, double precision, boolean, boolean, text, text, text, text, text[]) IS 'layer of a network: gated recurrent units';

CREATE FUNCTION aiaas.lstm(units integer, return_sequences boolean DEFAULT NULL, bidirectional boolean DEFAULT NULL, layers integer DEFAULT NULL, dropout double precision DEFAULT NULL, use_bias boolean DEFAULT NULL, recurrent_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, recurrent_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, unit_forget_bias boolean DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'lstm', 'units', lstm.units, 'return_sequences', lstm.return_sequences, 'bidirectional', lstm.bidirectional, 'layers', lstm.layers, 'dropout', lstm.dropout, 'use_bias', lstm.use_bias, 'recurrent_bias', lstm.recurrent_bias, 'kernel_initializer', lstm.kernel_initializer, 'recurrent_initializer', lstm.recurrent_initializer, 'bias_initializer', lstm.bias_initializer, 'unit_forget_bias', lstm.unit_forget_bias, 'name', lstm.name, 'inputs', lstm.inputs));
END;
COMMENT ON FUNCTION aiaas.lstm(integer, boolean, boolean, integer, double precision, boolean, boolean, text, text, text, boolean, text, text[]) IS 'layer of a network: long short-term memory';

CREATE FUNCTION aiaas.multi_head_attention(heads integer, key_dim integer DEFAULT NULL, causal boolean DEFAULT NULL, dropout double precision DEFAULT NULL, use_bias boolean DEFAULT NULL, kernel_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'multi_head_attention', 'heads', multi_head_attention.heads, 'key_dim', multi_head_attention.key_dim, 'causal', multi_head_attention.causal, 'dropout', multi_head_attention.dropout, 'use_bias', multi_head_attention.use_bias, 'kernel_initializer', multi_head_attention.kernel_initializer, 'bias_initializer', multi_head_attention.bias_initializer, 'name', multi_head_attention.name, 'inputs', multi_head_attention.inputs));
END;
COMMENT ON FUNCTION aiaas.multi_head_attention(integer, integer, boolean, double precision, boolean, text, text, text, text[]) IS 'layer of a network: attention of each word to all words of its text';

CREATE FUNCTION aiaas.transformer_encoder(heads integer, units integer, activation text DEFAULT NULL, dropout double precision DEFAULT NULL, norm_first boolean DEFAULT NULL, causal boolean DEFAULT NULL, epsilon double precision DEFAULT NULL, kernel_initializer text DEFAULT NULL, bias_initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'transformer_encoder', 'heads', transformer_encoder.heads, 'units', transformer_encoder.units, 'activation', transformer_encoder.activation, 'dropout', transformer_encoder.dropout, 'norm_first', transformer_encoder.norm_first, 'causal', transformer_encoder.causal, 'epsilon', transformer_encoder.epsilon, 'kernel_initializer', transformer_encoder.kernel_initializer, 'bias_initializer', transformer_encoder.bias_initializer, 'name', transformer_encoder.name, 'inputs', transformer_encoder.inputs));
END;
COMMENT ON FUNCTION aiaas.transformer_encoder(integer, integer, text, double precision, boolean, boolean, double precision, text, text, text, text[]) IS 'layer of a network: attention and two dense layers, with norms and residuals';

CREATE FUNCTION aiaas.positional_encoding(kind text DEFAULT NULL, max_length integer DEFAULT NULL, initializer text DEFAULT NULL, name text DEFAULT NULL, inputs text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'positional_encoding', 'kind', positional_encoding.kind, 'max_length', positional_encoding.max_length, 'initializer', positional_encoding.initializer, 'name', positional_encoding.name, 'inputs', positional_encoding.inputs));
END;
COMMENT ON FUNCTION aiaas.positional_encoding(text, integer, text, text, text[]) IS 'layer of a network: adds to each word what tells its position';

CREATE FUNCTION aiaas.add(VARIADIC inputs text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('type', 'add', 'inputs', to_jsonb(add.inputs));
END;
COMMENT ON FUNCTION aiaas.add(text[]) IS 'layer of a network: the sum of its inputs, which are named';

CREATE FUNCTION aiaas.multiply(VARIADIC inputs text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('type', 'multiply', 'inputs', to_jsonb(multiply.inputs));
END;
COMMENT ON FUNCTION aiaas.multiply(text[]) IS 'layer of a network: the product of its inputs, number by number, which are named';

CREATE FUNCTION aiaas.concatenate(VARIADIC inputs text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('type', 'concatenate', 'inputs', to_jsonb(concatenate.inputs));
END;
COMMENT ON FUNCTION aiaas.concatenate(text[]) IS 'layer of a network: its inputs side by side in the last dimension, which are named';

CREATE FUNCTION aiaas.reshape(VARIADIC shape integer[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('type', 'reshape', 'shape', to_jsonb(reshape.shape));
END;
COMMENT ON FUNCTION aiaas.reshape(integer[]) IS 'layer of a network: the same numbers in another shape';

CREATE FUNCTION aiaas.sequential(VARIADIC layers jsonb[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('layers', to_jsonb(sequential.layers));
END;
COMMENT ON FUNCTION aiaas.sequential(jsonb[]) IS 'layers of a network one after the other, as options of aiaas_train; more options are joined to them by ||';

/* ---------- what a network is ---------- */

CREATE FUNCTION @extschema@.aiaas_network_spec(model regclass, version integer DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'aiaas_network_spec'
LANGUAGE C STABLE COST 1000 PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.aiaas_network_spec(regclass, integer)
	IS 'options of a network with every default written out: training with them on the same rows gives the same digest (version: default the live one)';

CREATE FUNCTION @extschema@.aiaas_summary(model regclass, version integer DEFAULT NULL)
RETURNS TABLE (layer text, type text, output_shape text, parameters bigint, flop double precision)
AS 'MODULE_PATHNAME', 'aiaas_summary'
LANGUAGE C STABLE COST 1000 ROWS 10 PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.aiaas_summary(regclass, integer)
	IS 'layers of a network: shape of what flows out, parameters, floating-point operations for one row (of sequences: of one word)';

CREATE FUNCTION @extschema@.aiaas_vocabulary(model regclass, version integer DEFAULT NULL)
RETURNS TABLE (number integer, word text)
AS 'MODULE_PATHNAME', 'aiaas_vocabulary'
LANGUAGE C STABLE COST 1000 ROWS 10000 PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.aiaas_vocabulary(regclass, integer)
	IS 'words that a network knows, by frequency; 0 is padding, 1 a word that it does not know';

CREATE FUNCTION @extschema@.aiaas_history(model regclass, version integer DEFAULT NULL)
RETURNS TABLE (epoch integer, step bigint, learning_rate double precision, seconds double precision,
	metric text, train double precision, validation double precision)
AS 'MODULE_PATHNAME', 'aiaas_history'
LANGUAGE C STABLE COST 1000 ROWS 20 PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.aiaas_history(regclass, integer)
	IS 'what a network''s training was like, epoch by epoch: loss and accuracy (or root of the mean squared error)';

/* ---------- progress ---------- */

CREATE FUNCTION aiaas.trainings()
RETURNS TABLE (
	pid integer,
	datid oid,
	userid oid,
	model text,
	phase text,
	rows bigint,
	epoch integer,
	loss double precision,
	started timestamptz,
	epochs integer,
	batch bigint,
	batches bigint,
	validation_metric double precision,
	examples_per_second double precision,
	seconds_left double precision)
AS 'MODULE_PATHNAME', 'aiaas_progress'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION aiaas.trainings()
	IS 'trainings that run now, in all databases; see the view aiaas.training_progress';

-- replaced, not made anew: views of users may stand on it
CREATE OR REPLACE VIEW aiaas.training_progress AS
	SELECT p.pid, d.datname AS database, r.rolname AS "user", p.model, p.phase, p.rows, p.epoch, p.loss,
		   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.started AS elapsed,
		   p.epochs, p.batch, p.batches, p.validation_metric, p.examples_per_second,
		   pg_catalog.make_interval(secs => p.seconds_left) AS time_left
	FROM aiaas.trainings() AS p
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) p.datid
	LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) p.userid;
COMMENT ON VIEW aiaas.training_progress IS
	'trainings that run now: phase, rows and epoch, loss, of networks batch, validation and time left; of other users only who';
DROP FUNCTION aiaas.progress();

/* ---------- long trainings ---------- */

CREATE PROCEDURE @extschema@.aiaas_fit(
	source text,
	target text DEFAULT NULL,
	model text DEFAULT NULL,
	features text[] DEFAULT NULL,
	algorithm text DEFAULT 'auto',
	options jsonb DEFAULT '{}',
	INOUT version integer DEFAULT NULL)
	LANGUAGE C
	AS 'MODULE_PATHNAME', 'aiaas_fit';
COMMENT ON PROCEDURE @extschema@.aiaas_fit(text, text, text, text[], text, jsonb, integer) IS
	'aiaas_train in transactions of its own: reads the source, commits, trains without holding back vacuum, stores the version';

/* ---------- images as arguments ---------- */

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input bytea)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_bytes'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, bytea)
	IS 'label of an image (PNG, JPEG or raw pixels), by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input bytea[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_classify_array'
LANGUAGE C STABLE STRICT COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, bytea[])
	IS 'labels of an array of images (PNG, JPEG or raw pixels), as one batch, by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input bytea)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_bytes'
LANGUAGE C IMMUTABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, bytea)
	IS 'label of an image (PNG, JPEG or raw pixels), by one version of a network';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input bytea[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_classify_array'
LANGUAGE C IMMUTABLE STRICT COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, bytea[])
	IS 'labels of an array of images (PNG, JPEG or raw pixels), as one batch, by one version of a network';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input bytea, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_bytes'
LANGUAGE C STABLE COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, bytea, text)
	IS 'probability of a label (default: the predicted one) for an image (PNG, JPEG or raw pixels), by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input bytea[], label text DEFAULT NULL)
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_score_array'
LANGUAGE C STABLE COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, bytea[], text)
	IS 'probability of a label (default: the predicted one) for each of an array of images (PNG, JPEG or raw pixels), as one batch, by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input bytea, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_bytes'
LANGUAGE C IMMUTABLE COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, bytea, text)
	IS 'probability of a label (default: the predicted one) for an image (PNG, JPEG or raw pixels), by one version of a network';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input bytea[], label text DEFAULT NULL)
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_score_array'
LANGUAGE C IMMUTABLE COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, bytea[], text)
	IS 'probability of a label (default: the predicted one) for each of an array of images (PNG, JPEG or raw pixels), as one batch, by one version of a network';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input bytea)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_bytes'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, bytea)
	IS 'number that is predicted for an image (PNG, JPEG or raw pixels), by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input bytea[])
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_predict_array'
LANGUAGE C STABLE STRICT COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, bytea[])
	IS 'number that is predicted for each of an array of images (PNG, JPEG or raw pixels), as one batch, by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input bytea)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_bytes'
LANGUAGE C IMMUTABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, bytea)
	IS 'number that is predicted for an image (PNG, JPEG or raw pixels), by one version of a network';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input bytea[])
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_predict_array'
LANGUAGE C IMMUTABLE STRICT COST 20000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, bytea[])
	IS 'number that is predicted for each of an array of images (PNG, JPEG or raw pixels), as one batch, by one version of a network';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input bytea)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_bytes'
LANGUAGE C STABLE STRICT COST 2000 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, bytea)
	IS 'all labels with their probabilities, highest first, for an image (PNG, JPEG or raw pixels), by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input bytea)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_bytes'
LANGUAGE C IMMUTABLE STRICT COST 2000 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, bytea)
	IS 'all labels with their probabilities, highest first, for an image (PNG, JPEG or raw pixels), by one version of a network';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input bytea, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_bytes'
LANGUAGE C STABLE COST 50000 ROWS 2 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, bytea, text)
	IS 'what an image adds to a label''s score (default: the predicted one), in logits, by integrated gradients of its pixels, by the live version of a network';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input bytea, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_bytes'
LANGUAGE C IMMUTABLE COST 50000 ROWS 2 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, bytea, text)
	IS 'what an image adds to a label''s score (default: the predicted one), in logits, by integrated gradients of its pixels, by one version of a network';
