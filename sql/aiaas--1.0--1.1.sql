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

CREATE FUNCTION aiaas.predict_version_columns(model regclass, version integer, names text[], VARIADIC columns "any")
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_predict_version_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.predict_version_columns(regclass, integer, text[], "any")
	IS 'aiaas_predict of a row whose columns come one by one, by one version of a model';

CREATE FUNCTION aiaas.classify_columns(model regclass, names text[], VARIADIC columns "any")
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.classify_columns(regclass, text[], "any")
	IS 'aiaas_classify of a row whose columns come one by one';

CREATE FUNCTION aiaas.classify_version_columns(model regclass, version integer, names text[], VARIADIC columns "any")
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_version_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.classify_version_columns(regclass, integer, text[], "any")
	IS 'aiaas_classify of a row whose columns come one by one, by one version of a model';

CREATE FUNCTION aiaas.score_columns(model regclass, label text, names text[], VARIADIC columns "any")
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.score_columns(regclass, text, text[], "any")
	IS 'aiaas_score of a row whose columns come one by one';

CREATE FUNCTION aiaas.score_version_columns(model regclass, version integer, label text, names text[], VARIADIC columns "any")
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_version_columns'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION aiaas.score_version_columns(regclass, integer, text, text[], "any")
	IS 'aiaas_score of a row whose columns come one by one, by one version of a model';

