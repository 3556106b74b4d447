#!/usr/bin/env python3
"""pgbench -S directly, through PgBouncer and through Ashlar, in one run: transactions a second, and the pooler's own CPU
for 100,000 transactions.

Four PostgreSQL databases hold pgbench_accounts, sharded by aid with the function `hash`; "direct" and PgBouncer go to one
plain database with all rows. Rounds are interleaved, so that what else runs on the machine hits all alike; the table shows
medians. Everything listens on 127.0.0.1 on ports below 32768, in a temporary folder, and is ended by its pid.

    tools/bench_pgbench.py [--ashlar build/release/bin/ashlar] [--seconds 4] [--rounds 3] [--clients 16,64] [--modes …]
"""
import argparse, os, pwd, random, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

PG = "/usr/lib/postgresql/15/bin"
PGBOUNCER = "/usr/sbin/pgbouncer"
ROWS = 100_000
HZ = os.sysconf("SC_CLK_TCK")


def free_port():
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def unprivileged():
    if os.geteuid() != 0:
        return None
    who = pwd.getpwnam("postgres")

    def become():
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)
    return become


class Children:
    def __init__(self):
        self.all = []

    def start(self, name, arguments, log, **more):
        child = subprocess.Popen(arguments, stdout=open(log, "ab"), stderr=subprocess.STDOUT, **more)
        self.all.append((name, child))
        return child

    def stop(self):
        for _, child in reversed(self.all):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        for _, child in reversed(self.all):
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_for_port(port, child, log):
    for _ in range(200):
        if child.poll() is not None:
            sys.exit(f"it ended at once; its log:\n{open(log).read()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on {port}")


