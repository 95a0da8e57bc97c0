#!/usr/bin/env python3
"""The edge beside nginx: requests, full handshakes and idle connections over TLS 1.3, both on this machine.

    benches/edge/run.py STOCKADE [--seconds 5] [--idle 9000]

STOCKADE is a program of the profile `release` or `dist`; nginx and wrk are those on the path. Ours answers a
signed-in request that asks no database (the log's key): session, limits, headers, and no line in a log, on either side. nginx sends a file of as many bytes under the same certificate, and
has no session to look at. CPU is what the kernel counts for the processes of each server, per request that was
answered well.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import http.cookiejar
import json
import os
import pathlib
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

# One browser from sign-in to bench: a session that changes its browser ends.
AGENT = "bench/1"
PASSWORD = "correct horse battery staple of a bench"
SETTINGS = """
[log]
level = "warn"
[server]
connections = {connections}
[limits]
general_per_minute = 1000000
api_per_minute = 1000000
account_per_minute = 1000000
"""
NGINX = """
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/nginx.log error;
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 100000000; client_body_temp_path {root}; proxy_temp_path {root};
    fastcgi_temp_path {root}; uwsgi_temp_path {root}; scgi_temp_path {root}; keepalive_timeout 300s;
    server {{
        listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3; ssl_certificate {root}/chain.pem;
        ssl_certificate_key {root}/key.pem; ssl_session_tickets off; root {root}/www;
    }}
}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def family(pid):
    """A process and its children."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [pid] + [int(one) for one in out.stdout.split()]


def cpu_s(pid):
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for one in family(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def resident_mb(pid):
    total = 0
    for one in family(pid):
        for line in pathlib.Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total / 1024


def totp(secret):
    """RFC 6238, as an authenticator does it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Ours:
    name, path = "stockade", "/api/v1/audit/key"

    def __init__(self, program, root, idle):
        (root / "stockade.toml").write_text(SETTINGS.format(connections=idle + 500))
        words = [program, "--data-dir", str(root), "serve", "--listen", "127.0.0.1:0", "--json"]
        log = root / "stockade.log"
        self.child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log.open("w"), text=True)
        said = ""
        while not said.rstrip().endswith("}"):
            line = self.child.stdout.readline()
            if not line:
                sys.exit(f"stockade does not start: {log.read_text()[-2000:]}")
            said += line
        started = json.loads(said)
        self.port = int(started["listen"].rsplit(":", 1)[1]) if "listen" in started else int(
            started["url"].rstrip("/").rsplit(":", 1)[1])
        self.pid = self.child.pid
        self.trust = ssl.create_default_context(cafile=str(root / "tls/authority.pem"))
        self.jar = http.cookiejar.CookieJar()
        self.open = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=self.trust), urllib.request.HTTPCookieProcessor(self.jar))
        self.open.addheaders = [("User-Agent", AGENT)]
        self.sign_in(started["setup_link"])
        self.answer = self.get()

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def post(self, path, form):
        head = {"Content-Type": "application/json", "Origin": self.url("")}
        request = urllib.request.Request(self.url(path), json.dumps(form).encode(), head)
        with self.open.open(request) as answer:
            return json.load(answer)

    def get(self):
        with self.open.open(self.url(self.path)) as answer:
            return answer.read()

    def sign_in(self, link):
        form = {"token": link.split("#")[1], "email": "owner@example.org", "password": PASSWORD}
        begun = self.post("/api/v1/setup/begin", form)
        code = totp(begun["totp"]["secret"])
        self.post("/api/v1/setup/finish", {"ticket": begun["ticket"], "code": code})

    def cookie(self):
        return "; ".join(f"{one.name}={one.value}" for one in self.jar)


