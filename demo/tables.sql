-- The second act: numbers and categories instead of texts.  How large is a package once it is installed?

\set ECHO none
CREATE TABLE sizes (name text, section text, priority text, architecture text, multi_arch text,
	dependencies integer, size bigint, installed bigint);
\copy sizes FROM PROGRAM 'apt-cache dumpavail | awk -f demo/sizes.awk'
VACUUM ANALYZE sizes;
-- sizes differ by powers of ten, so their logarithms are what is learnt from and predicted
CREATE VIEW package_sizes AS
SELECT name, section, priority, architecture, multi_arch, dependencies,
	log(size) AS log_size, log(installed) AS log_installed
FROM sizes WHERE size > 0 AND installed > 0;
\echo
\echo '== 7. Numbers and categories: how large is a package once it is installed?'
\echo
\set ECHO queries

SELECT name, section, architecture, dependencies, size, installed FROM sizes
WHERE name IN ('0ad', 'mutt', 'postgresql-15', 'zsh');

\timing on
SELECT model, task, algorithm, rows, duration
FROM aiaas_train('package_sizes', 'log_installed', model => 'installed_size',
	features => '{section, priority, architecture, multi_arch, dependencies, log_size}');
\timing off

SELECT metric, round(value::numeric, 3) AS value FROM aiaas_evaluate('installed_size');

-- sections that unpack to more, or less, than others of the same download size
SELECT term, round((10 ^ estimate)::numeric, 2) AS factor, p_value < 0.001 AS certain
FROM aiaas_coefficients('installed_size')
WHERE term LIKE 'section%' ORDER BY estimate DESC LIMIT 5;

-- what the size of one package comes from
SELECT e.feature, round(e.contribution::numeric, 2) AS contribution
FROM package_sizes p, aiaas_explain('installed_size', p) e
WHERE p.name = 'fonts-noto-cjk' ORDER BY abs(e.contribution) DESC LIMIT 5;

-- packages that are far larger than predicted
SELECT s.name, s.section, pg_size_pretty(s.size) AS download, pg_size_pretty(s.installed) AS installed,
	pg_size_pretty((10 ^ aiaas_predict('installed_size', p))::numeric::bigint) AS predicted
FROM package_sizes p JOIN sizes s USING (name)
ORDER BY p.log_installed - aiaas_predict('installed_size', p) DESC LIMIT 5;

-- one regression for each section, in one scan
SELECT section, (fit).n, round((fit).coefficients[1]::numeric, 2) AS slope, round((fit).r2::numeric, 3) AS r2
FROM (SELECT section, aiaas_linear_regression(log_installed, ARRAY[log_size]) AS fit
	FROM package_sizes GROUP BY section) by_section
ORDER BY n DESC LIMIT 5;

\set ECHO none
\echo
\echo '== 8. The same table, another question: does a package run on every architecture?'
\echo
\set ECHO queries

SELECT version, algorithm, rows, metrics -> 'roc_auc' AS roc_auc, metrics -> 'accuracy' AS accuracy, duration
FROM aiaas_train('SELECT *, (architecture = ''all'')::boolean AS anywhere FROM package_sizes', 'anywhere',
	model => 'anywhere', features => '{section, priority, multi_arch, dependencies, log_size, log_installed}');

SELECT fold, round(max(value) FILTER (WHERE metric = 'roc_auc')::numeric, 4) AS roc_auc
FROM aiaas_cross_validate('SELECT *, (architecture = ''all'')::boolean AS anywhere FROM package_sizes', 'anywhere',
	features => '{section, priority, multi_arch, dependencies, log_size, log_installed}')
GROUP BY fold ORDER BY fold;
