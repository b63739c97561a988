--
-- The SQL surface as a whole: what is there, what is told of it, how it is marked, who may use it.
--

-- What the extension owns; pg_depend knows.
CREATE FUNCTION pg_temp.members(class regclass) RETURNS SETOF oid
BEGIN ATOMIC
	SELECT d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = class AND e.extname = 'aiaas';
END;

CREATE TEMP VIEW functions AS
SELECT p.*, p.pronamespace = 'aiaas'::regnamespace AS internal,
	provolatile::text || proparallel::text || CASE WHEN proisstrict THEN 's' ELSE '-' END AS marks,
	-- forms that name a version are functions of their arguments
	coalesce('version' = ANY (proargnames[1:pronargs]), false) AS pinned
FROM pg_proc p WHERE p.oid IN (SELECT pg_temp.members('pg_proc'));

CREATE TEMP VIEW relations AS
SELECT c.* FROM pg_class c WHERE c.oid IN (SELECT pg_temp.members('pg_class'));

-- The contract: names, arguments, results.  Marks: volatility (i, s, v), parallel (s, r, u), strict.
CREATE TEMP TABLE contract (name text, arguments text, result text, marks text);
INSERT INTO contract VALUES
	('create_model', 'model text', 'regclass', 'vus'),
	('deploy', 'model regclass, version integer', 'integer', 'vus'),
	('rollback', 'model regclass', 'integer', 'vus'),
	('drop_version', 'model regclass, version integer', 'void', 'vus'),
	('unload', 'model regclass', 'integer', 'vus'),
	('versions', 'model regclass', 'TABLE(version integer, live boolean, task text, algorithm text, rows bigint, metric text,'
		' score double precision, size bigint, digest text, created_at timestamp with time zone, created_by text,'
		' deployed_at timestamp with time zone, deployed_by text)', 'srs'),
	('export', 'model regclass, version integer', 'TABLE(chunk integer, data bytea)', 'sr-'),
	('import', 'model text, data bytea, options jsonb, OUT model regclass, OUT version integer, OUT live boolean', 'record', 'vus'),
	('train', 'source text, target text, model text, features text[], algorithm text, options jsonb, OUT model regclass,'
		' OUT version integer, OUT task text, OUT algorithm text, OUT rows bigint, OUT metrics jsonb, OUT duration interval',
		'record', 'vu-'),
	('retrain', 'model regclass, OUT model regclass, OUT version integer, OUT task text, OUT algorithm text, OUT rows bigint,'
		' OUT metrics jsonb, OUT duration interval', 'record', 'vus'),
	('training_info', 'model regclass, version integer', 'TABLE(item text, value text)', 'sr-'),
	('evaluate', 'model regclass, source text', 'TABLE(metric text, value double precision)', 'vu-'),
	('confusion_matrix', 'model regclass, source text', 'TABLE(actual text, predicted text, count bigint)', 'vu-'),
	('cross_validate', 'source text, target text, algorithm text, folds integer, options jsonb, features text[]',
		'TABLE(fold integer, metric text, value double precision)', 'vu-'),
	('roc_curve', 'model regclass, source text', 'TABLE(threshold double precision, false_positive_rate double precision,'
		' true_positive_rate double precision)', 'vu-'),
	('pr_curve', 'model regclass, source text', 'TABLE(threshold double precision, recall double precision, "precision" double precision)', 'vu-'),
	('tokenize', 'model regclass, input text', 'text[]', 'sss'),
	('coefficients', 'model regclass, version integer', 'TABLE(label text, term text, estimate double precision, std_error double precision,'
		' statistic double precision, p_value double precision, conf_low double precision, conf_high double precision)', 'sr-'),
	('network_spec', 'model regclass, version integer', 'jsonb', 'sr-'),
	('summary', 'model regclass, version integer', 'TABLE(layer text, type text, output_shape text, parameters bigint, flop double precision)', 'sr-'),
	('vocabulary', 'model regclass, version integer', 'TABLE(number integer, word text)', 'sr-'),
	('history', 'model regclass, version integer', 'TABLE(epoch integer, step bigint, learning_rate double precision, seconds double precision,'
		' metric text, train double precision, validation double precision)', 'sr-'),
	('kernels', '', 'TABLE(level text, supported boolean, fastest boolean, in_use boolean, cpu text)', 'srs');

-- Inference: of the default model, of the live version, of a version; a label is NULL for the predicted one.
INSERT INTO contract
SELECT f.name, form.arguments || 'input ' || input || CASE WHEN f.labelled AND form.named THEN ', label text' ELSE '' END,
	CASE WHEN input IN ('text[]', 'bytea[]') THEN f.result || '[]' ELSE f.result END,
	form.volatility || 's' || CASE WHEN f.labelled AND form.named THEN '-' ELSE 's' END
