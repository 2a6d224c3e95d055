"""Runs the servers of docs/in-the-machine.md, and holds its vectors against the library."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

from programs import ROOT, blocks, call, expect


class Served:
    """A server of docs/in-the-machine.md as a process, at a free port in place of its 8000."""

    def __init__(self, language, text, folder, **environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        file = folder / ("server.py" if language == "python" else "server.mjs")
        file.write_text(text.replace("8000", str(self.port)))
        self.command = [sys.executable if language == "python" else "node", str(file)]
        self.environment = environment

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env={**os.environ, **self.environment}, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:  # until it listens
            try:
                self.status("OPTIONS", "/")
                return self
            except ConnectionRefusedError:
                time.sleep(0.02)
        self.process.kill()
        raise SystemExit(f"{self.command} does not listen: {self.process.communicate()[1]}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def status(self, method, target, **headers):
        return self.answer(method, target, **headers).status

    def answer(self, method, target, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        connection.close()
        return answer


SECRET = "s3cr3t"


def in_the_machine():
    """Each server is asked with good and bad credentials; the vectors are signed anew."""
    page = (ROOT / "docs" / "in-the-machine.md").read_text()
    vectors = re.findall(r"^\| `([^`]*[?&]exp=1700003600)` \| `([^`]*)` \| `([\w-]{43})` \|$", page, re.M)
    expect(len(vectors) == 5, f"docs/in-the-machine.md has {len(vectors)} vectors")
    for target, text, signature in vectors:
        signed = call("auth.url.sign", {"url": target, "secret": SECRET, "now": "2023-11-14T22:13:20Z"})["url"]
        path, _, query = signed.partition("?")
        pairs = query.split("&")
        canonical = f"{path or '/'}?{'&'.join(pair for pair in pairs if not pair.startswith('sig='))}"
        expect(f"sig={signature}" in pairs and canonical == text, f"the vector {target} is signed as {signed}")
    programs = blocks("docs/in-the-machine.md")
    expect([language for language, _ in programs] == ["python", "js"] * 2, "docs/in-the-machine.md has other programs")
    for language, text in programs:
        variable = "ATLAS_SIGNING_SECRET" if "ATLAS_SIGNING_SECRET" in text else "ATLAS_PRESHARED_KEY"
        check = signed_urls if variable == "ATLAS_SIGNING_SECRET" else bearer
        with tempfile.TemporaryDirectory() as folder:
            with Served(language, text, pathlib.Path(folder), **{variable: SECRET}) as server:
                for name, got, wanted in check(server, [target for target, _, _ in vectors]):
                    expect(got == wanted, f"docs/in-the-machine.md, {language}, {variable}: {name} answers {got}, not {wanted}")
            without = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
            ended = subprocess.run(server.command, env=without, capture_output=True, text=True, timeout=60)
            expect(ended.returncode == 1 and variable in ended.stderr, f"{language} serves without {variable}")
    print("ok   docs/in-the-machine.md python, js")
    return 4


def bearer(server, _):
    yield "the token", server.status("GET", "/", Authorization=f"Bearer {SECRET}"), 200
    yield "no token", server.status("GET", "/"), 401
    yield "another token", server.status("GET", "/", Authorization="Bearer s3cr3u"), 401
    yield "a shorter one", server.status("GET", "/", Authorization="Bearer s3cr3"), 401
    yield "bytes that are no ASCII", server.status("GET", "/", Authorization="Bearer s3cr3\xfc"), 401
    yield "the scheme alone", server.status("GET", "/", Authorization="Bearer"), 401
    yield "a preflight", server.status("OPTIONS", "/"), 204
    asked = server.answer("OPTIONS", "/", **{"Access-Control-Request-Headers": "authorization,content-type"})
    yield "a preflight of a POST of JSON", asked.getheader("Access-Control-Allow-Headers").lower().split(", "), ["authorization", "content-type"]
    yield "a page of another site", server.answer("GET", "/", Authorization=f"Bearer {SECRET}").getheader("Access-Control-Allow-Origin"), "*"


def signed_urls(server, targets):
    for target in targets:
        url = call("auth.url.sign", {"url": target, "secret": SECRET})["url"]
        yield url, server.status("GET", url if url.startswith("/") else "/" + url), 200
    good = call("auth.url.sign", {"url": "/stream?a=1&b=x+y", "secret": SECRET})["url"]
    old = call("auth.url.sign", {"url": "/stream?a=1", "secret": SECRET, "now": "2023-11-14T22:13:20Z"})["url"]
    other = call("auth.url.sign", {"url": "/stream?a=1", "secret": "another"})["url"]
    yield "an expired one", server.status("GET", old), 401
    yield "one of another secret", server.status("GET", other), 401
    yield "a forged parameter", server.status("GET", good.replace("a=1", "a=2")), 401
    yield "a later end", server.status("GET", re.sub(r"exp=\d+", "exp=9999999999", good)), 401
    yield "another path", server.status("GET", good.replace("/stream", "/other")), 401
    yield "the same in another spelling", server.status("GET", good.replace("b=x+y", "b=%78%20y")), 200
    yield "no signature", server.status("GET", re.sub(r"&sig=[\w-]*", "", good)), 401
    yield "a cut signature", server.status("GET", good[:-1]), 401
    yield "a broken escape", server.status("GET", good + "&c=%zz"), 401
    yield "nothing", server.status("GET", "/stream"), 401
    yield "a page of another site", server.answer("GET", good).getheader("Access-Control-Allow-Origin"), "*"
