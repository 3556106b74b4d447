#!/usr/bin/env python3
"""Every built-in type that a column commonly has, merged from four PostgreSQL shards and asked of one plain PostgreSQL.

    tests/clients/every_type.py BINARY [--verbose]

The cells are compared as the bytes on the wire, in text and in binary, under several settings that change how values are
written. Refusing (0A000) is right; what is answered must be the same, in the same order where values fix it.
"""
import argparse
import collections
import struct
import sys

import psycopg
from psycopg import pq

import servers

SHARDS = 4
# Values as literals, no two of them equal.
TYPES = {
    "smallint": ["-32768", "0", "7", "32767"],
    "integer": ["-2147483648", "-1", "0", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "9223372036854775807"],
    "numeric": ["-1e30", "-0.5", "0", "12345678901234567890.123456789", "'NaN'", "'Infinity'", "'-Infinity'"],
    "numeric(12,2)": ["-1.25", "0.00", "9999999999.99"],
    # Sums of floats depend on their order, but for these. One of 1e200 or more makes avg() overflow on one database only.
    "real": ["-1.5", "0", "0.25", "1048576"],
    "double precision": ["-1.5", "0", "0.25", "1099511627776.125"],
    "float4": ["1e38", "-1e38", "1e-38", "0.1", "'NaN'", "'Infinity'", "'-Infinity'"],
    "float8": ["1e100", "-1e100", "5e-324", "0.1", "123456789.123456789", "'NaN'", "'Infinity'", "'-Infinity'"],
    "boolean": ["true", "false"],
    "text": ["''", "'a'", "'B'", "'b'", "'zoë'", "'ä'", "'a b'", "'日本'", "E'tab\\there'", "'O''Neil'"],
    "varchar(10)": ["''", "'a'", "'B '", "'B'", "'b'"],
    "char(5)": ["''", "'a'", "'a   b'", "'B'"],
    '"char"': ["'a'", "'z'", "''"],
    "name": ["'a'", "'Z'", "'_x'"],
    "bytea": ["'\\x'", "'\\x00'", "'\\x00ff'", "'\\xdeadbeef'", "'abc'"],
    "date": ["'4713-01-01 BC'", "'1999-12-31'", "'2024-02-29'", "'5874897-12-31'", "'infinity'", "'-infinity'"],
    "time": ["'00:00'", "'12:30:00.5'", "'24:00'"],
    "timetz": ["'00:00+02'", "'00:00-02'", "'12:30:00.5+05:30'"],
    "timestamp": ["'4713-01-01 BC'", "'1999-12-31 23:59:59.999999'", "'294246-12-31'", "'infinity'", "'-infinity'"],
    "timestamptz": ["'4713-01-02 BC'", "'1999-12-31 23:59:59.999999+00'", "'2024-07-01 12:00+02'", "'infinity'"],
    "interval": ["'0'", "'1 day'", "'-1 mon 30 days'", "'1 year 2 mons 3 days 04:05:06.789'", "'-25:00'", "'100000 hours'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'230d30d2-296d-4d60-8064-91204aa3fe1c'",
             "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "inet": ["'10.0.0.1'", "'10.0.0.0/8'", "'::1'", "'fe80::/10'", "'192.168.1.5/24'"],
    "cidr": ["'10.0.0.0/8'", "'::/0'", "'192.168.1.0/24'"],
    "macaddr": ["'08:00:2b:01:02:03'", "'00:00:00:00:00:00'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'", "'00:00:00:00:00:00:00:00'"],
    "money": ["'-1.00'", "'0'", "'12345.67'"],
    "bit(4)": ["B'0000'", "B'1010'", "B'0001'"],
    "bit varying": ["B''", "B'0'", "B'1010'", "B'101'"],
    "json": ["'{}'", "'[1, 2]'", "'{\"b\": 1, \"a\": 2}'"],
    "jsonb": ["'{}'", "'[1, 2]'", "'{\"b\": 1, \"a\": 2}'", "'null'", "'1.50'", "'\"x\"'"],
    "integer[]": ["'{}'", "'{1,2}'", "'{1,NULL}'", "'{{1,2},{3,4}}'"],
    "text[]": ["'{}'", "'{a,B}'", "'{\"x y\",NULL}'"],
    "numeric[]": ["'{1.50}'", "'{1.5,2}'"],
    "int4range": ["'empty'", "'[1,5)'", "'(,3)'", "'[2,)'"],
    "tstzrange": ["'empty'", "'[2024-01-01 00:00+00, 2024-06-01 00:00+00)'"],
    "int4multirange": ["'{}'", "'{[1,3),[5,7)}'"],
    "tsvector": ["'a b'", "'a:1 c:2'"],
    "tsquery": ["'a & b'", "'c'"],
    "point": ["'(1,2)'", "'(-1,0.5)'"],
    "box": ["'(1,2),(0,0)'"],
    "xml": ["'<a/>'"],
    "pg_lsn": ["'0/0'", "'16/B374D848'"],
    "oid": ["0", "42", "4294967295"],
}
QUERIES = [
    "select id, v from {t} order by id",
    "select v from {t} order by v",
    "select v from {t} order by v desc",
    "select v from {t} order by v nulls first, id desc limit 4 offset 1",
    "select v, id from {t} order by v desc nulls last, id limit 5",
    "select distinct v from {t} order by v",
    "select distinct v from {t}",
    "select v, count(*) from {t} group by v order by v",
    "select v, count(*) from {t} group by v",
    "select min(v), max(v) from {t}",
    "select count(v), count(*) from {t}",
    "select count(distinct v) from {t}",
    "select sum(v) from {t}",
    "select avg(v) from {t}",
    "select w, min(v), max(v) from {t} group by w order by w",
    "select w, sum(v) from {t} group by w having count(*) > 1 order by w",
    "select w, max(v) from {t} group by w order by max(v), w",
    "select id, v from {t} where v = (select {first}::{type}) order by id",
    "select id, v from {t} where v is not null order by v, id",
    "select id, v::text from {t} order by v::text, id",
    "select array_agg(v order by id) from {t}",
]
SETTINGS = [
    "",
    "set timezone = 'America/St_Johns'; set datestyle = 'German'; set intervalstyle = 'iso_8601'; set bytea_output = 'escape'",
    "set extra_float_digits = 0; set intervalstyle = 'sql_standard'; set datestyle = 'SQL, DMY'; set xmlbinary = 'hex'",
    "set extra_float_digits = -3; set intervalstyle = 'postgres_verbose'; set datestyle = 'Postgres, MDY'; set timezone = 'UTC'",
]


def ask(connection, sql, binary):
    """The columns (name, type, size, modifier, format) and the rows as bytes, or the SQLSTATE and the message."""
    r = connection.pgconn.exec_params(sql.encode(), [], None, None, 1 if binary else 0)
    if r.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return None, (r.error_field(pq.DiagnosticField.SQLSTATE), r.error_field(pq.DiagnosticField.MESSAGE_PRIMARY))
    columns = [(r.fname(i), r.ftype(i), r.fsize(i), r.fmod(i), r.fformat(i)) for i in range(r.nfields)]
    return (columns, [tuple(positive_nan(r.get_value(n, i)) for i in range(r.nfields)) for n in range(r.ntuples)]), None


def positive_nan(cell):
    # The sign of a sum's NaN depends on the order in which PostgreSQL met the infinities.
    return b"\x7f" + cell[1:] if cell == b"\xff\xf8" + bytes(6) else cell


def in_order(rows, type_):
    """What must come in the same order: of intervals how long they are, since '1 mon' and '30 days' are equal."""
    if type_ != "interval":
        return rows

    def length(cell):
        if cell == b"-1 mons +30 days":  # 16 bytes, too
            return b"00:00:00"
        if not isinstance(cell, bytes) or len(cell) != 16:
            return cell
        microseconds, days, months = struct.unpack(">qii", cell)
        return microseconds + (days + 30 * months) * 86_400_000_000
    return [tuple(length(cell) for cell in row) for row in rows]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--verbose", action="store_true")
    options = arguments.parse_args()
    server = servers.Postgres(fsync="off")
    proxy = None
    try:
        admin = psycopg.connect(server.url(), autocommit=True)
        names = {type_: f"t{n}" for n, type_ in enumerate(TYPES)}
        schema = ";".join(f"create table {t} (id bigint primary key, v {type_}, w int)" for type_, t in names.items())
        for name in ["plain", "primary_db", *[f"shard_{n + 1}" for n in range(SHARDS)]]:
            admin.execute(f"create database {name}")
            with psycopg.connect(server.url(name), autocommit=True) as c:
                c.execute(schema)
        plain = psycopg.connect(server.url("plain"), autocommit=True)
        config = '[databases.primary]\nurl = "{url}/primary_db"\n[shards]\nfunction = "hash"\nkey_type = "integer"\ncount = 4\n' \
                 'url = "{url}/shard_{{shard}}"\n[pool]\nmin_connections = 0\n[tables]\n'
        config = config.format(url=server.url("").rstrip("/"))
        proxy = servers.Ashlar(options.binary, config + "".join(f't{n} = {{ shard_key = "id" }}\n' for n in range(len(TYPES))))
        through = psycopg.connect(proxy.url(), autocommit=True)
        for type_, values in TYPES.items():
            for n, value in enumerate([*values, *values, "null", "null"]):
                sql = f"insert into {names[type_]} values ({n}, {value}, {n % 3})"
                for c in (plain, through):
                    c.execute(sql)

        count, wrong = collections.Counter(), []
        for settings in SETTINGS:
            for c in (plain, through):
                c.execute("reset all")
                for each in filter(None, settings.split("; ")):
                    c.execute(each)
            for type_, t in names.items():
                for query in QUERIES:
                    sql = query.format(t=t, type=type_, first=TYPES[type_][-1])
                    for binary in (False, True):
                        where = f"{sql} ({type_}, {'binary' if binary else 'text'}, {settings or 'defaults'})"
                        expected, fails = ask(plain, sql, binary)
                        got, refused = ask(through, sql, binary)
                        if refused is not None:
                            if fails is not None:
                                count["both fail"] += 1
                            elif refused[0] == b"0A000":
                                count["refused"] += 1
                                if options.verbose:
                                    print(f"refused: {refused[1].decode()}: {where}")
                            else:
                                wrong.append((where, f"failed: {refused}"))
                            continue
                        if fails is not None:
                            wrong.append((where, f"answered where one plain database fails: {fails}"))
                        elif expected[0] != got[0]:
                            wrong.append((where, f"columns {got[0]} instead of {expected[0]}"))
                        elif "order by" in sql and in_order(expected[1], type_) != in_order(got[1], type_) or sorted(expected[1], key=repr) != sorted(got[1], key=repr):
                            wrong.append((where, f"\n    plain {expected[1]}\n    ours  {got[1]}"))
                        else:
                            count["answered"] += 1
        print(dict(count))
        for sql, why in wrong[:60]:
            print(f"WRONG: {sql}\n  {why}")
        print(f"{sum(count.values())} right or refused, {len(wrong)} wrong")
        through.close()
        return 1 if wrong or count["answered"] < 2000 else 0
    finally:
        if proxy is not None:
            proxy.stop()
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
