"""psycopg 3 and 2 at the proxy's console: simple and extended, text and binary, server-side preparing, transactions, errors."""
import decimal, sys
try:
    import psycopg
except ImportError:
    sys.exit(77)

DSN = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=pgbouncer"
POOLS = ["database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active",
         "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us",
         "pool_mode", "load_balance_hosts"]


def check(cursor):
    assert [d[0] for d in cursor.description][:len(POOLS)] == POOLS, cursor.description
    rows = cursor.fetchall()
    assert {r[0] for r in rows} >= {"shard_1", "shard_4", "primary"}, rows
    assert all(isinstance(r[2], int) and r[15] == "transaction" for r in rows), rows


for autocommit in (True, False):
    with psycopg.connect(DSN, autocommit=autocommit) as c:
        check(c.execute("SHOW POOLS"))                              # simple
        check(c.execute("SHOW POOLS", binary=True))                 # extended, binary results
        for _ in range(10):
            check(c.execute("SHOW POOLS", prepare=True))            # prepared by name
        check(psycopg.ClientCursor(c).execute("SHOW POOLS;"))
        stats = c.execute("SHOW STATS", binary=True).fetchone()
        assert stats[0] == "main" and isinstance(stats[1], decimal.Decimal), stats
        c.commit()
        try:
            c.execute("SHOW NOTHING", prepare=True)
            raise AssertionError("no error")
        except psycopg.errors.SyntaxError as e:
            assert "SHOW HELP" in e.diag.message_hint
        c.rollback()
        try:
            c.execute("RELOAD")
            raise AssertionError("not refused")
        except psycopg.errors.FeatureNotSupported as e:
            assert e.diag.message_hint
        c.rollback()
        with c.pipeline():
            first, second = c.execute("SHOW LISTS", prepare=True), c.execute("SHOW VERSION", prepare=True)
        assert len(first.fetchall()) == 14 and second.fetchone()[0].startswith("ashlar ")

try:
    import psycopg2
except ImportError:
    sys.exit(0)
for autocommit in (True, False):
    c = psycopg2.connect(DSN)
    c.autocommit = autocommit
    with c.cursor() as cursor:
        cursor.execute("SHOW POOLS")
        check(cursor)
    c.close()
