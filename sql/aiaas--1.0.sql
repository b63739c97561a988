/* aiaas--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION aiaas" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA aiaas;
GRANT USAGE ON SCHEMA aiaas TO PUBLIC;

--
-- Models: tables of this type
--

CREATE TYPE aiaas.model AS (
	version integer,
	chunk integer,
	manifest jsonb,
	data bytea
);
COMMENT ON TYPE aiaas.model IS 'columns of a model table: CREATE TABLE m OF aiaas.model; use aiaas_create_model or aiaas_train';

-- == models: create, deploy, roll back, drop, list, import, export (fn_model.c) ==

-- == serve: classify, score, explain (fn_infer.c, residency.c) ==

-- == train (fn_train.c) ==

-- == judge: evaluate, confusion matrix, metric aggregates (fn_evaluate.c, aggregate.c) ==

--
-- States of the metric aggregates: types of their own, so that they can be
-- combined across workers and nodes but not forged
--

CREATE TYPE aiaas.confusion_state;

CREATE FUNCTION aiaas.confusion_in(cstring) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_in';
COMMENT ON FUNCTION aiaas.confusion_in(cstring) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_out(aiaas.confusion_state) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_out';
COMMENT ON FUNCTION aiaas.confusion_out(aiaas.confusion_state) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_recv(internal) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recv';
COMMENT ON FUNCTION aiaas.confusion_recv(internal) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_send(aiaas.confusion_state) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_send';
COMMENT ON FUNCTION aiaas.confusion_send(aiaas.confusion_state) IS 'I/O of aiaas.confusion_state';

CREATE TYPE aiaas.confusion_state (
	INPUT = aiaas.confusion_in,
	OUTPUT = aiaas.confusion_out,
	RECEIVE = aiaas.confusion_recv,
	SEND = aiaas.confusion_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.confusion_state IS 'state of aiaas_accuracy, aiaas_precision, aiaas_recall and aiaas_f1';

CREATE TYPE aiaas.auc_state;

CREATE FUNCTION aiaas.auc_in(cstring) RETURNS aiaas.auc_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_in';
COMMENT ON FUNCTION aiaas.auc_in(cstring) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_out(aiaas.auc_state) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_out';
COMMENT ON FUNCTION aiaas.auc_out(aiaas.auc_state) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_recv(internal) RETURNS aiaas.auc_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_recv';
COMMENT ON FUNCTION aiaas.auc_recv(internal) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_send(aiaas.auc_state) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_send';
COMMENT ON FUNCTION aiaas.auc_send(aiaas.auc_state) IS 'I/O of aiaas.auc_state';

CREATE TYPE aiaas.auc_state (
	INPUT = aiaas.auc_in,
	OUTPUT = aiaas.auc_out,
	RECEIVE = aiaas.auc_recv,
	SEND = aiaas.auc_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.auc_state IS 'state of aiaas_roc_auc';

CREATE TYPE aiaas.log_loss_state;

CREATE FUNCTION aiaas.log_loss_in(cstring) RETURNS aiaas.log_loss_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_in';
COMMENT ON FUNCTION aiaas.log_loss_in(cstring) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_out(aiaas.log_loss_state) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_out';
COMMENT ON FUNCTION aiaas.log_loss_out(aiaas.log_loss_state) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_recv(internal) RETURNS aiaas.log_loss_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_recv';
COMMENT ON FUNCTION aiaas.log_loss_recv(internal) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_send(aiaas.log_loss_state) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_send';
COMMENT ON FUNCTION aiaas.log_loss_send(aiaas.log_loss_state) IS 'I/O of aiaas.log_loss_state';

CREATE TYPE aiaas.log_loss_state (
	INPUT = aiaas.log_loss_in,
	OUTPUT = aiaas.log_loss_out,
	RECEIVE = aiaas.log_loss_recv,
	SEND = aiaas.log_loss_send,
	INTERNALLENGTH = 24,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE aiaas.log_loss_state IS 'state of aiaas_log_loss';

CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual text, predicted text) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,text,text) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual text, predicted text, label text) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,text,text,text) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anyelement, predicted text) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anyelement,text) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anyelement, predicted text, label text) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anyelement,text,text) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anycompatible, predicted anycompatible) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anycompatible,anycompatible) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anycompatible, predicted anycompatible, label anycompatible) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anycompatible,anycompatible,anycompatible) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_combine(state aiaas.confusion_state, other aiaas.confusion_state) RETURNS aiaas.confusion_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_combine';
COMMENT ON FUNCTION aiaas.confusion_combine(aiaas.confusion_state,aiaas.confusion_state) IS 'adds two states';
CREATE FUNCTION aiaas.confusion_accuracy(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accuracy';
COMMENT ON FUNCTION aiaas.confusion_accuracy(aiaas.confusion_state) IS 'share of rows predicted rightly';
CREATE FUNCTION aiaas.confusion_precision(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_precision';
COMMENT ON FUNCTION aiaas.confusion_precision(aiaas.confusion_state) IS 'precision, mean over labels';
CREATE FUNCTION aiaas.confusion_recall(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recall';
COMMENT ON FUNCTION aiaas.confusion_recall(aiaas.confusion_state) IS 'recall, mean over labels';
CREATE FUNCTION aiaas.confusion_f1(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_f1';
COMMENT ON FUNCTION aiaas.confusion_f1(aiaas.confusion_state) IS 'F1, mean over labels';
CREATE FUNCTION aiaas.confusion_precision_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_precision_label';
COMMENT ON FUNCTION aiaas.confusion_precision_label(aiaas.confusion_state) IS 'precision of the label';
CREATE FUNCTION aiaas.confusion_recall_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recall_label';
COMMENT ON FUNCTION aiaas.confusion_recall_label(aiaas.confusion_state) IS 'recall of the label';
CREATE FUNCTION aiaas.confusion_f1_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_f1_label';
COMMENT ON FUNCTION aiaas.confusion_f1_label(aiaas.confusion_state) IS 'F1 of the label';
CREATE FUNCTION aiaas.auc_accum(state aiaas.auc_state, actual boolean, score double precision) RETURNS aiaas.auc_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_accum';
COMMENT ON FUNCTION aiaas.auc_accum(aiaas.auc_state,boolean,double precision) IS 'transition of aiaas_roc_auc';
CREATE FUNCTION aiaas.auc_combine(state aiaas.auc_state, other aiaas.auc_state) RETURNS aiaas.auc_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_combine';
COMMENT ON FUNCTION aiaas.auc_combine(aiaas.auc_state,aiaas.auc_state) IS 'adds two states';
CREATE FUNCTION aiaas.auc_final(state aiaas.auc_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_final';
COMMENT ON FUNCTION aiaas.auc_final(aiaas.auc_state) IS 'area under the ROC curve';
CREATE FUNCTION aiaas.log_loss_accum(state aiaas.log_loss_state, actual boolean, probability double precision) RETURNS aiaas.log_loss_state
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_accum';
COMMENT ON FUNCTION aiaas.log_loss_accum(aiaas.log_loss_state,boolean,double precision) IS 'transition of aiaas_log_loss';
CREATE FUNCTION aiaas.log_loss_combine(state aiaas.log_loss_state, other aiaas.log_loss_state) RETURNS aiaas.log_loss_state
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_combine';
COMMENT ON FUNCTION aiaas.log_loss_combine(aiaas.log_loss_state,aiaas.log_loss_state) IS 'adds two states';
CREATE FUNCTION aiaas.log_loss_final(state aiaas.log_loss_state) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_final';
COMMENT ON FUNCTION aiaas.log_loss_final(aiaas.log_loss_state) IS 'mean log loss';

CREATE AGGREGATE @extschema@.aiaas_accuracy(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_accuracy(text,text) IS 'share of rows whose predicted label is the actual one';
CREATE AGGREGATE @extschema@.aiaas_precision(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(text,text) IS 'precision; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_precision(actual text, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(text,text,text) IS 'precision of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_recall(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(text,text) IS 'recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_recall(actual text, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(text,text,text) IS 'recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_f1(actual text, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(text,text) IS 'F1, the harmonic mean of precision and recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_f1(actual text, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(text,text,text) IS 'F1, the harmonic mean of precision and recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_accuracy(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_accuracy(anyelement,text) IS 'share of rows whose predicted label is the actual one';
CREATE AGGREGATE @extschema@.aiaas_precision(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(anyelement,text) IS 'precision; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_precision(actual anyelement, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(anyelement,text,text) IS 'precision of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_recall(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(anyelement,text) IS 'recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_recall(actual anyelement, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(anyelement,text,text) IS 'recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_f1(actual anyelement, predicted text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(anyelement,text) IS 'F1, the harmonic mean of precision and recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_f1(actual anyelement, predicted text, label text) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(anyelement,text,text) IS 'F1, the harmonic mean of precision and recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_accuracy(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_accuracy,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_accuracy(anycompatible,anycompatible) IS 'share of rows whose predicted label is the actual one';
CREATE AGGREGATE @extschema@.aiaas_precision(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(anycompatible,anycompatible) IS 'precision; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_precision(actual anycompatible, predicted anycompatible, label anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_precision_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_precision(anycompatible,anycompatible,anycompatible) IS 'precision of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_recall(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(anycompatible,anycompatible) IS 'recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_recall(actual anycompatible, predicted anycompatible, label anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_recall_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_recall(anycompatible,anycompatible,anycompatible) IS 'recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_f1(actual anycompatible, predicted anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(anycompatible,anycompatible) IS 'F1, the harmonic mean of precision and recall; mean over labels (macro)';
CREATE AGGREGATE @extschema@.aiaas_f1(actual anycompatible, predicted anycompatible, label anycompatible) (
	SFUNC = aiaas.confusion_accum, STYPE = aiaas.confusion_state, FINALFUNC = aiaas.confusion_f1_label,
	COMBINEFUNC = aiaas.confusion_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_f1(anycompatible,anycompatible,anycompatible) IS 'F1, the harmonic mean of precision and recall of one label; NULL if it never occurs';
CREATE AGGREGATE @extschema@.aiaas_roc_auc(actual boolean, score double precision) (
	SFUNC = aiaas.auc_accum, STYPE = aiaas.auc_state, FINALFUNC = aiaas.auc_final,
	COMBINEFUNC = aiaas.auc_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_roc_auc(boolean,double precision) IS 'area under the ROC curve of a score that should be higher where actual is true; exact up to 65,536 distinct scores';
CREATE AGGREGATE @extschema@.aiaas_log_loss(actual boolean, probability double precision) (
	SFUNC = aiaas.log_loss_accum, STYPE = aiaas.log_loss_state, FINALFUNC = aiaas.log_loss_final,
	COMBINEFUNC = aiaas.log_loss_combine, PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.aiaas_log_loss(boolean,double precision) IS 'mean log loss of the probability that actual is true';

-- == the default model ==
