#!/usr/bin/env python3
"""Writes the table of examples in docs/reference/sql.md from sql_shapes.txt; with --check, fails when it is not up to date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
begin, end = "<!-- examples: made by tools/make_sql_page.py -->", "<!-- end of examples -->"
words = {"yes": "answered", "no": "refused", "-": ""}


def shown(statement):
    statement = statement.replace("{n}", "1").replace("|", "\\|")
    if len(statement) > 120:
        statement = statement[:100].rsplit(", (", 1)[0] + ", …"
    return f"`{statement}`"


out = []
for line in (root / "docs/reference/sql_shapes.txt").read_text().splitlines():
    if not line.strip() or line.startswith("#"):
        continue
    if line.startswith("= "):
        out.append(f"\n### {line[2:]}\n\n| statement | PostgreSQL | SQLite |\n|---|---|---|\n")
        continue
    match = re.fullmatch(r"(yes|no|-)\s+(yes|no|-)\s*\| (.*?)( \| proxy)?", line)
    if not match:
        sys.exit(f"sql_shapes.txt: cannot read: {line}")
    postgres, sqlite, statement, proxy = match.groups()
    note = " (proxy)" if proxy else ""
    out.append(f"| {shown(statement)}{note} | {words[postgres]} | {words[sqlite]} |\n")

page = root / "docs/reference/sql.md"
text = page.read_text()
if begin not in text or end not in text:
    sys.exit("docs/reference/sql.md has no place for the examples")
before, rest = text.split(begin)
made = before + begin + "\n" + "".join(out) + "\n" + end + rest.split(end)[1]
if "--check" in sys.argv:
    if made != text:
        sys.exit("docs/reference/sql.md is not up to date: run tools/make_sql_page.py")
else:
    page.write_text(made)
