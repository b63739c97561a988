--
-- Images of networks: PNG, JPEG and raw pixels
--
SET client_min_messages = warning;
CREATE SCHEMA images;
SET search_path = images, public;
-- the value of an expression, or its error
CREATE FUNCTION try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || left(SQLERRM, 160);
END $$;
-- 6 x 4 pixels of red and 7 x 9 of blue as PNG, 8 x 8 of grey as JPEG
CREATE TABLE files (name text, photo bytea);
INSERT INTO files VALUES
	('red', '\x89504e470d0a1a0a0000000d49484452000000060000000408020000002266d9140000001449444154789c63fcc5c5c5800a981830007142005078011660f150610000000049454e44ae426082'),
	('blue', '\x89504e470d0a1a0a0000000d4948445200000007000000090802000000713aa1f40000001449444154789c63e412f9c0800198308506b52800d58e012029d11d160000000049454e44ae426082'),
	('grey', '\xffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b47404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cffc0000b080008000801011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00cdafffd9');
-- their pixels in 2 x 2
INSERT INTO files VALUES
	('raw red', decode(repeat('fa0a0a', 4), 'hex')),
	('raw blue', decode(repeat('0a14f0', 4), 'hex')),
	('raw grey', decode(repeat('535353', 4), 'hex'));
CREATE TABLE photos AS
	SELECT photo, right(name, 3) = 'red' AS warm FROM files, generate_series(1, 20) WHERE name ~ 'red|blue';
CREATE FUNCTION options(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT aiaas.sequential(aiaas.flatten(), aiaas.dense(NULL, 'softmax')) || more ||
		'{"images": {"photo": {"height": 2, "width": 2, "channels": 3}}, "epochs": 30, "holdout": 0,
		  "optimizer": {"type": "adam", "learning_rate": 0.05}}' $$;
SELECT model, version FROM aiaas_train('photos', 'warm', 'warm', algorithm => 'network', options => options());
SELECT name, CASE WHEN name <> 'grey' THEN aiaas_classify('warm', ROW(photo)) END AS warm,
	aiaas_score('warm', ROW(photo)) = (SELECT aiaas_score('warm', ROW(r.photo)) FROM files AS r WHERE r.name = 'raw ' || f.name) AS as_raw
	FROM files AS f WHERE name NOT LIKE 'raw %' ORDER BY name;
SELECT aiaas_classify('warm', f) FROM files AS f WHERE name = 'blue';

--
-- What is refused
--
SELECT name, try(format($$aiaas_classify('warm', ROW(%L::bytea))$$, damaged)) FROM files, LATERAL (VALUES
	(substr(photo, 1, 60)), ('\x89504e470d0a1a0a'::bytea), ('\xffd8ff'), (''), (NULL)) AS v (damaged)
	WHERE name = 'red';
-- 4097 x 4096 pixels are claimed
SELECT try(format($$aiaas_classify('warm', ROW(%L::bytea))$$, overlay(photo PLACING '\x0000100100001000' FROM 17))) FROM files WHERE name = 'red';
SELECT try($$aiaas_classify('warm', '{"photo": "x"}'::jsonb)$$);
SELECT try($$aiaas_classify('warm', '["x"]')$$), try($$aiaas_classify('warm', 'x')$$), try($$aiaas_classify('warm', ROW('x'::text))$$);
SELECT try($$aiaas_classify('warm', '{"photo": null}'::jsonb)$$);

--
-- In a source: the row is named, or skipped and counted
--
CREATE TABLE damaged AS SELECT * FROM photos UNION ALL SELECT substr(photo, 1, 60), warm FROM photos WHERE length(photo) > 70;
SELECT try($$(aiaas_train('damaged', 'warm', 'whole', algorithm => 'network', options => options())).version$$);
SELECT version FROM aiaas_train('damaged', 'warm', 'whole', algorithm => 'network', options => options('{"on_error": "skip"}'));
SELECT jsonb_path_query(manifest, '$.**.bad_images') AS bad_images FROM whole WHERE chunk = 0 AND version = 1;
SELECT try($$(aiaas_train('photos', 'warm', 'unsized', algorithm => 'network', options => options() - 'images')).version$$);
DROP SCHEMA images CASCADE;
