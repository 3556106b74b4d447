#!/usr/bin/env python3
"""Writes src/route/builtin_functions.inc: PostgreSQL's own functions, from the server's bootstrap catalogue.

usage: tools/make_builtin_functions.py [/usr/share/postgresql/15/postgres.bki] > src/route/builtin_functions.inc

One line a name: the worst volatility of its overloads (i, s, v), the kind (f function, a aggregate, w window,
m several), whether any overload returns a set, and the result type when all overloads agree and it is no pseudo-type.
"""
import shlex
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/postgresql/15/postgres.bki"
functions, inside = {}, False
for line in open(path, encoding="utf-8"):
    if line.startswith("create "):
        inside = line.startswith("create pg_proc ")
    if not inside or not line.startswith("insert ("):
        continue
    f = shlex.split(line[len("insert ("):line.rindex(")")])
    name, kind, returns_set, volatility, result = f[1], f[9], f[13] == "t", f[14], int(f[18])
    functions.setdefault(name, []).append((kind, returns_set, volatility, result))

order = "isv"
PSEUDO = set(range(2249, 2284)) | {2776, 3500, 3831, 4537, 5077, 5078, 5079, 5080, 3115, 3838, 325, 269, 3310}
print("// Made by tools/make_builtin_functions.py from PostgreSQL 15's bootstrap catalogue. Sorted by name.")
print("// BUILTIN(name, volatility, kind, returns a set, result type or 0)")
for name in sorted(functions):
    overloads = functions[name]
    kinds = {o[0] for o in overloads}
    kind = kinds.pop() if len(kinds) == 1 else "m"
    volatility = max((o[2] for o in overloads), key=order.index)
    results = {o[3] for o in overloads}
    result = results.pop() if len(results) == 1 else 0
    if result in PSEUDO:
        result = 0
    print(f"BUILTIN(\"{name}\", '{volatility}', '{kind}', {'true' if any(o[1] for o in overloads) else 'false'}, {result})")
