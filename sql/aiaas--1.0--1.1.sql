/* aiaas 1.0 -> 1.1; CREATE EXTENSION runs it behind aiaas--1.0.sql, so that a fresh install and an upgraded one are equal */
-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION aiaas UPDATE" to load this file. \quit

-- An ordinary role may run this script as the owner of a trusted extension: every name is
-- qualified or found in pg_catalog, and bodies are parsed now (BEGIN ATOMIC), not at each call.
SET LOCAL search_path = pg_catalog, pg_temp;

/* ---------- inference on rows of tables: predict, and more forms of input ---------- */

/* ---------- what a model has learnt ---------- */

/* ---------- judging ---------- */

/* ---------- regression as an aggregate ---------- */
