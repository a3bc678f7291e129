#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An admission hook that does what the room's name says, and writes down what it is asked."""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import socketserver
import ssl
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("secret")
arguments.add_argument("log")
arguments.add_argument("--certificate", help="file with it and its key: speak TLS")
arguments = arguments.parse_args()

ANSWERS = {
    "allow": {"allowed": True},
    "deny": {"allowed": False, "reason": "not on the list"},
    "mute": {"allowed": True, "can_publish": False},
    "named": {"allowed": True, "identity": "4711", "name": "Somebody"},
    "short": {"allowed": True, "lifetime": 2},
    "odd": {"allowed": "yes"},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hmac.new(arguments.secret.encode(), body, hashlib.sha256).digest()
        wanted = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        question = json.loads(body)
        question["signed"] = self.headers.get("X-Sluice-Signature") == wanted
        with open(arguments.log, "a", encoding="utf-8") as log:
            print(json.dumps(question), file=log)
        kind = question["room"].split("-")[0].split("/")[0]
        if kind == "slow":
            time.sleep(3)
        elif kind == "garbage":
            self.wfile.write(b"\x00\xff what?")
        elif kind == "huge":
            self.reply(200, b" " * 1000000 + b'{"allowed":true}')
        elif kind == "redirect":
            self.reply(302, b"", Location="/elsewhere")
        elif kind != "drop":
            answer = ANSWERS.get(kind) or ANSWERS["deny" if question["room"].startswith("0") else "allow"]
            self.reply(200, json.dumps(answer).encode())

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("", arguments.port), Handler)
if arguments.certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
