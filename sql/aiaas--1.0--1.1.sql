/* aiaas 1.0 -> 1.1; CREATE EXTENSION runs it behind aiaas--1.0.sql, so that a fresh install and an upgraded one are equal */
-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION aiaas UPDATE" to load this file. \quit

-- An ordinary role may run this script as the owner of a trusted extension: every name is
-- qualified or found in pg_catalog, and bodies are parsed now (BEGIN ATOMIC), not at each call.
SET LOCAL search_path = pg_catalog, pg_temp;

/* ---------- inference on rows of tables: predict, and more forms of input ---------- */

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input text)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, text)
	IS 'number that is predicted for a text, or JSON as text where the model takes more than one text, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input text[])
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_predict_array'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, text[])
	IS 'number that is predicted for each of an array of texts, as one batch, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input record)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_record'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, record)
	IS 'number that is predicted for a row, whose columns are matched by name, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input double precision[])
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_items'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, double precision[])
	IS 'number that is predicted for an array of numbers, in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input jsonb)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_jsonb'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, jsonb)
	IS 'number that is predicted for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, input json)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_json'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, json)
	IS 'number that is predicted for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input text)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, text)
	IS 'number that is predicted for a text, or JSON as text where the model takes more than one text, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input text[])
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_predict_array'
LANGUAGE C IMMUTABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, text[])
	IS 'number that is predicted for each of an array of texts, as one batch, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input record)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_record'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, record)
	IS 'number that is predicted for a row, whose columns are matched by name, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input double precision[])
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_items'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, double precision[])
	IS 'number that is predicted for an array of numbers, in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input jsonb)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_jsonb'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, jsonb)
	IS 'number that is predicted for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_predict(model regclass, version integer, input json)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_json'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_predict(regclass, integer, json)
	IS 'number that is predicted for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input double precision[])
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_items'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, double precision[])
	IS 'label of an array of numbers, in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input jsonb)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_jsonb'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, jsonb)
	IS 'label of a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input json)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_json'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, json)
	IS 'label of a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input double precision[])
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_items'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, double precision[])
	IS 'label of an array of numbers, in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input jsonb)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_jsonb'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, jsonb)
	IS 'label of a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input json)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_json'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, json)
	IS 'label of a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input double precision[], label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_items'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, double precision[], text)
	IS 'probability of a label (default: the predicted one) for an array of numbers, in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input jsonb, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_jsonb'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, jsonb, text)
	IS 'probability of a label (default: the predicted one) for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input json, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_json'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, json, text)
	IS 'probability of a label (default: the predicted one) for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input double precision[], label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_items'
LANGUAGE C IMMUTABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, double precision[], text)
	IS 'probability of a label (default: the predicted one) for an array of numbers, in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input jsonb, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_jsonb'
LANGUAGE C IMMUTABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, jsonb, text)
	IS 'probability of a label (default: the predicted one) for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input json, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_json'
LANGUAGE C IMMUTABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, json, text)
	IS 'probability of a label (default: the predicted one) for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input double precision[])
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_items'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, double precision[])
	IS 'all labels with their probabilities, highest first, for an array of numbers, in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input jsonb)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_jsonb'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, jsonb)
	IS 'all labels with their probabilities, highest first, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input json)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_json'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, json)
	IS 'all labels with their probabilities, highest first, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input double precision[])
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_items'
LANGUAGE C IMMUTABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, double precision[])
	IS 'all labels with their probabilities, highest first, for an array of numbers, in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input jsonb)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_jsonb'
LANGUAGE C IMMUTABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, jsonb)
	IS 'all labels with their probabilities, highest first, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input json)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_json'
LANGUAGE C IMMUTABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, json)
	IS 'all labels with their probabilities, highest first, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input double precision[], label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_items'
LANGUAGE C STABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, double precision[], text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for an array of numbers, in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input jsonb, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_jsonb'
LANGUAGE C STABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, jsonb, text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input json, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_json'
LANGUAGE C STABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, json, text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input double precision[], label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_items'
LANGUAGE C IMMUTABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, double precision[], text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for an array of numbers, in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input jsonb, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_jsonb'
LANGUAGE C IMMUTABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, jsonb, text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input json, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_json'
LANGUAGE C IMMUTABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, json, text)
	IS 'what each column or word adds to the logit of a label (default: the predicted one) or to the predicted number, for a JSON object, matched by column name, or a JSON array in the order of the model''s columns, by one version of a model';

--
-- A row costs more than a prediction; the planner passes its columns instead (planner_rows.c)
--

