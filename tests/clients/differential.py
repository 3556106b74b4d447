#!/usr/bin/env python3
"""Random queries through the proxy over four PostgreSQL shards, and on one plain PostgreSQL that has all the rows.

    tests/clients/differential.py BINARY [--queries N] [--seed S] [--verbose]

Each query is drawn from a seed that is printed. The two answers must agree: column names and types, rows (in order where
ORDER BY fixes it, else as a bag), or both must fail. Refusing (0A000) is always right; a wrong answer fails the run.
"""
import argparse
import collections
import decimal
import math
import random
import sys
import time

import psycopg

import servers

SHARDS = 4

SCHEMA = """
create table users (id bigint primary key, name text, age int, score float8, country varchar(2), vip boolean, born date);
create table orders (id bigint not null, user_id bigint not null, status text, total numeric(12,2), qty int, small smallint,
                     ratio float8, at timestamp, note text, primary key (user_id, id));
create table items (user_id bigint not null, order_id bigint not null, line int not null, sku text, price numeric, n bigint,
                    primary key (user_id, order_id, line));
create table countries (code varchar(2) primary key, name text, continent text);
"""
PRIMARY = "create table settings (name text primary key, value int);"
CONFIG = """
[databases.primary]
url = "{url}/primary_db"
[shards]
function = "hash"
key_type = "integer"
count = 4
url = "{url}/shard_{{shard}}"
[pool]
min_connections = 0
[tables]
users     = {{ shard_key = "id" }}
orders    = {{ shard_key = "user_id" }}
items     = {{ shard_key = "user_id" }}
countries = {{ kind = "reference" }}
"""

TEXT = ["", "a", "A", "b", "Zoë", "zz", "x y", "O'Neil", "é", "10", "9", None]
TABLES = {
    "users": {"id": "int", "name": "text", "age": "int", "score": "float", "country": "text", "vip": "bool", "born": "date"},
    "orders": {"id": "int", "user_id": "int", "status": "text", "total": "num", "qty": "int", "small": "int", "ratio": "float",
               "at": "ts", "note": "text"},
    "items": {"user_id": "int", "order_id": "int", "line": "int", "sku": "text", "price": "num", "n": "int"},
    "countries": {"code": "text", "name": "text", "continent": "text"},
}
KEY = {"users": "id", "orders": "user_id", "items": "user_id"}
USERS = 60


def rows_of(draw):
    pick = draw.choice
    countries = [(c, n, k) for c, n, k in [("de", "Germany", "Europe"), ("fr", "France", "Europe"), ("jp", "Japan", "Asia"),
                                           ("br", "Brazil", None), ("zz", None, "Nowhere")]]
    users, orders, items = [], [], []
    for u in list(range(-5, USERS - 5)) + [2**40, -(2**62)]:
        users.append((u, pick(TEXT), pick([None, 0, 17, 18, 44, 99]), pick([None, 0.0, -0.0, 1.5, 1e15, float("nan"), float("inf"), -2.25]),
                      pick(["de", "fr", "jp", "xx", None]), pick([None, True, False]), pick([None, "1970-01-01", "2001-09-09", "1969-12-31"])))
        for o in range(draw.randrange(0, 9)):
            orders.append((o, u, pick(["new", "paid", "sent", None, "New"]), pick([None, "0.00", "1.10", "19.99", "-5.00", "1234567.89"]),
                           pick([None, 0, 1, 2, 2147483647, -7]), pick([None, 1, -3, 300]), pick([None, 0.1, 0.25, -1.5, 3.0]),
                           pick([None, "2024-02-29 12:00:00", "2024-03-01 00:00:00.5", "2999-12-31 00:00:00", "1999-12-31 23:59:59"]), pick(TEXT)))
            for line in range(draw.randrange(0, 3)):
                items.append((u, o, line, pick(["s1", "s2", "S1", None]), pick([None, "1", "1.0", "1.00", "2.5", "0.3333333333", "NaN"]),
                              pick([None, 1, 9007199254740993, 9223372036854775807, -1])))
    return {"users": users, "orders": orders, "items": items, "countries": countries}


