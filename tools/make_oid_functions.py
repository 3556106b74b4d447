#!/usr/bin/env python3
"""Writes src/route/oid_functions.inc: which of PostgreSQL's own functions take oids, and in which arguments.

usage: tools/make_oid_functions.py [/usr/share/postgresql/15/postgres.bki] > src/route/oid_functions.inc

One line for each name and number of arguments of which some overload takes an oid, a regclass or the like: the arguments
(bit 0 is the first) that are one in every such overload, and those that are one in some of them only.
"""
import shlex
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/postgresql/15/postgres.bki"
OIDS = {24, 26, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191}
INTERNAL = {2275, 2281}  # cstring, internal: nobody calls these
calls, inside = {}, False
for line in open(path, encoding="utf-8"):
    if line.startswith("create "):
        inside = line.startswith("create pg_proc ")
    if not inside or not line.startswith("insert ("):
        continue
    f = shlex.split(line[len("insert ("):line.rindex(")")])
    name, defaults, types = f[1], int(f[17]), [int(t) for t in f[19].split()]
    if f[9] != "f" or any(t in INTERNAL for t in types):  # an aggregate computes
        continue
    for count in range(len(types) - defaults, len(types) + 1):
        calls.setdefault((name, count), []).append(types[:count])

print("// Made by tools/make_oid_functions.py from PostgreSQL 15's bootstrap catalogue. Sorted by name and arguments.")
print("// OID_FUNCTION(name, number of arguments, oids in every overload, oids in some)")
for (name, count), overloads in sorted(calls.items()):
    masks = [sum(1 << i for i, t in enumerate(types) if t in OIDS) for types in overloads]
    always, some = masks[0], 0
    for mask in masks:
        always &= mask
        some |= mask
    if some:
        print(f'OID_FUNCTION("{name}", {count}, {always}, {some & ~always})')
