"""The default model on rows of 40 bytes: what a row costs beyond reading it."""

from common import best, connect, row

ROWS = 200_000

db = connect()
db.execute("CREATE EXTENSION IF NOT EXISTS aiaas")
db.execute("DROP TABLE IF EXISTS short_rows")
db.execute("""CREATE TABLE short_rows AS
    SELECT left(b || ' ' || a || ' and ' || c || ' number ' || i || ' of the whole long list', 40) AS body
    FROM generate_series(1, %s) i,
    LATERAL (SELECT (ARRAY['good','bad','nice','awful','great','dull','fine','poor'])[1 + i %% 8] a,
        (ARRAY['the film was','my phone is','service','this book'])[1 + i %% 4] b,
        (ARRAY['cheap','slow','worth it','late','happy'])[1 + i %% 5] c) w""".replace("%s", str(ROWS)).replace("%%", "%"))
db.execute("VACUUM ANALYZE short_rows")

scan = best(lambda: db.execute("SELECT count(body) FROM short_rows"))
classify = best(lambda: db.execute("SELECT count(aiaas_classify(body)) FROM short_rows"))
row("short rows (40 bytes), default model, per row", f"{(classify - scan) / ROWS * 1e6:.2f} us", must="1.5 us")