FROM (VALUES ('classify', 'text', false, true), ('score', 'double precision', true, true), ('predict', 'double precision', false, true),
		('scores', 'TABLE(label text, score double precision)', false, false),
		('explain', 'TABLE(feature text, contribution double precision)', true, false)) AS f (name, result, labelled, arrays),
	(VALUES ('', 's', false), ('model regclass, ', 's', true), ('model regclass, version integer, ', 'i', true))
		AS form (arguments, volatility, named),
	(VALUES ('text'), ('text[]'), ('record'), ('double precision[]'), ('jsonb'), ('json'), ('bytea'), ('bytea[]')) AS inputs (input)
WHERE (f.arrays OR input NOT IN ('text[]', 'bytea[]')) AND (form.named OR (input IN ('text', 'text[]') AND f.name <> 'predict'));

CREATE TEMP TABLE aggregates AS
SELECT a.name, format(arguments, VARIADIC types) AS arguments
FROM (VALUES ('accuracy', 'actual %s, predicted %s'), ('balanced_accuracy', 'actual %s, predicted %s'), ('mcc', 'actual %s, predicted %s'),
		('precision', 'actual %s, predicted %s'), ('recall', 'actual %s, predicted %s'),
		('f1', 'actual %s, predicted %s'), ('precision', 'actual %s, predicted %s, label %s'),
		('recall', 'actual %s, predicted %s, label %s'), ('f1', 'actual %s, predicted %s, label %s')) AS a (name, arguments),
	(VALUES ('{text,text,text}'::text[]), ('{anyelement,text,text}'), ('{anycompatible,anycompatible,anycompatible}')) AS t (types)
UNION ALL VALUES ('roc_auc', 'actual boolean, score double precision'), ('pr_auc', 'actual boolean, score double precision'),
	('log_loss', 'actual boolean, probability double precision'), ('brier', 'actual boolean, probability double precision')
UNION ALL VALUES ('linear_regression', 'y double precision, x double precision[]')
UNION ALL SELECT name, 'actual double precision, predicted double precision'
FROM unnest('{mse,rmse,mae,mape,r2,median_absolute_error}'::text[]) name;

SELECT plan(38);

-- what is there, and nothing else
SELECT set_eq($$ SELECT proname::text, regexp_replace(pg_get_function_arguments(oid), ' DEFAULT [^,]*', '', 'g'),
	pg_get_function_result(oid), marks FROM functions WHERE NOT internal AND prokind = 'f' $$,
	$$ SELECT 'aiaas_' || name, arguments, result, marks FROM contract $$,
	'functions, their arguments, results and marks');
SELECT set_eq($$ SELECT proname::text, pg_get_function_arguments(oid) FROM functions WHERE NOT internal AND prokind = 'a' $$,
	$$ SELECT 'aiaas_' || name, arguments FROM aggregates $$,
	'aggregates and their arguments');
SELECT set_eq($$ SELECT proname::text, pg_get_function_arguments(oid) FROM functions WHERE NOT internal AND prokind = 'p' $$,
	$$ VALUES ('aiaas_fit', 'IN source text, IN target text DEFAULT NULL::text, IN model text DEFAULT NULL::text, IN features text[] DEFAULT NULL::text[],'
		' IN algorithm text DEFAULT ''auto''::text, IN options jsonb DEFAULT ''{}''::jsonb, INOUT version integer DEFAULT NULL::integer') $$,
	'procedures, and their arguments with defaults');
SELECT set_eq($$ SELECT pg_get_function_arguments(oid) FROM functions WHERE proname = 'aiaas_train' $$,
	ARRAY['source text, target text DEFAULT NULL::text, model text DEFAULT NULL::text, features text[] DEFAULT NULL::text[],'
		' algorithm text DEFAULT ''auto''::text, options jsonb DEFAULT ''{}''::jsonb, OUT model regclass, OUT version integer,'
		' OUT task text, OUT algorithm text, OUT rows bigint, OUT metrics jsonb, OUT duration interval'],
	'defaults of aiaas_train');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE NOT internal
	AND pronargdefaults <> (SELECT count(*) FROM unnest(proargnames[1:pronargs]) AS a
		WHERE a = 'options' OR (a = 'label' AND prokind = 'f') OR (a = 'version' AND proname IN ('aiaas_fit', 'aiaas_export', 'aiaas_training_info', 'aiaas_coefficients', 'aiaas_network_spec', 'aiaas_summary',
			'aiaas_vocabulary', 'aiaas_history'))
		OR (a = 'source' AND proname NOT IN ('aiaas_train', 'aiaas_fit', 'aiaas_cross_validate'))
		OR (proname IN ('aiaas_train', 'aiaas_fit') AND a IN ('target', 'model', 'features', 'algorithm'))
		OR (proname = 'aiaas_cross_validate' AND a IN ('target', 'features', 'algorithm', 'folds'))) $$,
	'and of the others');