class Queries:
    """Draws a query; `order` tells how its rows are compared."""

    def __init__(self, draw):
        self.draw = draw

    def chance(self, p):
        return self.draw.random() < p

    def key(self):
        return self.draw.choice([str(self.draw.randrange(-6, USERS)), str(2**40), "999999"])

    def constant(self, kind):
        pick = self.draw.choice
        return {"int": lambda: pick(["0", "1", "2", "18", "44", "-3", "300", "null"]), "num": lambda: pick(["1.10", "0", "19.99", "1", "2.5"]),
                "float": lambda: pick(["0", "0.25", "1.5", "'NaN'", "-1"]), "text": lambda: pick(["'new'", "'a'", "'Zoë'", "''", "'de'", "'s1'"]),
                "bool": lambda: pick(["true", "false"]), "date": lambda: pick(["date '2001-09-09'", "'1970-01-01'"]),
                "ts": lambda: pick(["timestamp '2024-03-01'", "'2024-02-29 12:00:00'"])}[kind]()

    def expression(self, scope, wanted=None, depth=0):
        """A scalar expression over the tables in scope: (sql, kind)."""
        alias, table = self.draw.choice(scope)
        if wanted in (None, "text") and self.chance(0.03):  # every server has other numbers, and the same names
            column = self.draw.choice(list(TABLES[table]))
            return self.draw.choice([f"{alias}.tableoid::regclass::text", f"pg_typeof({alias}.{column})::text",
                                     f"format_type(pg_typeof({alias}.{column}), null)"]), "text"
        names = [n for n, k in TABLES[table].items() if wanted is None or k == wanted]
        if not names:
            return self.constant(wanted), wanted
        name = self.draw.choice(names)
        kind = TABLES[table][name]
        column = f"{alias}.{name}" if len(scope) > 1 or self.chance(0.3) else name
        if len(scope) > 1:
            column = f"{alias}.{name}"
        if depth < 2 and self.chance(0.3):
            if kind == "int":
                column = self.draw.choice([f"({column} + 1)", f"({column} % 7)", f"abs({column})", f"coalesce({column}, 0)", f"-{column}", f"{column}::bigint",
                                           f"case when {column} > 1 then {column} else 0 end"])
            elif kind == "num":
                column = self.draw.choice([f"({column} * 2)", f"round({column}, 1)", f"coalesce({column}, 0)"])
            elif kind == "text":
                column = self.draw.choice([f"upper({column})", f"({column} || 'x')", f"length({column})", f"coalesce({column}, 'none')", f"substr({column}, 1, 1)"])
                if column.startswith("length"):
                    kind = "int"
            elif kind == "float":
                column = self.draw.choice([f"({column} / 2)", f"coalesce({column}, 0)"])
            elif kind == "ts":
                column = self.draw.choice([f"date_trunc('day', {column})", f"extract(year from {column})"])
                kind = "num" if column.startswith("extract") else kind
        if wanted is not None and kind != wanted:
            return self.expression(scope, wanted, 2)
        return column, kind

    def predicate(self, scope, depth=0):
        roll = self.draw.random()
        if depth < 2 and roll < 0.25:
            return f"({self.predicate(scope, depth + 1)} {self.draw.choice(['and', 'or'])} {self.predicate(scope, depth + 1)})"
        if roll < 0.32:
            return f"not ({self.predicate(scope, depth + 1)})"
        keyed = [(a, t) for a, t in scope if t in KEY]
        if keyed and roll < 0.62:
            alias, table = self.draw.choice(keyed)
            key = f"{alias}.{KEY[table]}" if len(scope) > 1 else KEY[table]
            return self.draw.choice([
                f"{key} = {self.key()}", f"{key} in ({self.key()}, {self.key()})", f"{self.key()} = {key}", f"{key} = '{self.key()}'",
                f"{key} = any(array[{self.key()}, {self.key()}]::bigint[])", f"{key} = any('{{{self.key()},{self.key()}}}')", f"{key} > {self.key()}",
                f"{key} between {self.key()} and {self.key()}", f"{key} = {self.key()}::int", f"{key} is null", f"{key} = null",
                f"{key} <> {self.key()}", f"({key}, 1) = ({self.key()}, 1)", f"{key} not in ({self.key()})", f"{key} = {self.key()} + 1", f"{key} = {self.key()}.0",
                f"{key} = (select {self.key()})", f"{key} is not distinct from {self.key()}"])
        if self.chance(0.04):
            alias, table = self.draw.choice(scope)
            return self.draw.choice([f"{alias}.tableoid = '{table}'::regclass", f"{alias}.tableoid <> 'items'::regclass::oid",
                                     f"{alias}.tableoid in ('users'::regclass, to_regclass('orders'))", f"{alias}.tableoid > 10000",
                                     f"{alias}.tableoid = any ('{{users,countries}}'::regclass[])", f"{alias}.tableoid is null",
                                     f"pg_typeof({alias}.{next(iter(TABLES[table]))}) = 'bigint'::regtype", f"{alias}.tableoid = 16403"])
        sql, kind = self.expression(scope)
        return self.draw.choice([f"{sql} is null", f"{sql} is not null", f"{sql} = {self.constant(kind)}", f"{sql} > {self.constant(kind)}",
                                 f"{sql} in ({self.constant(kind)}, {self.constant(kind)})", f"{sql} <> {self.constant(kind)}"])

    def source(self):
        shape = self.draw.random()
        if shape < 0.55:
            table = self.draw.choice(["users", "orders", "orders", "items", "countries"])
            alias = self.draw.choice([table, "t"])
            return (table if alias == table else f"{table} {self.draw.choice(['', 'as '])}t"), [(alias, table)]
        if shape < 0.75:
            join = self.draw.choice(["join", "join", "inner join", "left join", "right join", "full join"])
            on = self.draw.choice(["u.id = o.user_id"] * 4 + ["o.user_id = u.id and o.qty > 0", "u.age = o.qty", "u.id = o.id"])
            return f"users u {join} orders o on {on}", [("u", "users"), ("o", "orders")]
        if shape < 0.85:
            join = self.draw.choice(["join", "left join", "right join"])
            return f"users u {join} countries c on c.code = u.country", [("u", "users"), ("c", "countries")]
        if shape < 0.93:
            return "orders o join items i on i.user_id = o.user_id and i.order_id = o.id", [("o", "orders"), ("i", "items")]
        if shape < 0.96:
            return "users u, orders o", [("u", "users"), ("o", "orders")]
        return "users u join orders o using (id)", [("u", "users"), ("o", "orders")]

    def aggregate(self, scope):
        choice = self.draw.random()
        if choice < 0.25:
            return "count(*)", "int"
        sql, kind = self.expression(scope)
        if choice < 0.4:
            return f"count({'distinct ' if self.chance(0.2) else ''}{sql})", "int"
        if choice < 0.55:
            return f"{self.draw.choice(['min', 'max'])}({sql})", kind
        if choice < 0.62:
            b, _ = self.expression(scope, "bool") if any("bool" in TABLES[t].values() for _, t in scope) else ("true", "bool")
            return f"{self.draw.choice(['bool_and', 'bool_or'])}({b})", "bool"
        if choice < 0.66:
            return self.draw.choice([f"string_agg({sql}::text, ',' order by {sql})", f"array_agg({sql} order by {sql})", f"stddev({sql})"]), "text"
        sql, kind = self.expression(scope, self.draw.choice(["int", "num", "float"]))
        filtered = f" filter (where {self.predicate(scope, 2)})" if self.chance(0.15) else ""
        return f"{self.draw.choice(['sum', 'sum', 'avg'])}({sql}){filtered}", kind

    def query(self):
        draw = self.draw
        source, scope = self.source()
        where = f" where {self.predicate(scope)}" if self.chance(0.6) else ""
        total_order = False
        tail = ""
        if self.chance(0.4):  # grouped
            groups = [self.expression(scope)[0] for _ in range(draw.randrange(0, 3))]
            outputs = [f"{g} as g{i}" for i, g in enumerate(groups)]
            outputs += [f"{self.aggregate(scope)[0]} as a{i}" for i in range(draw.randrange(1, 4))]
            if self.chance(0.2):
                outputs.append(f"{self.aggregate(scope)[0]} + 1 as c")
            draw.shuffle(outputs)
            sql = f"select {', '.join(outputs)} from {source}{where}"
            if groups:
                sql += " group by " + ", ".join(draw.choice([g, g, f"g{i}"]) for i, g in enumerate(groups))
                if self.chance(0.3):
                    sql += f" having {self.aggregate(scope)[0]} {draw.choice(['>', '<', '=', '<>'])} {draw.choice(['0', '1', '2', '10'])}"
                if self.chance(0.6):
                    order = [f"g{i}{draw.choice(['', ' desc', ' nulls first', ' desc nulls last'])}" for i in range(len(groups))]
                    if self.chance(0.4):
                        order.insert(0, "a0")
                    tail = " order by " + ", ".join(order)
                    total_order = True
        else:
            distinct = "distinct " if self.chance(0.15) else ""
            star = self.chance(0.15)
            outputs = ["*"] if star else [f"{self.expression(scope)[0]} as x{i}" for i in range(draw.randrange(1, 4))]
            sql = f"select {distinct}{', '.join(outputs)} from {source}{where}"
            if self.chance(0.6):
                order = []
                if not star and self.chance(0.6):
                    order.append(draw.choice(["1", "x0", f"x{len(outputs) - 1}"]) + draw.choice(["", " desc", " nulls first", " asc nulls last"]))
                if not star and distinct:
                    order = [str(i + 1) for i in range(len(outputs))]
                    total_order = True
                elif self.chance(0.7):
                    keys = []
                    for alias, table in scope:
                        prefix = f"{alias}." if len(scope) > 1 else ""
                        keys += [prefix + k for k in {"users": ["id"], "orders": ["user_id", "id"], "items": ["user_id", "order_id", "line"], "countries": ["code"]}[table]]
                    order += keys
                    total_order = True
                if not order:
                    order = [self.expression(scope)[0]]
                tail = " order by " + ", ".join(order)
        if self.chance(0.3):
            tail += draw.choice([f" limit {draw.randrange(0, 12)}", f" limit {draw.randrange(1, 12)} offset {draw.randrange(0, 8)}",
                                 f" offset {draw.randrange(0, 30)}", " limit all", " fetch first 3 rows only"])
        sql += tail
        if self.chance(0.06):
            sql = draw.choice([f"select count(*) from ({sql}) s", f"with w as ({sql}) select * from w", f"({sql}) union all ({sql})",
                               f"select * from ({sql}) s limit 3", f"select (select count(*) from items), * from ({sql}) s"])
            total_order = False
        return sql, total_order, any(word in sql for word in (" limit ", " offset ", " fetch "))


