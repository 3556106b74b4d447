#!/usr/bin/env python3
"""Checks tools/layers.txt against the code: a room includes only itself, the rooms on its line, and <ashlar/…>.

Also: public headers include nothing of src/, and epoll and poll are named only in core/io (and in testkit, which runs programs).
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
allowed, order = {}, []
for line in (root / "tools/layers.txt").read_text().splitlines():
    if line.startswith("#") or ":" not in line:
        continue
    room, deps = line.split(":", 1)
    allowed[room] = set(deps.split())
    for dep in allowed[room]:
        if dep not in order:
            sys.exit(f"tools/layers.txt: {room} leans on {dep}, which does not stand above it")
    order.append(room)

include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
wrong = []
for path in sorted((root / "src").rglob("*")):
    if path.suffix not in {".cpp", ".hpp", ".c", ".h"}:
        continue
    here = path.relative_to(root / "src").parts[0]
    if here not in allowed:
        wrong.append(f"{path.relative_to(root)}: the room {here} has no line in tools/layers.txt")
        continue
    for quote, name in include.findall(path.read_text()):
        there = name.split("/")[0]
        if quote == '"' and there in allowed and there != here and there not in allowed[here]:
            wrong.append(f"{path.relative_to(root)}: includes {name}, but {here} does not lean on {there}")
        if name in ("sys/epoll.h", "poll.h") and here != "testkit" and not str(path.relative_to(root)).startswith("src/core/io/"):
            wrong.append(f"{path.relative_to(root)}: includes <{name}>, which only core/io may")
for path in sorted((root / "include").rglob("*.hpp")):
    for quote, name in include.findall(path.read_text()):
        if quote == '"' or name.split("/")[0] in allowed:
            wrong.append(f"{path.relative_to(root)}: a public header includes {name}, which is not installed")

for each in wrong:
    print(each)
print(f"layers: {len(order)} rooms, {len(wrong)} wrong arrows")
sys.exit(1 if wrong else 0)