ALTER FUNCTION @extschema@.aiaas_predict(regclass, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_classify(regclass, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_score(regclass, record, text) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_predict(regclass, integer, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_classify(regclass, integer, record) SUPPORT aiaas.row_support;
ALTER FUNCTION @extschema@.aiaas_score(regclass, integer, record, text) SUPPORT aiaas.row_support;

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

COMMENT ON TYPE aiaas.confusion_state IS 'state of aiaas_accuracy, aiaas_balanced_accuracy, aiaas_precision, aiaas_recall, aiaas_f1 and aiaas_mcc';
COMMENT ON TYPE aiaas.auc_state IS 'state of aiaas_roc_auc, aiaas_pr_auc and aiaas_median_absolute_error';

CREATE FUNCTION @extschema@.aiaas_roc_curve(model regclass, source text DEFAULT NULL)
	RETURNS TABLE (threshold double precision, false_positive_rate double precision, true_positive_rate double precision)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 200 COST 100000
	AS 'MODULE_PATHNAME', 'aiaas_roc_curve';
COMMENT ON FUNCTION @extschema@.aiaas_roc_curve(regclass, text) IS
	'ROC curve of a classifier of two labels: of the rows that training held out, or of a table, view or query';

CREATE FUNCTION @extschema@.aiaas_pr_curve(model regclass, source text DEFAULT NULL)
	RETURNS TABLE (threshold double precision, recall double precision, "precision" double precision)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 200 COST 100000
	AS 'MODULE_PATHNAME', 'aiaas_pr_curve';
COMMENT ON FUNCTION @extschema@.aiaas_pr_curve(regclass, text) IS
	'precision-recall curve of a classifier of two labels: of the rows that training held out, or of a table, view or query';

CREATE TYPE aiaas.mean_state;

CREATE FUNCTION aiaas.mean_in(state cstring) RETURNS aiaas.mean_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_in';
COMMENT ON FUNCTION aiaas.mean_in(cstring) IS 'I/O of aiaas.mean_state';
CREATE FUNCTION aiaas.mean_out(state aiaas.mean_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_out';
COMMENT ON FUNCTION aiaas.mean_out(aiaas.mean_state) IS 'I/O of aiaas.mean_state';
CREATE FUNCTION aiaas.mean_recv(state internal) RETURNS aiaas.mean_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_recv';
COMMENT ON FUNCTION aiaas.mean_recv(internal) IS 'I/O of aiaas.mean_state';
CREATE FUNCTION aiaas.mean_send(state aiaas.mean_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_send';
COMMENT ON FUNCTION aiaas.mean_send(aiaas.mean_state) IS 'I/O of aiaas.mean_state';

CREATE TYPE aiaas.mean_state (
	INPUT = aiaas.mean_in,
	OUTPUT = aiaas.mean_out,
	RECEIVE = aiaas.mean_recv,
	SEND = aiaas.mean_send,
	INTERNALLENGTH = 24,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.mean_state IS 'state of aiaas_brier: a mean';

CREATE TYPE aiaas.regression_state;

CREATE FUNCTION aiaas.regression_in(state cstring) RETURNS aiaas.regression_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_in';
COMMENT ON FUNCTION aiaas.regression_in(cstring) IS 'I/O of aiaas.regression_state';
CREATE FUNCTION aiaas.regression_out(state aiaas.regression_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_out';
COMMENT ON FUNCTION aiaas.regression_out(aiaas.regression_state) IS 'I/O of aiaas.regression_state';
CREATE FUNCTION aiaas.regression_recv(state internal) RETURNS aiaas.regression_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_recv';
COMMENT ON FUNCTION aiaas.regression_recv(internal) IS 'I/O of aiaas.regression_state';
CREATE FUNCTION aiaas.regression_send(state aiaas.regression_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_send';
COMMENT ON FUNCTION aiaas.regression_send(aiaas.regression_state) IS 'I/O of aiaas.regression_state';

CREATE TYPE aiaas.regression_state (
	INPUT = aiaas.regression_in,
	OUTPUT = aiaas.regression_out,
	RECEIVE = aiaas.regression_recv,
	SEND = aiaas.regression_send,
	INTERNALLENGTH = 104,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.regression_state IS 'state of aiaas_mse, aiaas_rmse, aiaas_mae, aiaas_mape and aiaas_r2';

CREATE TYPE aiaas.judgement_state;

CREATE FUNCTION aiaas.judgement_in(state cstring) RETURNS aiaas.judgement_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_judgement_in';
COMMENT ON FUNCTION aiaas.judgement_in(cstring) IS 'I/O of aiaas.judgement_state';
CREATE FUNCTION aiaas.judgement_out(state aiaas.judgement_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_judgement_out';
COMMENT ON FUNCTION aiaas.judgement_out(aiaas.judgement_state) IS 'I/O of aiaas.judgement_state';
CREATE FUNCTION aiaas.judgement_recv(state internal) RETURNS aiaas.judgement_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_judgement_recv';
COMMENT ON FUNCTION aiaas.judgement_recv(internal) IS 'I/O of aiaas.judgement_state';
CREATE FUNCTION aiaas.judgement_send(state aiaas.judgement_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_judgement_send';
COMMENT ON FUNCTION aiaas.judgement_send(aiaas.judgement_state) IS 'I/O of aiaas.judgement_state';

CREATE TYPE aiaas.judgement_state (
	INPUT = aiaas.judgement_in,
	OUTPUT = aiaas.judgement_out,
	RECEIVE = aiaas.judgement_recv,
	SEND = aiaas.judgement_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.judgement_state IS 'state of aiaas.judgement: how good answers of a model were';

CREATE FUNCTION aiaas.confusion_balanced_accuracy(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_balanced_accuracy';
COMMENT ON FUNCTION aiaas.confusion_balanced_accuracy(aiaas.confusion_state) IS 'recall, mean over labels that occur';
CREATE FUNCTION aiaas.confusion_mcc(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_mcc';
COMMENT ON FUNCTION aiaas.confusion_mcc(aiaas.confusion_state) IS 'correlation of actual and predicted labels (Matthews)';
CREATE FUNCTION aiaas.auc_error(state aiaas.auc_state, actual double precision, predicted double precision) RETURNS aiaas.auc_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_error';
COMMENT ON FUNCTION aiaas.auc_error(aiaas.auc_state,double precision,double precision) IS 'transition of aiaas_median_absolute_error';
CREATE FUNCTION aiaas.auc_pr(state aiaas.auc_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_pr';
COMMENT ON FUNCTION aiaas.auc_pr(aiaas.auc_state) IS 'area under the precision-recall curve';
CREATE FUNCTION aiaas.auc_median(state aiaas.auc_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_median';
COMMENT ON FUNCTION aiaas.auc_median(aiaas.auc_state) IS 'median';
CREATE FUNCTION aiaas.mean_brier(state aiaas.mean_state, actual boolean, probability double precision) RETURNS aiaas.mean_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_brier';
COMMENT ON FUNCTION aiaas.mean_brier(aiaas.mean_state,boolean,double precision) IS 'transition of aiaas_brier';
CREATE FUNCTION aiaas.mean_combine(state aiaas.mean_state, other aiaas.mean_state) RETURNS aiaas.mean_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_combine';
COMMENT ON FUNCTION aiaas.mean_combine(aiaas.mean_state,aiaas.mean_state) IS 'adds two states';
CREATE FUNCTION aiaas.mean_final(state aiaas.mean_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_mean_final';
COMMENT ON FUNCTION aiaas.mean_final(aiaas.mean_state) IS 'mean';
CREATE FUNCTION aiaas.regression_accum(state aiaas.regression_state, actual double precision, predicted double precision) RETURNS aiaas.regression_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_accum';
COMMENT ON FUNCTION aiaas.regression_accum(aiaas.regression_state,double precision,double precision) IS 'transition of the errors of regressions';
CREATE FUNCTION aiaas.regression_combine(state aiaas.regression_state, other aiaas.regression_state) RETURNS aiaas.regression_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_combine';
COMMENT ON FUNCTION aiaas.regression_combine(aiaas.regression_state,aiaas.regression_state) IS 'adds two states';
CREATE FUNCTION aiaas.regression_mse(state aiaas.regression_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_mse';
COMMENT ON FUNCTION aiaas.regression_mse(aiaas.regression_state) IS 'mean squared error';
CREATE FUNCTION aiaas.regression_rmse(state aiaas.regression_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_rmse';
COMMENT ON FUNCTION aiaas.regression_rmse(aiaas.regression_state) IS 'root of the mean squared error';
CREATE FUNCTION aiaas.regression_mae(state aiaas.regression_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_mae';
COMMENT ON FUNCTION aiaas.regression_mae(aiaas.regression_state) IS 'mean absolute error';
CREATE FUNCTION aiaas.regression_mape(state aiaas.regression_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_mape';
COMMENT ON FUNCTION aiaas.regression_mape(aiaas.regression_state) IS 'mean absolute error as a share of the actual value';
CREATE FUNCTION aiaas.regression_r2(state aiaas.regression_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_regression_r2';
COMMENT ON FUNCTION aiaas.regression_r2(aiaas.regression_state) IS 'coefficient of determination';
-- a STABLE function of the live rights; the version is fixed.  COST: as a prediction
CREATE FUNCTION aiaas.judgement_accum(state aiaas.judgement_state, model regclass, version integer, actual "any", names text[], VARIADIC columns "any")
	RETURNS aiaas.judgement_state
	LANGUAGE C STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'aiaas_judgement_accum';
COMMENT ON FUNCTION aiaas.judgement_accum(aiaas.judgement_state,regclass,integer,"any",text[],"any") IS 'transition of aiaas.judgement';
CREATE FUNCTION aiaas.judgement_combine(state aiaas.judgement_state, other aiaas.judgement_state) RETURNS aiaas.judgement_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_judgement_combine';
COMMENT ON FUNCTION aiaas.judgement_combine(aiaas.judgement_state,aiaas.judgement_state) IS 'adds two states';

CREATE AGGREGATE @extschema@.aiaas_balanced_accuracy(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_balanced_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_balanced_accuracy(text,text) IS 'recall; mean over the labels that occur in actual';
CREATE AGGREGATE @extschema@.aiaas_mcc(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_mcc,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mcc(text,text) IS 'correlation of actual and predicted labels (Matthews), from -1 to 1; 0 where it is undefined';
CREATE AGGREGATE @extschema@.aiaas_balanced_accuracy(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_balanced_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_balanced_accuracy(anyelement,text) IS 'recall; mean over the labels that occur in actual';
CREATE AGGREGATE @extschema@.aiaas_mcc(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_mcc,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mcc(anyelement,text) IS 'correlation of actual and predicted labels (Matthews), from -1 to 1; 0 where it is undefined';
CREATE AGGREGATE @extschema@.aiaas_balanced_accuracy(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_balanced_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_balanced_accuracy(anycompatible,anycompatible) IS 'recall; mean over the labels that occur in actual';
CREATE AGGREGATE @extschema@.aiaas_mcc(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_mcc,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mcc(anycompatible,anycompatible) IS 'correlation of actual and predicted labels (Matthews), from -1 to 1; 0 where it is undefined';
CREATE AGGREGATE @extschema@.aiaas_pr_auc(actual boolean, score double precision) (
	SFUNC = aiaas.auc_accum, STYPE = aiaas.auc_state, FINALFUNC = aiaas.auc_pr,
	COMBINEFUNC = aiaas.auc_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_pr_auc(boolean,double precision) IS 'area under the precision-recall curve (average precision) of a score that should be higher where actual is true';
CREATE AGGREGATE @extschema@.aiaas_brier(actual boolean, probability double precision) (
	SFUNC = aiaas.mean_brier, STYPE = aiaas.mean_state, FINALFUNC = aiaas.mean_final,
	COMBINEFUNC = aiaas.mean_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_brier(boolean,double precision) IS 'mean squared error of the probability that actual is true (Brier score)';
CREATE AGGREGATE @extschema@.aiaas_mse(actual double precision, predicted double precision) (
	SFUNC = aiaas.regression_accum, STYPE = aiaas.regression_state, FINALFUNC = aiaas.regression_mse,
	COMBINEFUNC = aiaas.regression_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mse(double precision,double precision) IS 'mean squared error';
CREATE AGGREGATE @extschema@.aiaas_rmse(actual double precision, predicted double precision) (
	SFUNC = aiaas.regression_accum, STYPE = aiaas.regression_state, FINALFUNC = aiaas.regression_rmse,
	COMBINEFUNC = aiaas.regression_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_rmse(double precision,double precision) IS 'root of the mean squared error';
CREATE AGGREGATE @extschema@.aiaas_mae(actual double precision, predicted double precision) (
	SFUNC = aiaas.regression_accum, STYPE = aiaas.regression_state, FINALFUNC = aiaas.regression_mae,
	COMBINEFUNC = aiaas.regression_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mae(double precision,double precision) IS 'mean absolute error';
CREATE AGGREGATE @extschema@.aiaas_mape(actual double precision, predicted double precision) (
	SFUNC = aiaas.regression_accum, STYPE = aiaas.regression_state, FINALFUNC = aiaas.regression_mape,
	COMBINEFUNC = aiaas.regression_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_mape(double precision,double precision) IS 'mean absolute error as a share of the actual value; NULL where one is 0';
CREATE AGGREGATE @extschema@.aiaas_r2(actual double precision, predicted double precision) (
	SFUNC = aiaas.regression_accum, STYPE = aiaas.regression_state, FINALFUNC = aiaas.regression_r2,
	COMBINEFUNC = aiaas.regression_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_r2(double precision,double precision) IS 'coefficient of determination R2; NULL where all actual values are equal';
CREATE AGGREGATE @extschema@.aiaas_median_absolute_error(actual double precision, predicted double precision) (
	SFUNC = aiaas.auc_error, STYPE = aiaas.auc_state, FINALFUNC = aiaas.auc_median,
	COMBINEFUNC = aiaas.auc_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_median_absolute_error(double precision,double precision) IS 'median of the absolute errors; exact up to 65,536 distinct ones';
CREATE AGGREGATE aiaas.judgement(model regclass, version integer, actual "any", names text[], VARIADIC columns "any") (
	SFUNC = aiaas.judgement_accum, STYPE = aiaas.judgement_state, COMBINEFUNC = aiaas.judgement_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE aiaas.judgement(regclass,integer,"any",text[],"any") IS
	'how good the answers of a version are for rows: what aiaas_evaluate is made from';

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

-- a state of 3 columns takes 3 kB, one of 20 columns 10 kB, which the planner must know where there are many groups
CREATE AGGREGATE @extschema@.aiaas_linear_regression(y double precision, x double precision[]) (
	SFUNC = aiaas.gram_regress, STYPE = aiaas.gram_state, SSPACE = 8192, FINALFUNC = aiaas.gram_regression,
	COMBINEFUNC = aiaas.gram_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_linear_regression(double precision,double precision[]) IS
	'least squares of y by the items of x, with intercept, standard errors and R2; rows with a NULL or NaN don''t count';
CREATE AGGREGATE aiaas.gram(weight double precision, VARIADIC numbers "any") (
	SFUNC = aiaas.gram_accum, STYPE = aiaas.gram_state, SSPACE = 8192, COMBINEFUNC = aiaas.gram_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE aiaas.gram(double precision,"any") IS
	'sums of squares and products of a target and columns: a state that aiaas.gram_regression solves';
