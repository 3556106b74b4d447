"""psycopg 3 through the proxy: simple and extended, text and binary, pipelines, transactions, COPY, errors."""
import datetime, decimal, sys
try:
    import psycopg
except ImportError:
    sys.exit(77)

DSN = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=main"

with psycopg.connect(DSN, autocommit=True) as c:
    assert c.execute("select name from users where id = %s", (7,)).fetchone() == ("user 7",)
    row = c.execute("select id, name, born, score from users where id = %s", (8,), binary=True).fetchone()
    assert row == (8, "user 8", datetime.date(2000, 1, 9), decimal.Decimal("10.00")), row
    assert c.execute("select count(*), sum(score) from users").fetchone() == (1000, decimal.Decimal("625625.00"))
    assert c.execute("select count(*) from users where id > %s", (500,), binary=True).fetchone() == (500,)
    assert [r[0] for r in c.execute("select id from users where score > %s order by id limit 3", (1240,))] == [993, 994, 995]
    for i in range(20):  # prepared after some runs
        assert c.execute("select name from users where id = %s", (i + 1,), prepare=True).fetchone() == (f"user {i + 1}",)
    try:
        c.execute("select nothing from users where id = %s", (7,))
        raise AssertionError("no error")
    except psycopg.errors.UndefinedColumn:
        pass
    try:
        c.execute("update users set name = 'x'")
        raise AssertionError("not refused")
    except psycopg.errors.FeatureNotSupported as e:
        assert e.diag.message_hint
    assert c.execute("select 1").fetchone() == (1,)

    with c.transaction():
        c.execute("update users set name = 'changed' where id = %s", (9,))
        try:
            with c.transaction():
                c.execute("select 1/0 from users where id = %s", (9,))
        except psycopg.errors.DivisionByZero:
            pass
        assert c.execute("select name from users where id = %s", (9,)).fetchone() == ("changed",)
        raise psycopg.Rollback()
    assert c.execute("select name from users where id = %s", (9,)).fetchone() == ("user 9",)

    with c.pipeline():
        answers = [c.execute("select name from users where id = %s", (i,)) for i in range(1, 30)]
    assert [a.fetchone()[0] for a in answers] == [f"user {i}" for i in range(1, 30)]

    with c.cursor() as cur:
        with cur.copy("copy notes(body) from stdin") as copy:
            for i in range(1000):
                copy.write_row((f"psycopg {i}",))
        cur.execute("select count(*) from notes where body like 'psycopg %'")
        assert cur.fetchone() == (1000,)
        with cur.copy("copy (select body from notes where body like 'psycopg %') to stdout") as copy:
            assert len(list(copy.rows())) == 1000
        cur.execute("delete from notes where body like 'psycopg %'")
        assert cur.rowcount == 1000
    c.execute("set time zone 'Asia/Tokyo'")
    assert c.info.parameter_status("TimeZone") == "Asia/Tokyo"
    assert c.execute("show timezone").fetchone() == ("Asia/Tokyo",)

with psycopg.connect(DSN) as c:  # a transaction begins with the first statement
    c.execute("insert into users(id, name) values (%s, 'new')", (5001,))
    c.rollback()
    assert c.execute("select count(*) from users where id = 5001").fetchone() == (0,)
    c.cursor().executemany("insert into notes(body) values (%s)", [(f"many {i}",) for i in range(100)])
    c.rollback()

    async_id = c.info.backend_pid
    assert async_id > 0
    c.cancel()
    assert c.execute("select 1").fetchone() == (1,)