def normal(cell):
    # 1.0 and 1.00 are equal to DISTINCT and GROUP BY, which may show either; NaN is equal to itself here.
    if isinstance(cell, decimal.Decimal):
        return "NaN" if cell.is_nan() else cell.normalize()
    if isinstance(cell, float):
        if math.isnan(cell):
            return "NaN"
        return float(f"{cell:.9g}") + 0.0
    return cell


def compare(plain, through, ordered, limited):
    """'' when the answers agree, else in which way they differ."""
    if [(d.name, d.type_code) for d in plain[0]] != [(d.name, d.type_code) for d in through[0]]:
        return f"columns {[(d.name, d.type_code) for d in through[0]]} instead of {[(d.name, d.type_code) for d in plain[0]]}"
    a = [tuple(map(normal, row)) for row in plain[1]]
    b = [tuple(map(normal, row)) for row in through[1]]
    if len(a) != len(b):
        return f"{len(b)} rows instead of {len(a)}"
    if ordered:
        return "" if a == b else "other rows, or another order"
    if limited:
        return ""  # which rows come is free; their number agreed
    return "" if collections.Counter(map(repr, a)) == collections.Counter(map(repr, b)) else "other rows"


def ask(connection, sql, prepare, binary):
    try:
        with connection.cursor(binary=binary) as cursor:
            cursor.execute(sql, prepare=prepare) if prepare is not None else cursor.execute(sql)
            return (cursor.description, cursor.fetchall()), None
    except psycopg.Error as e:
        return None, e


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--queries", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--verbose", action="store_true")
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    print(f"seed {seed}", flush=True)
    draw = random.Random(seed)

    server = servers.Postgres()
    proxy = None
    try:
        admin = psycopg.connect(server.url(), autocommit=True)
        for name in ["plain", "primary_db", *[f"shard_{n + 1}" for n in range(SHARDS)]]:
            admin.execute(f"create database {name}")
        plain = psycopg.connect(server.url("plain"), autocommit=True)
        plain.execute(SCHEMA + PRIMARY)
        with psycopg.connect(server.url("primary_db"), autocommit=True) as c:
            c.execute(PRIMARY)
        shards = [psycopg.connect(server.url(f"shard_{n + 1}"), autocommit=True) for n in range(SHARDS)]
        for shard in shards:
            shard.execute(SCHEMA)
        plain.execute("create table bucket (k bigint) partition by hash (k)")

        def shard_of(key):
            for n in range(SHARDS):
                if plain.execute("select satisfies_hash_partition('bucket'::regclass, %s, %s, %s::bigint)", (SHARDS, n, key)).fetchone()[0]:
                    return n

        owner = {}
        for table, rows in rows_of(draw).items():
            key_at = list(TABLES[table]).index(KEY[table]) if table in KEY else None
            insert = f"insert into {table} values ({', '.join(['%s'] * len(TABLES[table]))})"
            spread = [[] for _ in shards]
            for row in rows:
                targets = range(SHARDS) if key_at is None else [owner.setdefault(row[key_at], shard_of(row[key_at]))]
                for n in targets:
                    spread[n].append(row)
            plain.cursor().executemany(insert, rows)
            for shard, part in zip(shards, spread):
                if part:
                    shard.cursor().executemany(insert, part)

        proxy = servers.Ashlar(options.binary, CONFIG.format(url=server.url("").rstrip("/")))
        through = psycopg.connect(proxy.url(), autocommit=True)
        count = collections.Counter()
        wrong = []
        queries = Queries(draw)
        for number in range(options.queries):
            sql, ordered, limited = queries.query()
            prepare = draw.choice([None, True])
            binary = draw.choice([False, True])
            expected, refused_plain = ask(plain, sql, prepare, binary)
            got, refused = ask(through, sql, prepare, binary)
            if through.closed:
                wrong.append((sql, f"the connection was lost: {refused}"))
                through = psycopg.connect(proxy.url(), autocommit=True)
                continue
            if refused is not None:
                if refused_plain is not None:
                    count["both fail"] += 1
                elif refused.sqlstate == "0A000" and refused.diag.message_hint:
                    count["refused"] += 1
                    if options.verbose:
                        print(f"refused: {refused.diag.message_primary}: {sql}")
                elif limited and (refused.sqlstate or "").startswith("22"):
                    count["failed on a row past the limit"] += 1  # each shard computes rows that the merge would drop
                else:
                    wrong.append((sql, f"failed: {refused.sqlstate} {refused} (hint {refused.diag.message_hint})"))
                continue
            if refused_plain is not None:
                # A shard may never meet the row that makes one plain database fail (a division by zero past the limit …).
                wrong.append((sql, f"answered where one plain database fails: {refused_plain}"))
                continue
            difference = compare(expected, got, ordered, limited)
            if difference:
                wrong.append((sql, difference + f"\n    plain {expected[1][:4]}\n    ours  {got[1][:4]}"))
            else:
                count["answered"] += 1
        print(dict(count))
        for sql, why in wrong[:40]:
            print(f"WRONG: {sql}\n  {why}")
        print(f"{sum(count.values())} right or refused, {len(wrong)} wrong (seed {seed})")
        through.close()
        return 1 if wrong or count["answered"] < options.queries // 5 else 0
    finally:
        if proxy is not None:
            proxy.stop()
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
