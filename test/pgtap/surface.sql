--
-- The SQL surface as a whole: what is told of every function, and how it is marked.
--

CREATE TEMP VIEW functions AS
SELECT p.* FROM pg_proc p
WHERE (p.oid, 'pg_proc'::regclass) IN (
	SELECT objid, classid FROM pg_depend
	WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aiaas'));

CREATE TEMP VIEW relations AS
SELECT c.* FROM pg_class c
WHERE (c.oid, 'pg_class'::regclass) IN (
	SELECT objid, classid FROM pg_depend
	WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aiaas'));

SELECT plan(12);

SELECT set_has('SELECT proname::text FROM functions',
	$$ VALUES ('aiaas_train'), ('aiaas_retrain'), ('aiaas_training_info'), ('aiaas_create_model'), ('aiaas_deploy'),
	('aiaas_rollback'), ('aiaas_drop_version'), ('aiaas_versions'), ('aiaas_export'), ('aiaas_import'), ('aiaas_kernels'),
	('aiaas_unload'), ('aiaas_classify'), ('aiaas_score'), ('aiaas_scores'), ('aiaas_explain'), ('aiaas_tokenize'),
	('aiaas_evaluate'), ('aiaas_confusion_matrix'), ('aiaas_accuracy'), ('aiaas_precision'), ('aiaas_recall'),
	('aiaas_f1'), ('aiaas_roc_auc'), ('aiaas_log_loss') $$,
	'the functions are there');

SELECT set_eq('SELECT relname::text FROM relations WHERE relkind = ''v''',
	ARRAY['models', 'shared_models', 'training_progress'], 'and the views');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname LIKE 'aiaas\_%' AND obj_description(oid, 'pg_proc') IS NULL $$,
	'every function has a comment');

SELECT is_empty($$ SELECT oid::regclass FROM relations WHERE relkind = 'v' AND obj_description(oid, 'pg_class') IS NULL $$,
	'every view has a comment');

SELECT is_empty($$ SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'aiaas'
	AND typrelid = 0 AND typelem = 0 AND obj_description(t.oid, 'pg_type') IS NULL $$,
	'every type has a comment');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname LIKE 'aiaas\_%' AND pronargs > 0
	AND (proargnames IS NULL OR '' = ANY (proargnames)) $$,
	'every argument has a name');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions f WHERE proname LIKE 'aiaas\_%'
	AND pronamespace <> (SELECT extnamespace FROM pg_extension WHERE extname = 'aiaas') $$,
	'functions for users live in the schema of the extension');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions
	WHERE proname IN ('aiaas_classify', 'aiaas_score', 'aiaas_scores', 'aiaas_explain')
	AND provolatile <> CASE WHEN proargnames[2] = 'version' THEN 'i' ELSE 's' END::"char" $$,
	'inference is stable, and immutable where the version is named');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions
	WHERE proname IN ('aiaas_classify', 'aiaas_score', 'aiaas_scores', 'aiaas_explain', 'aiaas_tokenize') AND proparallel <> 's' $$,
	'inference is parallel safe');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions
	WHERE proname IN ('aiaas_train', 'aiaas_retrain', 'aiaas_create_model', 'aiaas_deploy', 'aiaas_rollback', 'aiaas_drop_version', 'aiaas_import')
	AND (provolatile <> 'v' OR proparallel <> 'u') $$,
	'what writes is volatile and parallel unsafe');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE prosecdef $$,
	'nothing runs with its owner''s rights');

SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname LIKE 'aiaas\_%' AND NOT has_function_privilege('public', oid, 'EXECUTE') $$,
	'everybody may call the functions');

SELECT * FROM finish();
