"""psycopg 3 looks up types in the catalogue and reads values of them by their oids, whichever shard the rows come from."""
import enum, sys
try:
    import psycopg
    from psycopg.types.enum import EnumInfo, register_enum
    from psycopg.types.composite import CompositeInfo, register_composite
except ImportError:
    sys.exit(77)

DSN = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=main"


class Mood(enum.Enum):
    sad = "sad"
    ok = "ok"
    happy = "happy"


with psycopg.connect(DSN, autocommit=True) as c:
    register_enum(EnumInfo.fetch(c, "mood"), c, Mood)
    place = CompositeInfo.fetch(c, "place")
    register_composite(place, c)
    for i in range(1, 30):
        for binary in (False, True):
            c.execute("insert into people(id, mood, moods, place) values (%s, %s, %s, %s)",
                      (i, Mood.happy, [Mood.sad, Mood.ok], place.python_type(1, Mood.ok)), binary=binary)
            row = c.execute("select mood from people where id = %s", (i,), binary=binary).fetchone()
            assert row == (Mood.happy,), row
            c.execute("select id from people where id = %s and mood = %s", (i, Mood.happy), prepare=True).fetchone()
            if not binary:
                c.execute("delete from people where id = %s", (i,))
        row = c.execute("select moods, place from people where id = %s", (i,)).fetchone()
        assert row == ([Mood.sad, Mood.ok], (1, Mood.ok)), row
        row = c.execute("select moods, place from people where id = %s", (i,), binary=True).fetchone()
        assert row == ([Mood.sad, Mood.ok], (1, Mood.ok)), row
    rows = c.execute("select mood, moods from people").fetchall()
    assert rows == [(Mood.happy, [Mood.sad, Mood.ok])] * 29, rows
    rows = c.execute("select mood, moods, place from people order by id", binary=True).fetchall()
    assert rows == [(Mood.happy, [Mood.sad, Mood.ok], (1, Mood.ok))] * 29, rows
    c.execute("update people set mood = 'sad' where id = 7")
    c.execute("update people set mood = 'ok' where id = 8")
    for binary in (False, True):
        rows = c.execute("select distinct mood from people order by mood desc", binary=binary).fetchall()
        assert rows == [(Mood.happy,), (Mood.ok,), (Mood.sad,)], rows
        rows = c.execute("select mood, count(*) from people group by mood order by mood", binary=binary).fetchall()
        assert rows == [(Mood.sad, 1), (Mood.ok, 1), (Mood.happy, 27)], rows
        rows = c.execute("select min(mood), max(moods) from people", binary=binary).fetchall()
        assert rows == [(Mood.sad, [Mood.sad, Mood.ok])], rows
    for i in (7, 8):
        c.execute("update people set mood = 'happy' where id = %s", (i,))
    rows = c.execute("select id from people where mood = %s order by id", (Mood.happy,)).fetchall()
    assert [r[0] for r in rows] == list(range(1, 30)), rows
    c.execute("select count(*) from people where mood = any(%s)", ([Mood.happy],)).fetchone()