SELECT set_eq('SELECT relname::text FROM relations WHERE relkind = ''v''',
	ARRAY['models', 'shared_models', 'training_progress'], 'views');
SELECT columns_are('aiaas', 'models', ARRAY['model', 'owner', 'task', 'algorithm', 'live_version', 'versions', 'rows', 'metric',
	'score', 'size', 'trained_at', 'deployed_at', 'comment']);
SELECT columns_are('aiaas', 'shared_models', ARRAY['database', 'model', 'version', 'digest', 'bytes', 'pins', 'hits', 'loads',
	'loaded_at', 'last_used']);
SELECT columns_are('aiaas', 'training_progress', ARRAY['pid', 'database', 'user', 'model', 'phase', 'rows', 'epoch', 'loss', 'elapsed',
	'epochs', 'batch', 'batches', 'validation_metric', 'examples_per_second', 'time_left']);
SELECT set_eq($$ SELECT typname::text FROM pg_type WHERE oid IN (SELECT pg_temp.members('pg_type')) AND typelem = 0
	AND NOT EXISTS (SELECT FROM relations r WHERE r.oid = typrelid AND r.relkind <> 'c') $$,
	ARRAY['model', 'confusion_state', 'auc_state', 'log_loss_state', 'mean_state', 'regression_state', 'judgement_state', 'gram_state',
		'linear_regression'], 'types');
SELECT set_eq($$ SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'aiaas.model'::regclass AND attnum > 0 ORDER BY attnum $$,
	$$ VALUES ('version', 'integer'), ('chunk', 'integer'), ('manifest', 'jsonb'), ('data', 'bytea') $$,
	'a model has four columns');

-- what is told
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE obj_description(oid, 'pg_proc') IS NULL $$, 'every function has a comment');
SELECT is_empty($$ SELECT oid::regclass FROM relations WHERE relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL $$,
	'every view and table has a comment');
SELECT is_empty($$ SELECT oid::regtype FROM pg_type t WHERE oid IN (SELECT pg_temp.members('pg_type')) AND typelem = 0
	AND coalesce(obj_description(oid, 'pg_type'), obj_description(typrelid, 'pg_class')) IS NULL $$, 'every type has a comment');
SELECT isnt(obj_description('aiaas'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');
SELECT isnt((SELECT comment FROM pg_available_extensions WHERE name = 'aiaas'), NULL, 'the extension has a comment');
SELECT is_empty($$ SELECT oid::regprocedure, obj_description(oid, 'pg_proc') FROM functions
	WHERE obj_description(oid, 'pg_proc') ~ '\.$|^\s|[^ -~]' OR obj_description(oid, 'pg_proc') ~ '^[A-Z][a-z]' $$,
	'comments are phrases: no capital, no full stop');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE coalesce(array_length(proallargtypes, 1), pronargs) > 0
	AND (proargnames IS NULL OR '' = ANY (proargnames)) $$, 'every argument has a name');

-- where it is
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE internal = (proname ~ '^aiaas_') $$,
	'functions for users begin with aiaas_, those of the extension lie in its own schema');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE NOT internal
	AND pronamespace <> (SELECT extnamespace FROM pg_extension WHERE extname = 'aiaas') $$,
	'functions for users live in the schema of the extension');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE prokind = 'f' AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND prosqlbody IS NULL $$,
	'no function is text that a search_path could bend');

-- how it is marked
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname ~ '^aiaas_(classify|score|scores|explain)$'
	AND provolatile <> CASE WHEN pinned THEN 'i' ELSE 's' END::"char" $$,
	'inference is stable, and immutable where the version is named');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname ~ '^aiaas_(classify|score|scores|explain|tokenize)$' AND proparallel <> 's' $$,
	'inference is parallel safe');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proname ~ '^aiaas_(classify|score|explain)$' AND procost < 200 $$,
	'inference is dear enough for a parallel plan');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE provolatile = 'v' AND proparallel = 's' AND prokind = 'f' $$,
	'what is volatile stays out of workers');
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE proretset AND prorows < 1 $$, 'sets have an estimate');
SELECT is_empty($$ SELECT a.aggfnoid FROM pg_aggregate a JOIN functions f ON f.oid = a.aggfnoid JOIN pg_type t ON t.oid = a.aggtranstype
	WHERE f.proparallel <> 's' OR a.aggcombinefn = 0 OR t.typtype <> 'b' OR a.aggtranstype IN ('internal'::regtype, 'bytea'::regtype) $$,
	'aggregates are parallel safe, combine, and have a state that is a base type of its own');
