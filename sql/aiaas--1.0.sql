/* aiaas--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION aiaas" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA aiaas;
COMMENT ON SCHEMA aiaas IS 'what the functions aiaas_* stand on: views, types, the default model';
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

CREATE FUNCTION aiaas.guard()
RETURNS trigger
AS 'MODULE_PATHNAME', 'aiaas_guard'
LANGUAGE C;
COMMENT ON FUNCTION aiaas.guard()
	IS 'trigger on models: versions never change once written';

CREATE FUNCTION @extschema@.aiaas_create_model(model text)
RETURNS regclass
AS 'MODULE_PATHNAME', 'aiaas_create_model'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.aiaas_create_model(text)
	IS 'make a model without versions: a table of type aiaas.model';

CREATE FUNCTION @extschema@.aiaas_deploy(model regclass, version integer)
RETURNS integer
AS 'MODULE_PATHNAME', 'aiaas_deploy'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.aiaas_deploy(regclass, integer)
	IS 'make a version of a model the live one';

CREATE FUNCTION @extschema@.aiaas_rollback(model regclass)
RETURNS integer
AS 'MODULE_PATHNAME', 'aiaas_rollback'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.aiaas_rollback(regclass)
	IS 'make the version live that was live before, and return its number';

CREATE FUNCTION @extschema@.aiaas_drop_version(model regclass, version integer)
RETURNS void
AS 'MODULE_PATHNAME', 'aiaas_drop_version'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.aiaas_drop_version(regclass, integer)
	IS 'delete a version that is not live; its number is never used again';

CREATE FUNCTION @extschema@.aiaas_versions(model regclass)
RETURNS TABLE (
	version integer,
	live boolean,
	task text,
	algorithm text,
	rows bigint,
	metric text,
	score double precision,
	size bigint,
	digest text,
	created_at timestamptz,
	created_by text,
	deployed_at timestamptz,
	deployed_by text)
AS 'MODULE_PATHNAME', 'aiaas_versions'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION @extschema@.aiaas_versions(regclass)
	IS 'versions of a model: which is live, how they were made, how good they are on held-out rows';

CREATE FUNCTION @extschema@.aiaas_export(model regclass, version integer DEFAULT NULL)
RETURNS TABLE (
	chunk integer,
	data bytea)
AS 'MODULE_PATHNAME', 'aiaas_export'
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION @extschema@.aiaas_export(regclass, integer)
	IS 'a version (default: the live one) as a safetensors file, in pieces to be joined by chunk';

CREATE FUNCTION @extschema@.aiaas_import(
	model text,
	data bytea,
	options jsonb DEFAULT '{}',
	OUT model regclass,
	OUT version integer,
	OUT live boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'aiaas_import'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.aiaas_import(text, bytea, jsonb)
	IS 'store a file that aiaas_export gave as a new version, making the model if there is none';

CREATE FUNCTION @extschema@.aiaas_kernels()
RETURNS TABLE (
	level text,
	supported boolean,
	fastest boolean,
	in_use boolean,
	cpu text)
AS 'MODULE_PATHNAME', 'aiaas_kernels'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 3;
COMMENT ON FUNCTION @extschema@.aiaas_kernels()
	IS 'kernels for CPU levels: which this CPU can run, which is fast on it, which aiaas.kernel chose';

CREATE FUNCTION aiaas.progress()
RETURNS TABLE (
	pid integer,
	datid oid,
	userid oid,
	model text,
	phase text,
	rows bigint,
	epoch integer,
	loss double precision,
	started timestamptz)
AS 'MODULE_PATHNAME', 'aiaas_progress'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION aiaas.progress()
	IS 'trainings that run now, in all databases; see the view aiaas.training_progress';

CREATE FUNCTION aiaas.describe_model(model oid)
RETURNS TABLE (
	task text,
	algorithm text,
	live_version integer,
	versions integer,
	rows bigint,
	metric text,
	score double precision,
	size bigint,
	trained_at timestamptz,
	deployed_at timestamptz)
AS 'MODULE_PATHNAME', 'aiaas_describe_model'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION aiaas.describe_model(oid)
	IS 'what a model says of its live version; no row if it is no model or may not be used';

-- tables of the type, and tables of just these columns, as a copy is
CREATE VIEW aiaas.models AS
SELECT c.oid::pg_catalog.regclass AS model,
	pg_catalog.pg_get_userbyid(c.relowner) AS owner,
	d.task,
	d.algorithm,
	d.live_version,
	d.versions,
	d.rows,
	d.metric,
	d.score,
	d.size,
	d.trained_at,
	d.deployed_at,
	pg_catalog.obj_description(c.oid, 'pg_class') AS comment
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL aiaas.describe_model(c.oid) d
WHERE c.relkind OPERATOR(pg_catalog.=) 'r'
AND (c.reloftype OPERATOR(pg_catalog.=) 'aiaas.model'::pg_catalog.regtype
	OR (c.reloftype OPERATOR(pg_catalog.=) 0::pg_catalog.oid
		AND c.relnatts OPERATOR(pg_catalog.=) 4::pg_catalog.int2));
COMMENT ON VIEW aiaas.models
	IS 'models that you may use: live version, score on held-out rows, size in bytes';
GRANT SELECT ON aiaas.models TO PUBLIC;

-- for the scripts of the extension, which bring the default model
CREATE FUNCTION aiaas.install_version(model text, data bytea, manifest jsonb)
RETURNS integer
AS 'MODULE_PATHNAME', 'aiaas_install_version'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION aiaas.install_version(text, bytea, jsonb)
	IS 'internal: store and deploy a version of a model that belongs to the extension';
REVOKE EXECUTE ON FUNCTION aiaas.install_version(text, bytea, jsonb) FROM PUBLIC;

-- == serve: classify, score, explain (fn_infer.c, residency.c) ==

--
-- COST 200 is half a cost unit a row: more than the tenth that a parallel
-- plan charges for handing a row to the leader, so that workers are worth it
-- even where every row is returned; and JIT, which finds nothing to compile
-- here, stays out of queries over fewer than some 200,000 rows.
--
-- The forms with a version always give the same answer, hence IMMUTABLE.
-- Where label stands, NULL means the predicted label, so these are not STRICT;
-- NULL for another argument gives NULL (or no rows) there, too.
--

CREATE FUNCTION @extschema@.aiaas_classify(input text)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(text)
	IS 'label of a text, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_classify(input text[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_classify_array'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(text[])
	IS 'labels of an array of texts, as one batch, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input text)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, text)
	IS 'label of a text, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input text[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_classify_array'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, text[])
	IS 'labels of an array of texts, as one batch, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, input record)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_record'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, record)
	IS 'label of a row, whose columns are matched by name, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input text)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, text)
	IS 'label of a text, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input text[])
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_classify_array'
LANGUAGE C IMMUTABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, text[])
	IS 'labels of an array of texts, as one batch, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_classify(model regclass, version integer, input record)
RETURNS text
AS 'MODULE_PATHNAME', 'aiaas_classify_record'
LANGUAGE C IMMUTABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_classify(regclass, integer, record)
	IS 'label of a row, whose columns are matched by name, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(input text)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(text)
	IS 'probability of the predicted label of a text, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_score(input text[])
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_score_array'
LANGUAGE C STABLE STRICT COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(text[])
	IS 'probability of the predicted label of each of an array of texts, as one batch, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input text, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, text, text)
	IS 'probability of a label (default: the predicted one) for a text, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input text[], label text DEFAULT NULL)
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_score_array'
LANGUAGE C STABLE COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, text[], text)
	IS 'probability of a label (default: the predicted one) for each of an array of texts, as one batch, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, input record, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_record'
LANGUAGE C STABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, record, text)
	IS 'probability of a label (default: the predicted one) for a row, whose columns are matched by name, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input text, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score'
LANGUAGE C IMMUTABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, text, text)
	IS 'probability of a label (default: the predicted one) for a text, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input text[], label text DEFAULT NULL)
RETURNS double precision[]
AS 'MODULE_PATHNAME', 'aiaas_score_array'
LANGUAGE C IMMUTABLE COST 2000 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, text[], text)
	IS 'probability of a label (default: the predicted one) for each of an array of texts, as one batch, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_score(model regclass, version integer, input record, label text DEFAULT NULL)
RETURNS double precision
AS 'MODULE_PATHNAME', 'aiaas_score_record'
LANGUAGE C IMMUTABLE COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_score(regclass, integer, record, text)
	IS 'probability of a label (default: the predicted one) for a row, whose columns are matched by name, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(input text)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(text)
	IS 'all labels with their probabilities, highest first, for a text, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input text)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, text)
	IS 'all labels with their probabilities, highest first, for a text, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, input record)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_record'
LANGUAGE C STABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, record)
	IS 'all labels with their probabilities, highest first, for a row, whose columns are matched by name, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input text)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores'
LANGUAGE C IMMUTABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, text)
	IS 'all labels with their probabilities, highest first, for a text, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_scores(model regclass, version integer, input record)
RETURNS TABLE (label text, score double precision)
AS 'MODULE_PATHNAME', 'aiaas_scores_record'
LANGUAGE C IMMUTABLE STRICT COST 200 ROWS 10 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_scores(regclass, integer, record)
	IS 'all labels with their probabilities, highest first, for a row, whose columns are matched by name, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(input text)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain'
LANGUAGE C STABLE STRICT COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(text)
	IS 'what each word adds to the predicted label''s score, in logits, for a text, by the model that aiaas.default_model names';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input text, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain'
LANGUAGE C STABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, text, text)
	IS 'what each word adds to a label''s score (default: the predicted one), in logits, for a text, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, input record, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_record'
LANGUAGE C STABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, record, text)
	IS 'what each word adds to a label''s score (default: the predicted one), in logits, for a row, whose columns are matched by name, by the live version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input text, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain'
LANGUAGE C IMMUTABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, text, text)
	IS 'what each word adds to a label''s score (default: the predicted one), in logits, for a text, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_explain(model regclass, version integer, input record, label text DEFAULT NULL)
RETURNS TABLE (feature text, contribution double precision)
AS 'MODULE_PATHNAME', 'aiaas_explain_record'
LANGUAGE C IMMUTABLE COST 500 ROWS 50 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_explain(regclass, integer, record, text)
	IS 'what each word adds to a label''s score (default: the predicted one), in logits, for a row, whose columns are matched by name, by one version of a model';

CREATE FUNCTION @extschema@.aiaas_tokenize(model regclass, input text)
RETURNS text[]
AS 'MODULE_PATHNAME', 'aiaas_tokenize'
LANGUAGE C STABLE STRICT COST 200 PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.aiaas_tokenize(regclass, text)
	IS 'the words of a text as a model sees them';

--
-- What is in shared memory
--

CREATE FUNCTION @extschema@.aiaas_unload(model regclass)
RETURNS integer
AS 'MODULE_PATHNAME', 'aiaas_unload'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.aiaas_unload(regclass)
	IS 'free the memory of a model''s versions that are not in use now (owner only); returns how many';

CREATE FUNCTION aiaas.shared_images()
RETURNS TABLE (
	database name,
	model regclass,
	version integer,
	digest text,
	bytes bigint,
	pins integer,
	hits bigint,
	loads bigint,
	loaded_at timestamp with time zone,
	last_used timestamp with time zone)
AS 'MODULE_PATHNAME', 'aiaas_shared_images'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION aiaas.shared_images()
	IS 'rows of the view aiaas.shared_models';

CREATE VIEW aiaas.shared_models AS
	SELECT s.database, s.model, s.version, s.digest, s.bytes, s.pins, s.hits, s.loads,
		   s.loaded_at, s.last_used
	FROM aiaas.shared_images() AS s;
COMMENT ON VIEW aiaas.shared_models
	IS 'model versions in the shared arena: one copy for all sessions of the server, and for all versions with the same digest';
GRANT SELECT ON aiaas.shared_models TO PUBLIC;

-- == train (fn_train.c) ==

CREATE FUNCTION @extschema@.aiaas_train(
	source text,
	target text DEFAULT NULL,
	model text DEFAULT NULL,
	features text[] DEFAULT NULL,
	algorithm text DEFAULT 'auto',
	options jsonb DEFAULT '{}',
	OUT model regclass,
	OUT version integer,
	OUT task text,
	OUT algorithm text,
	OUT rows bigint,
	OUT metrics jsonb,
	OUT duration interval)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'aiaas_train';
COMMENT ON FUNCTION @extschema@.aiaas_train(text, text, text, text[], text, jsonb) IS
	'train a new version of a model on a table, view or query; what is NULL is inferred where it is obvious';

CREATE FUNCTION @extschema@.aiaas_retrain(
	model regclass,
	OUT model regclass,
	OUT version integer,
	OUT task text,
	OUT algorithm text,
	OUT rows bigint,
	OUT metrics jsonb,
	OUT duration interval)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'aiaas_retrain';
COMMENT ON FUNCTION @extschema@.aiaas_retrain(regclass) IS
	'train a new version like the live one on its source as it is now, which is read as the owner of the model';

CREATE FUNCTION @extschema@.aiaas_training_info(model regclass, version integer DEFAULT NULL)
	RETURNS TABLE (item text, value text)
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED ROWS 50 COST 1000
	AS 'MODULE_PATHNAME', 'aiaas_training_info';
COMMENT ON FUNCTION @extschema@.aiaas_training_info(regclass, integer) IS
	'how a version (default: the live one) was trained: recipe, rows, loss per epoch, metrics';

CREATE VIEW aiaas.training_progress AS
	SELECT p.pid, d.datname AS database, r.rolname AS "user", p.model, p.phase, p.rows, p.epoch, p.loss,
		   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.started AS elapsed
	FROM aiaas.progress() AS p
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) p.datid
	LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) p.userid;
COMMENT ON VIEW aiaas.training_progress IS
	'trainings that run now: phase, rows and epoch, loss; of other users only who';
GRANT SELECT ON aiaas.training_progress TO PUBLIC;

-- == judge: evaluate, confusion matrix, metric aggregates (fn_evaluate.c, aggregate.c) ==

CREATE FUNCTION @extschema@.aiaas_evaluate(model regclass, source text DEFAULT NULL)
	RETURNS TABLE (metric text, value double precision)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10 COST 100000
	AS 'MODULE_PATHNAME', 'aiaas_evaluate';
COMMENT ON FUNCTION @extschema@.aiaas_evaluate(regclass, text) IS
	'how good the live version is: on the rows that training held out, or on a table, view or query';

CREATE FUNCTION @extschema@.aiaas_confusion_matrix(model regclass, source text DEFAULT NULL)
	RETURNS TABLE (actual text, predicted text, count bigint)
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 100 COST 100000
	AS 'MODULE_PATHNAME', 'aiaas_confusion_matrix';
COMMENT ON FUNCTION @extschema@.aiaas_confusion_matrix(regclass, text) IS
	'rows by actual and predicted label, zeros left out: of the rows that training held out, or of a table, view or query';

--
-- States of the metric aggregates: types of their own, so that they can be
-- combined across workers and nodes but not forged
--

CREATE TYPE aiaas.confusion_state;

CREATE FUNCTION aiaas.confusion_in(state cstring) RETURNS aiaas.confusion_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_in';
COMMENT ON FUNCTION aiaas.confusion_in(cstring) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_out(state aiaas.confusion_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_out';
COMMENT ON FUNCTION aiaas.confusion_out(aiaas.confusion_state) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_recv(state internal) RETURNS aiaas.confusion_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recv';
COMMENT ON FUNCTION aiaas.confusion_recv(internal) IS 'I/O of aiaas.confusion_state';
CREATE FUNCTION aiaas.confusion_send(state aiaas.confusion_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_send';
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

CREATE FUNCTION aiaas.auc_in(state cstring) RETURNS aiaas.auc_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_in';
COMMENT ON FUNCTION aiaas.auc_in(cstring) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_out(state aiaas.auc_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_out';
COMMENT ON FUNCTION aiaas.auc_out(aiaas.auc_state) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_recv(state internal) RETURNS aiaas.auc_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_recv';
COMMENT ON FUNCTION aiaas.auc_recv(internal) IS 'I/O of aiaas.auc_state';
CREATE FUNCTION aiaas.auc_send(state aiaas.auc_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_send';
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

CREATE FUNCTION aiaas.log_loss_in(state cstring) RETURNS aiaas.log_loss_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_in';
COMMENT ON FUNCTION aiaas.log_loss_in(cstring) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_out(state aiaas.log_loss_state) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_out';
COMMENT ON FUNCTION aiaas.log_loss_out(aiaas.log_loss_state) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_recv(state internal) RETURNS aiaas.log_loss_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_recv';
COMMENT ON FUNCTION aiaas.log_loss_recv(internal) IS 'I/O of aiaas.log_loss_state';
CREATE FUNCTION aiaas.log_loss_send(state aiaas.log_loss_state) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_send';
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

-- labels of other types than text are compared as their output functions, which are STABLE, write them
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual text, predicted text) RETURNS aiaas.confusion_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,text,text) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual text, predicted text, label text) RETURNS aiaas.confusion_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,text,text,text) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anyelement, predicted text) RETURNS aiaas.confusion_state
	LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anyelement,text) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anyelement, predicted text, label text) RETURNS aiaas.confusion_state
	LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anyelement,text,text) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anycompatible, predicted anycompatible) RETURNS aiaas.confusion_state
	LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anycompatible,anycompatible) IS 'transition of the metric aggregates';
CREATE FUNCTION aiaas.confusion_accum(state aiaas.confusion_state, actual anycompatible, predicted anycompatible, label anycompatible) RETURNS aiaas.confusion_state
	LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accum';
COMMENT ON FUNCTION aiaas.confusion_accum(aiaas.confusion_state,anycompatible,anycompatible,anycompatible) IS 'transition of the metric aggregates of one label';
CREATE FUNCTION aiaas.confusion_combine(state aiaas.confusion_state, other aiaas.confusion_state) RETURNS aiaas.confusion_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_combine';
COMMENT ON FUNCTION aiaas.confusion_combine(aiaas.confusion_state,aiaas.confusion_state) IS 'adds two states';
CREATE FUNCTION aiaas.confusion_accuracy(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_accuracy';
COMMENT ON FUNCTION aiaas.confusion_accuracy(aiaas.confusion_state) IS 'share of rows predicted rightly';
CREATE FUNCTION aiaas.confusion_precision(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_precision';
COMMENT ON FUNCTION aiaas.confusion_precision(aiaas.confusion_state) IS 'precision, mean over labels';
CREATE FUNCTION aiaas.confusion_recall(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recall';
COMMENT ON FUNCTION aiaas.confusion_recall(aiaas.confusion_state) IS 'recall, mean over labels';
CREATE FUNCTION aiaas.confusion_f1(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_f1';
COMMENT ON FUNCTION aiaas.confusion_f1(aiaas.confusion_state) IS 'F1, mean over labels';
CREATE FUNCTION aiaas.confusion_precision_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_precision_label';
COMMENT ON FUNCTION aiaas.confusion_precision_label(aiaas.confusion_state) IS 'precision of the label';
CREATE FUNCTION aiaas.confusion_recall_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_recall_label';
COMMENT ON FUNCTION aiaas.confusion_recall_label(aiaas.confusion_state) IS 'recall of the label';
CREATE FUNCTION aiaas.confusion_f1_label(state aiaas.confusion_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_confusion_f1_label';
COMMENT ON FUNCTION aiaas.confusion_f1_label(aiaas.confusion_state) IS 'F1 of the label';
CREATE FUNCTION aiaas.auc_accum(state aiaas.auc_state, actual boolean, score double precision) RETURNS aiaas.auc_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_accum';
COMMENT ON FUNCTION aiaas.auc_accum(aiaas.auc_state,boolean,double precision) IS 'transition of aiaas_roc_auc';
CREATE FUNCTION aiaas.auc_combine(state aiaas.auc_state, other aiaas.auc_state) RETURNS aiaas.auc_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_combine';
COMMENT ON FUNCTION aiaas.auc_combine(aiaas.auc_state,aiaas.auc_state) IS 'adds two states';
CREATE FUNCTION aiaas.auc_final(state aiaas.auc_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_auc_final';
COMMENT ON FUNCTION aiaas.auc_final(aiaas.auc_state) IS 'area under the ROC curve';
CREATE FUNCTION aiaas.log_loss_accum(state aiaas.log_loss_state, actual boolean, probability double precision) RETURNS aiaas.log_loss_state
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_accum';
COMMENT ON FUNCTION aiaas.log_loss_accum(aiaas.log_loss_state,boolean,double precision) IS 'transition of aiaas_log_loss';
CREATE FUNCTION aiaas.log_loss_combine(state aiaas.log_loss_state, other aiaas.log_loss_state) RETURNS aiaas.log_loss_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_combine';
COMMENT ON FUNCTION aiaas.log_loss_combine(aiaas.log_loss_state,aiaas.log_loss_state) IS 'adds two states';
CREATE FUNCTION aiaas.log_loss_final(state aiaas.log_loss_state) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'aiaas_log_loss_final';
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
