#!/usr/bin/python3
"""What the tests of registries need beside a real one.

registry.py image URL NAME TAG [LAYERS [BYTES]]   makes an image and puts it into the registry at URL, as plain HTTP;
                                                  prints its parts as JSON
registry.py index URL NAME TAG PLATFORM=TAG...    makes a multi-platform index of images that are there
registry.py front PORT URL FAULT [ARGUMENT]       a server before the registry at URL, with a fault:
    none
    drop N        ends the connection in the middle of a blob, N times for each
    norange N     the same, and does not know of ranges
    stall N       falls silent in the middle of a layer, N times for each
    together N    gives layers to those who want N of them at once
    flip          changes a byte of each layer
    short         gives less of each blob than it has, and says so
    long          gives more
    redirect URL  sends those who want blobs to URL
    loop          to itself, for ever
    silent        takes requests and never answers
    drip          gives a manifest a byte at a time
    huge          a manifest without end
    endless       refuses blobs with words without end
    lie           a manifest of another digest than it says
    busy N        is too busy for the first N requests
    token URL     wants a token of the server at URL, made by the next
    nochunks      refuses uploads in pieces
    cut N         ends the connection in the middle of an upload, N times
registry.py tokens PORT USER PASSWORD             a token server; an empty USER: whoever asks gets one
registry.py plain PORT DIR                        files of DIR by their digest, for redirects

Servers write what they are asked to standard output, a line a request: METHOD PATH AUTHORIZATION RANGE.
"""
import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import sys
import tarfile
import threading
import time
import urllib.parse
import urllib.request

TOKEN = "a-token-of-this-test"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- images ----

def ask(method, url, data=None, kind="application/octet-stream"):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request) as answer:
        return answer.headers


def put_blob(url, name, data):
    where = ask("POST", f"{url}/v2/{name}/blobs/uploads/", b"")["Location"]
    ask("PUT", where + ("&" if "?" in where else "?") + "digest=" + digest_of(data), data)


def layer(number, size):
    """A tar of a file of its own and one that each layer has; gzip's header without a time."""
    chance = random.Random(number)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in ((f"layer-{number}", chance.randbytes(size)), ("last", str(number).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


def make_image(url, name, tag, layers=2, size=1000):
    tars = [layer(number, int(size)) for number in range(int(layers))]
    blobs = [gzip.compress(tar, 1, mtime=0) for tar in tars]
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"], "Labels": {"tag": tag}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]}}).encode()

    def described(kind, data):
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(data), "size": len(data)}

    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", config),
        "layers": [described("layer.v1.tar+gzip", blob) for blob in blobs]}, indent=3).encode()
    for blob in blobs + [config]:
        put_blob(url, name, blob)
    ask("PUT", f"{url}/v2/{name}/manifests/{tag}", manifest, "application/vnd.oci.image.manifest.v1+json")
    print(json.dumps({"manifest": digest_of(manifest), "config": digest_of(config), "size": len(manifest),
                      "layers": [digest_of(blob) for blob in blobs], "diff_ids": [digest_of(tar) for tar in tars]}))


def make_index(url, name, tag, *members):
    manifests = []
    kind = "application/vnd.oci.image.manifest.v1+json"
    for member in members:
        platform, of = member.split("=")
        request = urllib.request.Request(f"{url}/v2/{name}/manifests/{of}", headers={"Accept": kind})
        with urllib.request.urlopen(request) as answer:
            data = answer.read()
        parts = platform.split("/")
        manifests.append({"mediaType": kind, "digest": digest_of(data), "size": len(data),
                          "platform": dict(zip(("os", "architecture", "variant"), parts))})
    kind = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).encode()
    ask("PUT", f"{url}/v2/{name}/manifests/{tag}", index, kind)
    print(digest_of(index))


