"""Real servers for the client tests written in Python: a PostgreSQL in a temporary folder, and `ashlar serve` before it.

Everything listens on free ports of 127.0.0.1 below 32768 and is ended by its own pid. As root, PostgreSQL runs as the user
`postgres`; the machine's own clusters are never touched.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def free_port():
    for port in range(20000 + os.getpid() % 5000, 32768):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no port below 32768 is free")


def wait_for(condition, what, within=30.0):
    end = time.monotonic() + within
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not come within {within:.0f}s")


def answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Postgres:
    def __init__(self, locale="C", **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-pg-", dir="/tmp"))
        self.port = free_port()
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run([*self.as_user, str(BIN / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust",
                        "--locale", locale, "-E", "UTF8", "-N"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        given = {"fsync": "off", "max_connections": "200", "max_prepared_transactions": "50", "listen_addresses": "127.0.0.1",
                 "port": str(self.port), "unix_socket_directories": str(self.folder), "log_min_messages": "warning", **settings}
        args = [a for k, v in given.items() for a in ("-c", f"{k}={v}")]
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([*self.as_user, str(BIN / "postgres"), "-D", str(self.folder / "data"), *args],
                                        stdout=log, stderr=log, cwd="/")
        wait_for(lambda: answers(self.port), "PostgreSQL")
        wait_for(lambda: subprocess.run([str(BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0,
                 "PostgreSQL")

    def url(self, database="postgres"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Ashlar:
    """`ashlar serve` with the configuration given, whose [serve] section is added here: trust, user `demo`, database `shop`."""

    def __init__(self, binary, configuration, extra_serve=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-serve-", dir="/tmp"))
        self.port = free_port()
        self.config = self.folder / "ashlar.toml"
        self.config.write_text(configuration + f"""
[serve]
listen_addr = "127.0.0.1"
listen_port = {self.port}
database = "shop"
auth_type = "trust"
{extra_serve}
[serve.users]
demo = "demo"
""")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([binary, "serve", "-c", str(self.config)], stdout=self.log, stderr=self.log)
        try:
            wait_for(lambda: answers(self.port) or self.process.poll() is not None, "ashlar serve")
        except RuntimeError:
            self.process.kill()
            raise
        if self.process.poll() is not None:
            raise RuntimeError("ashlar serve ended: " + (self.folder / "log").read_text())

    def url(self):
        return f"postgres://demo@127.0.0.1:{self.port}/shop"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