class Nginx:
    name, path = "nginx", "/file.json"

    def __init__(self, ours, root):
        (root / "www").mkdir()
        (root / "www/file.json").write_bytes(ours.answer)
        self.port = free_port()
        self.certify(root)
        (root / "nginx.conf").write_text(NGINX.format(root=root, port=self.port))
        os.chmod(root, 0o755)
        self.child = subprocess.Popen(["nginx", "-c", str(root / "nginx.conf"), "-p", str(root)])
        self.pid = self.child.pid
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("nginx does not start")

    @staticmethod
    def certify(root):
        """An authority and a leaf under it, both on P-256, as ours has them: a client that is shown a leaf alone, or one
        that signed itself, looks for no issuer, and has half of the work."""
        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=root)

        for name in ("authority", "key"):
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.pem")
        openssl("req", "-x509", "-key", "authority.pem", "-subj", "/CN=authority", "-days", "2", "-out", "root.pem")
        openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=localhost", "-out", "leaf.csr")
        (root / "leaf.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "authority.pem", "-CAcreateserial",
                "-days", "2", "-extfile", "leaf.cnf", "-out", "leaf.pem")
        (root / "chain.pem").write_text((root / "leaf.pem").read_text() + (root / "root.pem").read_text())

    def cookie(self):
        return ""


def requests(server, seconds):
    """CPU microseconds of the server for one request, and requests a second."""
    words = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-H", f"User-Agent: {AGENT}", "-H", f"Cookie: {server.cookie()}",
             f"https://localhost:{server.port}{server.path}"]
    subprocess.run(words[:3] + ["-d1s"] + words[4:], capture_output=True, check=True)
    before = cpu_s(server.pid)
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    used = cpu_s(server.pid) - before
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{server.name}: {said}")
    count = int(next(line for line in said.splitlines() if "requests in" in line).split()[0])
    return used / count * 1e6, count / seconds


def handshakes(server, seconds):
    """CPU microseconds of the server for one full handshake, and handshakes a second."""
    words = ["openssl", "s_time", "-connect", f"127.0.0.1:{server.port}", "-new", "-time", str(seconds), "-tls1_3"]
    before = cpu_s(server.pid)
    four = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(4)]
    count = 0
    for one in four:
        lines = one.communicate()[0].splitlines()
        count += int(next(line for line in lines if "connections in" in line and "real seconds" in line).split()[0])
    used = cpu_s(server.pid) - before
    return used / count * 1e6, count / seconds


async def idle(server, count):
    """Megabytes of the server while so many connections are open, and how many it had then."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    room, lines = asyncio.Semaphore(32), []

    async def one(number):
        async with room:
            near = (f"127.0.{number // 200 % 250}.{number % 200 + 1}", 0)
            # A backlog that is full for a moment refuses; whoever comes again is let in.
            for _ in range(20):
                try:
                    lines.append(await asyncio.open_connection(
                        "127.0.0.1", server.port, ssl=trust, local_addr=near, server_hostname="localhost"))
                    return
                except OSError:
                    await asyncio.sleep(0.2)

    before = resident_mb(server.pid)
    await asyncio.gather(*(one(number) for number in range(count)))
    inside = subprocess.run(["ss", "-Htn", "state", "established", f"( sport = :{server.port} )"],
                            capture_output=True, text=True, check=True).stdout.count("\n")
    after = resident_mb(server.pid)
    for _, writer in lines:
        writer.transport.abort()
    return before, after, inside


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("stockade", type=pathlib.Path)
    asked.add_argument("--seconds", type=int, default=5)
    asked.add_argument("--idle", type=int, default=9000)
    ask = asked.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        ours = Ours(ask.stockade, pathlib.Path(one), ask.idle)
        nginx = Nginx(ours, pathlib.Path(two))
        try:
            print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} processors; answer of {len(ours.answer)} bytes")
            print("| | request, CPU µs | a second | handshake, CPU µs | a second | "
                  f"{ask.idle} idle, MB | before |")
            print("|---|---|---|---|---|---|---|")
            for server in (ours, nginx):
                cost, rate = requests(server, ask.seconds)
                shake, shakes = handshakes(server, ask.seconds)
                before, after, inside = asyncio.run(idle(server, ask.idle))
                print(f"| {server.name} | {cost:.1f} | {rate:.0f} | {shake:.0f} | {shakes:.0f} | "
                      f"{after:.0f} ({inside} open) | {before:.0f} |", flush=True)
        finally:
            for server in (ours, nginx):
                server.child.send_signal(signal.SIGTERM)
                server.child.wait()


if __name__ == "__main__":
    main()
