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

-- == the default model ==
