#
# The extension itself: who may create it, what dropping it takes along, its settings.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = aiaas_node('extension');

sub fails
{
	my ($database, $sql, $error, $name) = @_;
	my ($status, undef, $stderr) = $node->psql($database, $sql);
	like($stderr, $error, $name);
}

# a role that owns its database, no superuser, creates it: nothing it made before is run
$node->safe_psql('postgres', q{CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN});
$node->safe_psql('postgres', q{CREATE DATABASE alices OWNER alice});
my $alice = $node->connstr('alices') . ' user=alice';
$node->safe_psql('alices', q{
	CREATE SCHEMA trap;
	CREATE FUNCTION trap.trap(int, int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
	CREATE OPERATOR trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.trap);
	SET search_path = trap, pg_catalog;
	CREATE EXTENSION aiaas SCHEMA public;
}, connstr => $alice);
is($node->safe_psql('alices', q{SELECT aiaas_create_model('m')}, connstr => $alice), 'm', 'its owner may make models');
is($node->safe_psql('alices', q{SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'm'}), 'alice',
	'which belong to who made them');

# every function and view says what it is, and none is found by a name that others could take
is($node->safe_psql('alices', q{
	SELECT string_agg(f.oid::regprocedure::text, ' ') FROM pg_proc f JOIN pg_depend d ON d.objid = f.oid AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aiaas') AND d.deptype = 'e'
	WHERE d.classid = 'pg_proc'::regclass AND obj_description(f.oid, 'pg_proc') IS NULL
	AND f.oid NOT IN (SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn]) FROM pg_aggregate)
	AND f.oid NOT IN (SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]) FROM pg_type)}),
	'', 'functions have comments');
is($node->safe_psql('alices', q{
	SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aiaas') AND d.deptype = 'e'
	WHERE d.classid = 'pg_class'::regclass AND obj_description(c.oid, 'pg_class') IS NULL}),
	'', 'views and tables have comments');
is($node->safe_psql('alices', q{
	SELECT string_agg(f.oid::regprocedure::text, ' ') FROM pg_proc f JOIN pg_depend d ON d.objid = f.oid AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aiaas') AND d.deptype = 'e'
	WHERE d.classid = 'pg_proc'::regclass AND f.proname LIKE 'aiaas%' AND f.pronargs > 0 AND f.proargnames IS NULL AND f.prokind = 'f'}),
	'', 'arguments have names');

# dropping it: refused while there are models; CASCADE takes them along
fails('alices', 'DROP EXTENSION aiaas', qr/table m depends on type aiaas\.model/, 'DROP EXTENSION names the models');
$node->safe_psql('alices', q{SELECT aiaas_create_model('kept')}, connstr => $alice);
$node->safe_psql('alices', q{
	ALTER TABLE kept NOT OF;
	DROP TRIGGER aiaas_guard ON kept;
	DROP TRIGGER aiaas_guard_truncate ON kept;
	DROP EXTENSION aiaas CASCADE;
}, connstr => $alice);
is($node->safe_psql('alices', q{SELECT to_regclass('m') IS NULL, to_regclass('kept') IS NULL, to_regnamespace('aiaas') IS NULL}),
	't|f|t', 'CASCADE drops models, but not a table taken out of the type');
$node->safe_psql('alices', q{
	CREATE EXTENSION aiaas;
	INSERT INTO kept SELECT 1, 0, jsonb_build_object('format', 1, 'digest', encode(sha256('x'), 'hex'), 'bytes', 1, 'chunks', 1), NULL;
	INSERT INTO kept VALUES (1, 1, NULL, 'x');
}, connstr => $alice);
is($node->safe_psql('alices', q{SELECT aiaas_deploy('kept', 1)}, connstr => $alice), 1, 'which is a model again');
is($node->safe_psql('alices', q{SELECT data FROM aiaas_export('kept')}, connstr => $alice), '\x78', 'with what it held');

# settings, preloaded
is($node->safe_psql('alices', q{SHOW aiaas.shared_memory}), '256MB', 'default of aiaas.shared_memory');
fails('alices', q{SET aiaas.kernel = ref}, qr/cannot be changed without restarting the server/, 'aiaas.kernel is the server\'s');
fails('alices', q{SET aiaas.shared_memory = '1MB'}, qr/cannot be changed without restarting the server/,
	'aiaas.shared_memory is the server\'s');
fails('alices', q{SET aiaas.nonsense = 1}, qr/invalid configuration parameter name/, 'a setting that does not exist');
fails('alices', q{SET aiaas.default_model = 'bare'}, qr/named with its schema/, 'aiaas.default_model needs a schema');
fails('alices', q{SET aiaas.default_model = 'a.b.c'}, qr/named with its schema/, 'and no database');
fails('alices', q{SET aiaas.default_model = '"a'}, qr/named with its schema/, 'and closed quotes');
fails('alices', q{SET aiaas.default_model = 'no.where'; SELECT aiaas_classify('x')},
	qr/default model no\.where does not exist.*aiaas\.default_model/s, 'a default model that is missing: names the setting');
fails('alices', q{SET aiaas.default_model = ''; SELECT aiaas_classify('x')}, qr/no default model.*aiaas\.default_model/s, 'none');
is($node->safe_psql('alices', q{SELECT count(*) FROM aiaas_kernels() WHERE in_use}), 1, 'one kernel is in use');
is($node->safe_psql('alices', q{SELECT level FROM aiaas_kernels() WHERE in_use}),
	$node->safe_psql('alices', q{SELECT level FROM aiaas_kernels() WHERE fastest}), 'the fastest one');
$node->append_conf('postgresql.conf', 'aiaas.kernel = ref');
$node->restart;
is($node->safe_psql('alices', q{SELECT level FROM aiaas_kernels() WHERE in_use}), 'ref', 'or the one that is asked for');

# not preloaded
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is($node->safe_psql('alices', q{SELECT level FROM aiaas_kernels() WHERE in_use}), 'ref', 'not preloaded: the server\'s setting holds');
is($node->safe_psql('alices', q{SET aiaas.kernel = auto; SELECT in_use FROM aiaas_kernels() WHERE fastest}), 't',
	'and a session may choose');
is($node->safe_psql('alices', q{SELECT count(*) FROM aiaas_versions('kept')}, connstr => $alice), 1, 'models work');
is($node->safe_psql('alices', q{LOAD 'aiaas'; SELECT count(*) FROM pg_settings WHERE name = 'aiaas.shared_memory'}), 0,
	'there is no shared memory');

done_testing();