def psql(port, database, sql):
    done = subprocess.run([f"{PG}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", database],
                          input=sql, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


def start_postgres(folder, children):
    data, log = os.path.join(folder, "data"), os.path.join(folder, "postgres.log")
    become = unprivileged()
    subprocess.run([f"{PG}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"],
                   check=True, stdout=subprocess.DEVNULL, preexec_fn=become)
    port = free_port()
    server = children.start("postgres", [f"{PG}/postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", folder,
                                         "-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=256MB",
                                         "-c", "autovacuum=off"], log, preexec_fn=become)
    wait_for_port(port, server, log)
    for _ in range(100):
        if subprocess.run([f"{PG}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode == 0:
            break
        time.sleep(0.05)
    return port


TABLES = """
create table pgbench_branches(bid int primary key, bbalance int, filler char(88));
create table pgbench_tellers(tid int primary key, bid int, tbalance int, filler char(84));
create table pgbench_accounts(aid int primary key, bid int, abalance int, filler char(84));
create table pgbench_history(tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
insert into pgbench_branches values (1, 0, '');
insert into pgbench_tellers select i, 1, 0, '' from generate_series(1, 10) i;
"""


def fill(port):
    psql(port, "postgres", "create database plain; " + "; ".join(f"create database shard_{i}" for i in range(1, 5)))
    psql(port, "plain", TABLES + f"insert into pgbench_accounts select i, 1, 0, '' from generate_series(1, {ROWS}) i; vacuum analyze;")
    for i in range(1, 5):
        # The rows of this shard, by PostgreSQL's own hash partitioning.
        psql(port, f"shard_{i}", TABLES + f"""
            create table parts(aid int) partition by hash(aid);
            insert into pgbench_accounts select i, 1, 0, '' from generate_series(1, {ROWS}) i
              where satisfies_hash_partition('parts'::regclass, 4, {i - 1}, i);
            drop table parts;""" + "vacuum analyze;")


def start_pgbouncer(folder, port, children, pool_mode):
    own, log = free_port(), os.path.join(folder, f"pgbouncer-{pool_mode}.log")
    ini = os.path.join(folder, f"pgbouncer-{pool_mode}.ini")
    with open(os.path.join(folder, "users.txt"), "w") as f:
        f.write('"postgres" ""\n')
    with open(ini, "w") as f:
        f.write(f"""[databases]
main = host=127.0.0.1 port={port} dbname=plain user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = {pool_mode}
default_pool_size = {16 if pool_mode == 'transaction' else 100}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
logfile = {log}
unix_socket_dir =
""")
    for name in (ini, os.path.join(folder, "users.txt")):
        os.chmod(name, 0o644)
    child = children.start("pgbouncer", [PGBOUNCER, ini], os.path.join(folder, f"pgbouncer-{pool_mode}.out"), preexec_fn=unprivileged())
    wait_for_port(own, child, os.path.join(folder, f"pgbouncer-{pool_mode}.out"))
    return own, child.pid


def start_ashlar(program, folder, port, workers, children):
    own, log, toml = free_port(), os.path.join(folder, "ashlar.log"), os.path.join(folder, "ashlar.toml")
    with open(toml, "w") as f:
        f.write(f"""[databases.primary]
url = "postgres://postgres@127.0.0.1:{port}/plain"

[shards]
function = "hash"
key_type = "integer"
count = 4
url = "postgres://postgres@127.0.0.1:{port}/shard_{{shard}}"

[tables]
pgbench_accounts = {{ shard_key = "aid" }}
pgbench_branches = {{ kind = "reference" }}
pgbench_tellers = {{ kind = "reference" }}

[pool]
max_connections = 16
min_connections = 0

[serve]
listen_addr = "127.0.0.1"
listen_port = {own}
workers = {workers}
auth_type = "trust"
database = "main"
""")
    child = children.start("ashlar", [program, "serve", "--config", toml], log)
    wait_for_port(own, child, log)
    return own, child.pid


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def run_pgbench(port, database, mode, clients, seconds):
    done = subprocess.run([f"{PG}/pgbench", "-n", "-S", "-M", mode, "-c", str(clients), "-j", "2", "-T", str(seconds), "-h", "127.0.0.1",
                           "-p", str(port), "-U", "postgres", database], text=True, capture_output=True)
    transactions = tps = None
    for line in done.stdout.splitlines():
        if line.startswith("number of transactions actually processed:"):
            transactions = int(line.split(":")[1].split("/")[0])
        if line.startswith("tps ="):
            tps = float(line.split()[2])
    if not transactions or "FATAL" in done.stderr or "ERROR" in done.stderr:
        sys.exit(f"pgbench failed:\n{done.stdout}\n{done.stderr}")
    return transactions, tps


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ashlar", default="build/release/bin/ashlar")
    ask.add_argument("--seconds", type=int, default=4)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--clients", default="16,64")
    ask.add_argument("--modes", default="simple,extended,prepared")
    ask.add_argument("--workers", type=int, default=2)
    how = ask.parse_args()

    folder = tempfile.mkdtemp(prefix="ashlar-bench-")
    os.chmod(folder, 0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    children = Children()
    try:
        port = start_postgres(folder, children)
        fill(port)
        places = {"direct": (port, "plain", None)}
        if os.path.exists(PGBOUNCER):
            own, pid = start_pgbouncer(folder, port, children, "transaction")
            places["PgBouncer"] = (own, "main", pid)
            # Debian 12's PgBouncer 1.18 knows no prepared statements but in session pooling.
            session = start_pgbouncer(folder, port, children, "session")
        own, pid = start_ashlar(how.ashlar, folder, port, how.workers, children)
        places["Ashlar"] = (own, "main", pid)

        print(f"{'mode':<10}{'clients':>8}  {'through':<28}{'tps':>9}  {'pooler CPU s per 100,000':>25}")
        for mode in how.modes.split(","):
            for clients in (int(c) for c in how.clients.split(",")):
                seen = {name: ([], []) for name in places}
                for _ in range(how.rounds):
                    for name, (at, database, pid) in places.items():
                        if name == "PgBouncer" and mode == "prepared":
                            at, pid = session
                        before = cpu_seconds(pid) if pid else 0
                        transactions, tps = run_pgbench(at, database, mode, clients, how.seconds)
                        used = cpu_seconds(pid) - before if pid else 0
                        seen[name][0].append(tps)
                        seen[name][1].append(used * 100_000 / transactions)
                for name, (tps, cpu) in seen.items():
                    figure = f"{statistics.median(cpu):>25.2f}" if places[name][2] else f"{'-':>25}"
                    shown = "PgBouncer (session pooling)" if name == "PgBouncer" and mode == "prepared" else name
                    print(f"{mode:<10}{clients:>8}  {shown:<28}{statistics.median(tps):>9.0f}  {figure}", flush=True)
    finally:
        children.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