CREATE FUNCTION aiaas.row_support(request internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'aiaas_row_support'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION aiaas.row_support(internal)
	IS 'for the planner: passes the columns of a row instead of the row';

CREATE FUNCTION aiaas.predict_columns(model regclass, names text[], VARIADIC columns "any")
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.predict_columns(regclass, text[], "any")
	IS 'aiaas_predict of a row whose columns come one by one';

CREATE FUNCTION aiaas.classify_columns(model regclass, names text[], VARIADIC columns "any")
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.classify_columns(regclass, text[], "any")
	IS 'aiaas_classify of a row whose columns come one by one';

CREATE FUNCTION aiaas.score_columns(model regclass, label text, names text[], VARIADIC columns "any")
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.score_columns(regclass, text, text[], "any")
	IS 'aiaas_score of a row whose columns come one by one';

ALTER FUNCTION @extschema@.aiaas_predict(regclass, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_classify(regclass, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_score(regclass, record, text) SUPPORT aiaas.row_support;

/* ---------- what a model has learnt ---------- */

CREATE FUNCTION @extschema@.aiaas_coefficients(model regclass, version integer DEFAULT NULL)
RETURNS TABLE (
	label text,
	term text,
	estimate double precision,
	std_error double precision,
	statistic double precision,
	p_value double precision,
	conf_low double precision,
	conf_high double precision)
AS 'MODULE_PATHNAME', 'aiaas_coefficients'
LANGUAGE C STABLE COST 1000 ROWS 50 PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.aiaas_coefficients(regclass, integer)
	IS 'terms of a linear model in the units of the columns, and how sure they are (version: default the live one)';


/* ---------- judging ---------- */

CREATE FUNCTION @extschema@.aiaas_cross_validate(
	source text,
	target text DEFAULT NULL,
	algorithm text DEFAULT 'auto',
	folds integer DEFAULT 5,
	options jsonb DEFAULT '{}',
	features text[] DEFAULT NULL)
	RETURNS TABLE (fold integer, metric text, value double precision)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 50 COST 1000000
	AS 'MODULE_PATHNAME', 'aiaas_cross_validate';
COMMENT ON FUNCTION @extschema@.aiaas_cross_validate(text, text, text, integer, jsonb, text[]) IS
	'train on all folds of a table, view or query but one, judge on that one, for each; no model is made';

/* ---------- regression as an aggregate ---------- */

CREATE TYPE aiaas.gram_state;

CREATE FUNCTION aiaas.gram_in(state cstring) RETURNS aiaas.gram_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_in';
COMMENT ON FUNCTION aiaas.gram_in(cstring) IS 'I/O of aiaas.gram_state';
CREATE FUNCTION aiaas.gram_out(state aiaas.gram_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_out';
COMMENT ON FUNCTION aiaas.gram_out(aiaas.gram_state) IS 'I/O of aiaas.gram_state';
CREATE FUNCTION aiaas.gram_recv(state internal) RETURNS aiaas.gram_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_recv';
COMMENT ON FUNCTION aiaas.gram_recv(internal) IS 'I/O of aiaas.gram_state';
CREATE FUNCTION aiaas.gram_send(state aiaas.gram_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_send';
COMMENT ON FUNCTION aiaas.gram_send(aiaas.gram_state) IS 'I/O of aiaas.gram_state';

-- extended: with many columns a state is larger than a page
CREATE TYPE aiaas.gram_state (
	INPUT = aiaas.gram_in,
	OUTPUT = aiaas.gram_out,
	RECEIVE = aiaas.gram_recv,
	SEND = aiaas.gram_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE aiaas.gram_state IS 'state of aiaas_linear_regression: sums of squares and products of rows';

CREATE TYPE aiaas.linear_regression AS (
	n bigint,
	intercept double precision,
	coefficients double precision[],
	intercept_std_error double precision,
	std_errors double precision[],
	r2 double precision,
	adjusted_r2 double precision,
	sigma double precision,
	degrees_of_freedom bigint,
	dropped integer[]
);
COMMENT ON TYPE aiaas.linear_regression IS 'what aiaas_linear_regression returns: least squares with intercept, and its standard errors';

CREATE FUNCTION aiaas.gram_regress(state aiaas.gram_state, y double precision, x double precision[]) RETURNS aiaas.gram_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_regress';
COMMENT ON FUNCTION aiaas.gram_regress(aiaas.gram_state,double precision,double precision[]) IS 'transition of aiaas_linear_regression';
CREATE FUNCTION aiaas.gram_accum(state aiaas.gram_state, weight double precision, VARIADIC numbers "any") RETURNS aiaas.gram_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_accum';
COMMENT ON FUNCTION aiaas.gram_accum(aiaas.gram_state,double precision,"any") IS 'transition of aiaas.gram';
CREATE FUNCTION aiaas.gram_combine(state aiaas.gram_state, other aiaas.gram_state) RETURNS aiaas.gram_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_gram_combine';
COMMENT ON FUNCTION aiaas.gram_combine(aiaas.gram_state,aiaas.gram_state) IS 'adds two states';
CREATE FUNCTION aiaas.gram_regression(state aiaas.gram_state) RETURNS aiaas.linear_regression
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'aiaas_gram_regression';
COMMENT ON FUNCTION aiaas.gram_regression(aiaas.gram_state) IS 'least squares from the sums';

CREATE AGGREGATE @extschema@.aiaas_linear_regression(y double precision, x double precision[]) (
	SFUNC = aiaas.gram_regress, STYPE = aiaas.gram_state, FINALFUNC = aiaas.gram_regression,
	COMBINEFUNC = aiaas.gram_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_linear_regression(double precision,double precision[]) IS
	'least squares of y by the items of x, with intercept, standard errors and R2; rows with a NULL or NaN don''t count';
CREATE AGGREGATE aiaas.gram(weight double precision, VARIADIC numbers "any") (
	SFUNC = aiaas.gram_accum, STYPE = aiaas.gram_state, COMBINEFUNC = aiaas.gram_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE aiaas.gram(double precision,"any") IS
	'sums of squares and products of a target and columns: a state that aiaas.gram_regression solves';
