/* aiaas 1.0 -> 1.1; CREATE EXTENSION runs it behind aiaas--1.0.sql, so that a fresh install and an upgraded one are equal */
-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION aiaas UPDATE" to load this file. \quit

-- An ordinary role may run this script as the owner of a trusted extension: every name is
-- qualified or found in pg_catalog, and bodies are parsed now (BEGIN ATOMIC), not at each call.
SET LOCAL search_path = pg_catalog, pg_temp;

/* ---------- inference on rows of tables: predict, and more forms of input ---------- */

/* ---------- what a model has learnt ---------- */

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
