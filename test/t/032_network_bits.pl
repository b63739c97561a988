#
# The same training gives the same digest on two servers, one with shared_preload_libraries and
# one without, and a model answers the same bits however it is asked.
#
use strict;
use warnings;

use AiaasTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $preloaded = aiaas_node('preloaded');
my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$plain->start;
sub query
{
	my ($node, @sql) = @_;
	return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', @sql));
}

my @setup = (q{CREATE EXTENSION aiaas},
	q{CREATE TABLE items AS SELECT i, i % 3 AS class, (i % 3) * 0.4 + (i * 7919 % 1000) / 1000.0 AS a, CASE i % 5 WHEN 0 THEN 'red' WHEN 1 THEN NULL ELSE 'blue' END AS colour,
		concat_ws(' ', (ARRAY['good','bad','fair'])[1 + i % 3], 'w' || i % 17, 'v' || i * 31 % 23) AS note,
		ARRAY(SELECT sin(t * (1 + i % 3) + i) + (i % 3) * 0.2 FROM generate_series(1, i % 19) t) AS pulse,
		decode(substr(md5((i / 7)::text) || md5(i::text) || md5((i % 3)::text) || md5((i % 3)::text), 1, 128), 'hex') AS picture
		FROM generate_series(1, 3000) i},
	q{ANALYZE items});
# a model each: what learns, and how
my %models = (
	mlp => [ '{a,colour}', '{"epochs": 4, "validation": 0.2}' ],
	lstm => [ '{note}', '{"network": "lstm", "epochs": 2}' ],
	transformer => [ '{note}', '{"network": "transformer", "epochs": 1, "precision": "bf16"}' ],
	series => [ '{pulse}', '{"network": "cnn", "epochs": 2, "columns": {"pulse": "series"}}' ],
	mixed => [ '{a,colour,note,picture}', '{"epochs": 2, "images": {"picture": {"height": 8, "width": 8, "channels": 1}}}' ]);
my (%digest, %bits);

for my $node ($preloaded, $plain)
{
	query($node, @setup);
	for my $name (sort keys %models)
	{
		my ($features, $options) = @{ $models{$name} };

		query($node, qq{SELECT rows FROM aiaas_train('items', 'class', '$name', '$features', 'network', '{"task": "classification"}' || '$options'::jsonb)});
		$digest{$node->name}{$name} = query($node, "SELECT digest FROM aiaas_versions('$name')");
		# all bits of the probability of class 1, row by row, in a scan
		$bits{$node->name}{$name} = query($node, "SELECT md5(string_agg(float8send(aiaas_score('$name', r, '1'))::text, '' ORDER BY i)) FROM items r");
	}
}
for my $name (sort keys %models)
{
	my $columns = join ', ', $models{$name}[0] =~ /(\w+)/g;
	my $hash = "md5(string_agg(float8send(score)::text, '' ORDER BY i))";
	my $bits = $bits{preloaded}{$name};

	is($digest{preloaded}{$name}, $digest{plain}{$name}, "$name: the same digest on two servers");
	is($bits{plain}{$name}, $bits, '  the same answers');
	is(query($preloaded, "SELECT $hash FROM (SELECT i, aiaas_score('$name', 1, r, '1') AS score FROM items r ORDER BY i DESC) s"), $bits, '  by version, in another order');
	is(query($preloaded, "SELECT $hash FROM (SELECT i, (SELECT aiaas_score('$name', x, '1') FROM (SELECT $columns FROM items WHERE i = o.i) x) AS score FROM items o) s"),
		$bits, '  row by row');
	my $gather = join ";\n", 'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0', 'SET min_parallel_table_scan_size = 0', 'SET max_parallel_workers_per_gather = 2';
	my $parallel = "SELECT $hash FROM (SELECT i, aiaas_score('$name', r, '1') AS score FROM items r OFFSET 0) s";
	like(query($preloaded, $gather, "EXPLAIN (COSTS OFF) $parallel"), qr/Parallel Seq Scan/, '  in parallel workers');
	is(query($preloaded, $gather, $parallel), $bits, '  the same');
	next unless $columns eq 'note';
	is(query($preloaded, "SELECT $hash FROM (SELECT unnest(i) AS i, unnest(aiaas_score('$name', note, '1')) AS score FROM (SELECT array_agg(i) AS i, array_agg(note) AS note FROM items GROUP BY i % 7) a) s"),
		$bits, '  many at once');
}

# Elsewhere, in another database, by a role without rights on the first: the same bytes and bits.
my $chunks = query($preloaded, q{SELECT encode(string_agg(data, '' ORDER BY chunk), 'hex') FROM aiaas_export('mixed')});
query($plain, 'CREATE ROLE guest', 'GRANT guest TO CURRENT_USER');
$plain->safe_psql('postgres', 'CREATE DATABASE "Other place" OWNER guest');
sub elsewhere
{
	return $plain->safe_psql('Other place', join(";\n", 'SET client_min_messages = warning', @_));
}
elsewhere(@setup, 'GRANT SELECT ON items TO guest');
elsewhere('SET ROLE guest', 'CREATE SCHEMA guest', "SELECT aiaas_import('guest.got', decode('$chunks', 'hex'))");
is(elsewhere('SET ROLE guest', q{SELECT digest FROM aiaas_versions('guest.got')}), $digest{preloaded}{mixed}, 'imported elsewhere: the same digest');
is(elsewhere('SET ROLE guest', q{SELECT md5(string_agg(float8send(aiaas_score('guest.got', r, '1'))::text, '' ORDER BY i)) FROM items r}), $bits{preloaded}{mixed},
	'  the same answers');

done_testing();
