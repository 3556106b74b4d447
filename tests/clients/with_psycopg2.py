"""psycopg 2 through the proxy: simple queries only, with its own ways of quoting, transactions and COPY."""
import io, sys
try:
    import psycopg2
except ImportError:
    sys.exit(77)

c = psycopg2.connect(host="127.0.0.1", port=sys.argv[1], user="postgres", dbname="main", application_name="psycopg2 test")
cur = c.cursor()
cur.execute("select name from users where id = %s", (7,))
assert cur.fetchone() == ("user 7",)
cur.execute("select count(*) from users")
assert cur.fetchone() == (1000,)
c.commit()
cur.execute("update users set name = %s where id = %s", ("it's", 10))
cur.execute("select name from users where id = 10")
assert cur.fetchone() == ("it's",)
c.rollback()
cur.execute("select name from users where id = 10")
assert cur.fetchone() == ("user 10",)
c.rollback()
try:
    cur.execute("select nothing from users where id = 1")
    raise AssertionError("no error")
except psycopg2.errors.UndefinedColumn:
    c.rollback()
cur.copy_from(io.StringIO("a\nb\n"), "notes", columns=("body",))
cur.execute("select count(*) from notes where body in ('a', 'b')")
assert cur.fetchone()[0] >= 2
c.rollback()
c.set_session(isolation_level="SERIALIZABLE", autocommit=False)
cur.execute("show transaction_isolation")
assert cur.fetchone() == ("serializable",)
c.rollback()
c.close()
