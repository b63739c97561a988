#
# From 1.0: an upgraded extension and a fresh one have equal catalogs, and what 1.0 made gives the
# same bits, before and after the upgrade.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = aiaas_node('upgrade');
my $folder = PostgreSQL::Test::Utils::tempdir;

# the owner of a database, no superuser: the extension is trusted
$node->safe_psql('postgres', q{CREATE ROLE alice LOGIN});
$node->safe_psql('postgres', qq{CREATE DATABASE $_ OWNER alice}) for qw(upgraded fresh);
sub alice { my ($database) = @_; return $node->connstr($database) . ' user=alice'; }

sub query
{
	my ($database, $sql) = @_;
	return $node->safe_psql($database, $sql, connstr => alice($database));
}

# What the two models of 1.0 answer, line by line, as recorded in 1.0.
sub answers
{
	my ($name) = @_;
	my ($status, undef, $stderr) = $node->psql('upgraded', undef, connstr => alice('upgraded'), on_error_stop => 1,
		extra_params => [ '-v', "folder=$folder", '-f', 'test/data/release_1_0_answers.sql' ]);

	is($status, 0, "$name: all are answered") or diag($stderr);
	my @is = split /\n/, slurp_file("$folder/release_1_0.txt");
	my @should = split /\n/, slurp_file('test/data/release_1_0.txt');
	my @differ = grep { ($is[$_] // '') ne ($should[$_] // '') } 0 .. ($#is > $#should ? $#is : $#should);
	is(scalar(@differ), 0, "$name: the same bits")
	  or diag("is: $is[$differ[0]]\nshould be: $should[$differ[0]]");
}

query('upgraded', q{CREATE EXTENSION aiaas VERSION '1.0'});
my $stored = slurp_file('test/data/release_1_0.base64');
query('upgraded', qq{SELECT aiaas_import('six', decode('$stored', 'base64'))});
query('upgraded', q{CREATE VIEW labels AS SELECT body, aiaas_classify('six', 1, m) AS label, aiaas_classify(body) AS mood
	FROM (VALUES ('cheese', 'cheese and wine')) AS m (subject, body)});
answers('the module of this release under the SQL of 1.0');

# every object that is the extension's, with what can be said of it without naming an oid
my $catalog = q{
SET search_path = pg_catalog;
WITH members AS (
	SELECT d.classid, d.objid, i.type, i.identity
	FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e',
		pg_identify_object(d.classid, d.objid, d.objsubid) AS i
	WHERE e.extname = 'aiaas')
SELECT identity, 'member', type, obj_description(objid, classid::regclass::name) FROM members
UNION ALL
SELECT identity, 'function', concat_ws(' ', pg_get_function_arguments(p.oid), '->', pg_get_function_result(p.oid), l.lanname, proowner::regrole,
		procost, prorows, prosupport, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel),
	concat_ws(' ', prosrc, probin, replace(pg_get_function_sqlbody(p.oid), chr(10), ' '), proconfig, proacl)
FROM members JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid JOIN pg_language l ON l.oid = prolang
UNION ALL
SELECT identity, 'aggregate', (to_jsonb(a) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop')::text,
	concat_ws(' ', aggtranstype::regtype, aggmtranstype::regtype, aggsortop::regoperator)
FROM members JOIN pg_aggregate a ON classid = 'pg_proc'::regclass AND a.aggfnoid = objid
UNION ALL
SELECT identity, 'type', (to_jsonb(t) - '{oid,typnamespace,typrelid,typelem,typarray}'::text[])::text,
	concat_ws(' ', typelem::regtype, typarray::regtype, typrelid::regclass)
FROM members JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid
UNION ALL
SELECT identity, 'relation', concat_ws(' ', relkind, relowner::regrole, relpersistence, relreplident, reloptions, relacl, reloftype::regtype),
	CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END
FROM members JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
UNION ALL
SELECT identity, 'column ' || attnum, concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attstorage, attacl),
	col_description(attrelid, attnum)
FROM members JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid WHERE attnum > 0
UNION ALL
SELECT identity, 'schema', nspowner::regrole::text, nspacl::text
FROM members JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid
UNION ALL
SELECT identity, 'privileges ' || p.objsubid, privtype::text, initprivs::text
FROM members JOIN pg_init_privs p ON p.classoid = classid AND p.objoid = objid
UNION ALL
SELECT identity, 'depends on', d.deptype::text, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM members JOIN pg_depend d USING (classid, objid)
UNION ALL
SELECT identity, 'operators', concat_ws(' ', castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod), NULL
FROM members JOIN pg_cast c ON classid = 'pg_cast'::regclass AND c.oid = objid
UNION ALL
SELECT 'extension', extversion, concat_ws(' ', extnamespace::regnamespace, extrelocatable, extowner::regrole), extconfig::text FROM pg_extension WHERE extname = 'aiaas'
ORDER BY 1, 2, 3, 4};

query('upgraded', q{ALTER EXTENSION aiaas UPDATE});
query('fresh', q{CREATE EXTENSION aiaas});
my @upgraded = split /\n/, query('upgraded', $catalog);
my @fresh = split /\n/, query('fresh', $catalog);
my %in;
$in{$_}++ foreach @fresh;		# lines may be there twice: of a view and of its row type
is(join("\n", grep { !$in{$_} || $in{$_}-- < 1 } @upgraded), '', 'nothing is in an upgraded extension that is not in a fresh one');
is(join("\n", grep { $in{$_} } keys %in), '', 'nor the other way round');
cmp_ok(scalar(grep { /\|member\|/ } @fresh), '>', 100, 'of many objects');
is(query('upgraded', q{SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'aiaas')
	FROM pg_extension WHERE extname = 'aiaas'}), 't', 'of the newest version');
is(query('fresh', q{SELECT count(*) FROM pg_proc WHERE proname LIKE 'aiaas\_%' AND proowner = 'alice'::regrole AND prolang <> 12 AND probin IS NULL}), 0,
	'no function is called by another way than the module');

answers('after the upgrade');
is(query('upgraded', q{SELECT label, mood FROM labels}), 'food|neutral', 'a view of before is what it was');
is(query('upgraded', q{SELECT aiaas_classify('six', '{"subject": "cheese", "body": "cheese and wine"}'::jsonb)}), 'food',
	'a model of before serves the forms of this release');

done_testing();