SELECT is_empty($$ SELECT t.oid::regtype FROM pg_type t WHERE typname ~ '_state$' AND oid IN (SELECT pg_temp.members('pg_type'))
	-- that of many columns is larger than a page
	AND (typalign <> 'd' OR typstorage <> CASE typname WHEN 'gram_state' THEN 'x' ELSE 'p' END OR typreceive = 0 OR typsend = 0) $$, 'states are aligned and travel in binary');
SELECT is_empty($$ SELECT castsource::regtype, casttarget::regtype FROM pg_cast JOIN pg_type t ON t.oid IN (castsource, casttarget)
	WHERE t.oid IN (SELECT pg_temp.members('pg_type')) $$, 'nothing can be cast to a state or a model');

-- who may use it
SELECT is_empty($$ SELECT oid::regprocedure FROM functions WHERE prosecdef $$, 'nothing runs with its owner''s rights');
SELECT set_eq($$ SELECT oid::regprocedure::text FROM functions WHERE NOT has_function_privilege('public', oid, 'EXECUTE') $$,
	ARRAY['aiaas.install_version(text,bytea,jsonb)'], 'everybody may call everything but what installs models');
SELECT ok(has_schema_privilege('public', 'aiaas', 'USAGE') AND NOT has_schema_privilege('public', 'aiaas', 'CREATE'),
	'everybody may look into the schema, nobody may add to it');
SELECT is_empty($$ SELECT oid::regclass FROM relations WHERE relkind = 'v' AND NOT has_table_privilege('public', oid, 'SELECT')
	OR relkind IN ('r', 'v') AND has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE') $$,
	'everybody may read the views, nobody may write');
SELECT is_empty($$ SELECT attname FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid WHERE r.relname = 'sentiment' AND a.attnum > 0
	AND has_column_privilege('public', r.oid, a.attnum, 'SELECT') = (a.attname = 'data') $$,
	'everybody may use the default model, but not read its weights');

-- settings
SELECT set_eq($$ SELECT name, context, vartype, extra_desc <> '' FROM pg_settings WHERE name LIKE 'aiaas.%' AND short_desc ~ '^[A-Z].*\.$'
	ORDER BY name $$,
	$$ VALUES ('aiaas.default_model', 'user', 'string', true), ('aiaas.kernel', 'postmaster', 'enum', true),
	('aiaas.private_memory', 'user', 'integer', true), ('aiaas.shared_memory', 'postmaster', 'integer', true) $$,
	'settings, each with a description');

-- the README
\set readme `cat README.md`
CREATE TEMP TABLE readme AS SELECT :'readme'::text AS readme;
SELECT is_empty($$ SELECT DISTINCT proname FROM functions, readme WHERE NOT internal AND readme !~ ('\m' || proname || '\M')
	UNION ALL SELECT 'aiaas.' || relname FROM relations, readme WHERE relkind IN ('r', 'v') AND readme !~ ('\maiaas\.' || relname || '\M')
	UNION ALL SELECT name FROM pg_settings, readme WHERE name LIKE 'aiaas.%' AND strpos(readme, '`' || name || '`') = 0 $$,
	'the README names every function, relation and setting');
SELECT is_empty($$ SELECT m[1] FROM readme, regexp_matches(readme, '\m(aiaas_\w+)', 'g') AS m
	EXCEPT SELECT proname::text FROM functions
	EXCEPT SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'aiaas.sentiment'::regclass $$,
	'and no function that there is not');
SELECT set_eq($$ SELECT m[1] AS name, m[2] AS value FROM readme, regexp_matches(readme, '^\| `(aiaas\.[a-z_]+)` \| `([^`]+)` \|', 'gn') AS m $$,
	$$ SELECT name, CASE WHEN unit IS NULL THEN boot_val ELSE replace(pg_size_pretty(pg_size_bytes(boot_val || ' ' || unit)), ' ', '') END
	FROM pg_settings WHERE name LIKE 'aiaas.%' $$, 'its defaults of settings are right');

SELECT * FROM finish();