# ---- servers ----

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def note(self):
        login, part = (self.headers.get(name, "-") for name in ("Authorization", "Range"))
        # In one piece: others write, too.
        print(f"{self.command} {self.path} {login} {part}\n", end="", flush=True)

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Front(Handler):
    url = fault = argument = None
    barrier = None
    done = {}
    lock = threading.Lock()

    def count(self, key):
        """How often that came before."""
        with Front.lock:
            Front.done[key] = Front.done.get(key, 0) + 1
            return Front.done[key] - 1

    def forward(self, body):
        host = urllib.parse.urlsplit(self.url)
        link = http.client.HTTPConnection(host.hostname, host.port)
        ours = ("host", "authorization", "expect", "range")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ours}
        headers["Host"] = self.headers["Host"]
        link.request(self.command, self.path, body, headers)
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def pass_on(self, status, headers, data):
        kept = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "connection", "date")}
        if self.command == "HEAD":
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            return
        self.reply(status, data, **{k.replace("-", "_"): v for k, v in kept.items()})

    def end(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)

    def is_blob(self):
        return self.command == "GET" and "/blobs/sha256:" in self.path

    def blob(self, status, headers, data):
        """A blob from where it is asked for, with the fault."""
        start = 0
        asked = self.headers.get("Range")
        if asked and self.fault != "norange":
            start = int(asked.split("=")[1].split("-")[0])
        if self.fault == "flip" and len(data) > 600:
            data = data[:300] + bytes([data[300] ^ 1]) + data[301:]
        if self.fault == "short":
            data = data[:len(data) // 2]
        if self.fault == "long":
            data += b"x"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        rest = data[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.fault == "together" and len(data) > 600:
            Front.barrier.wait(20)
        if self.fault == "stall" and len(data) > 600 and self.count(self.path) < int(self.argument):
            self.wfile.write(rest[:max(1, len(rest) // 2)])
            time.sleep(1000)
        if self.fault in ("drop", "norange") and self.count(self.path) < int(self.argument):
            self.wfile.write(rest[:max(1, len(rest) // 2)] if self.fault == "drop" else data[:len(data) * 2 // 3])
            self.end()
        else:
            self.wfile.write(rest)

    def manifest_fault(self):
        if self.fault == "huge":
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            self.end_headers()
            for _ in range(100000):
                self.wfile.write(b" " * 65536)
        elif self.fault == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "4000")
            self.end_headers()
            for _ in range(4000):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.2)
        else:
            return False
        self.end()
        return True

    def answer(self):
        self.note()
        if self.fault == "silent":
            time.sleep(1000)
        if self.fault == "endless" and self.is_blob():
            self.send_response(404)
            self.end_headers()
            while True:
                self.wfile.write(b"no " * 20000)
        if self.fault == "loop" and self.is_blob():
            return self.reply(307, Location=self.path)
        if self.fault == "redirect" and self.is_blob():
            return self.reply(307, Location=self.argument + "/" + self.path.split("/")[-1])
        if self.fault == "busy" and self.count("busy") < int(self.argument):
            return self.reply(503)
        if self.fault == "token" and self.headers.get("Authorization") != "Bearer " + TOKEN:
            scope = ""
            if self.path != "/v2/":
                scope = ',scope="repository:%s:pull"' % self.path[4:].split("/manifests/")[0].split("/blobs/")[0]
            return self.reply(401, WWW_Authenticate=f'Bearer realm="{self.argument}/token",service="the tests"{scope}')
        if "/manifests/" in self.path and self.manifest_fault():
            return None
        return self.upload_or_forward()

    def upload_or_forward(self):
        length = int(self.headers.get("Content-Length", 0))
        if self.fault == "nochunks" and self.command == "PATCH":
            self.rfile.read(length)
            return self.reply(405, b'{"errors":[{"code":"UNSUPPORTED","message":"no pieces here"}]}')
        if self.fault == "cut" and self.command in ("PATCH", "PUT") and "/blobs/" in self.path and length > 100000 \
                and self.count("cut") < int(self.argument):
            self.rfile.read(length // 2)
            return self.end()
        status, headers, data = self.forward(self.rfile.read(length) if length else None)
        if self.fault == "lie" and "/manifests/" in self.path:
            data += b" "
        if self.is_blob() and status == 200:
            return self.blob(status, headers, data)
        return self.pass_on(status, headers, data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer


class Tokens(Handler):
    user = password = None

    def do_GET(self):
        self.note()
        wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and self.headers.get("Authorization") != wanted:
            self.reply(401, b'{"details":"not with this password"}')
        else:
            self.reply(200, json.dumps({"token": TOKEN}).encode())


class Plain(Handler):
    directory = None

    def do_GET(self):
        self.note()
        hexadecimal = self.path.split(":")[-1]
        path = f"{self.directory}/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
        if os.path.exists(path):
            with open(path, "rb") as data:
                self.reply(200, data.read())
        else:
            self.reply(404)


def serve(handler, port, host="127.0.0.1"):
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer((host, int(port)), handler).serve_forever()


def main(verb, *args):
    if verb == "image":
        make_image(*args)
    elif verb == "index":
        make_index(*args)
    elif verb == "front":
        Front.url, Front.fault = args[1], args[2]
        Front.argument = args[3] if len(args) > 3 else None
        if Front.fault == "together":
            Front.barrier = threading.Barrier(int(Front.argument))
        serve(Front, args[0])
    elif verb == "tokens":
        Tokens.user, Tokens.password = args[1], args[2]
        serve(Tokens, args[0])
    elif verb == "plain":
        Plain.directory = args[1]
        serve(Plain, args[0], "127.0.0.2")


main(*sys.argv[1:])
