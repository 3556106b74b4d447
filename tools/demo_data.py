#!/usr/bin/env python3
"""tools/demo_data.py FOLDER [USERS [ORDERS]]: the shop's rows as CSV: users.csv, orders.csv, countries.csv.

Countries come from the distribution's package iso-codes. The rest is drawn from a fixed seed, so that every run of the
demo shows the same shop: orders are spread unevenly over users, as they are in life.
"""
import csv
import json
import pathlib
import random
import sys
import uuid
from datetime import datetime, timedelta

folder = pathlib.Path(sys.argv[1])
users = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
orders = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
folder.mkdir(parents=True, exist_ok=True)
draw = random.Random(20260101)

countries = json.load(open("/usr/share/iso-codes/json/iso_3166-1.json"))["3166-1"]
with open(folder / "countries.csv", "w", newline="") as out:
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["code", "name", "numeric_code"])
    for country in sorted(countries, key=lambda c: c["alpha_2"]):
        rows.writerow([country["alpha_2"], country.get("common_name", country["name"]), int(country["numeric"])])
codes = sorted(c["alpha_2"] for c in countries)
weights = [1 / (rank + 2) for rank in range(len(codes))]
draw.shuffle(codes)

first = "Ada Alan Barbara Claude Dennis Edsger Frances Grace Hedy Ivan Jean John Katherine Ken Leslie Lynn Margaret Niklaus Radia Tim".split()
last = "Allen Conway Dijkstra Goldberg Hamilton Hopper Johnson Kay Knuth Lamarr Lamport Liskov Lovelace Perlman Ritchie Shannon Sutherland Thompson Turing Wirth".split()
start = datetime(2023, 1, 1)

def show(done):
    """How far it is, on a terminal."""
    if sys.stdout.isatty():
        print(f"\r  {done:,} of {orders:,} orders", end="" if done < orders else "\n", flush=True)


def stamp(seconds):
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")

ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(users)]
homes = draw.choices(codes, weights, k=users)
with open(folder / "users.csv", "w") as out:
    out.write("id,name,email,country,created_at\n")
    for number, (key, home) in enumerate(zip(ids, homes)):
        a, b = first[draw.randrange(20)], last[draw.randrange(20)]
        out.write(f"{key},{a} {b},{a.lower()}.{b.lower()}.{number}@example.org,{home},{stamp(draw.randrange(31_536_000))}\n")

states = ["delivered"] * 14 + ["shipped"] * 3 + ["pending"] * 2 + ["cancelled"]
with open(folder / "orders.csv", "w") as out:
    out.write("id,user_id,status,total,created_at\n")
    for number in range(1, orders + 1):
        if number % 50_000 == 0 or number == orders:
            show(number)
        # The square makes a few users order much and most a little.
        owner = ids[int(users * draw.random() ** 2)]
        cents = int(min(draw.lognormvariate(8.3, 0.9), 5_000_000)) + 99
        out.write(f"{number},{owner},{states[draw.randrange(20)]},{cents // 100}.{cents % 100:02d},{stamp(31_536_000 + draw.randrange(78_840_000))}\n")
