#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes webhooks and proves them by the standard library alone: one line of JSON for each request, with the
event and what is wrong with it (null = nothing). --refuse N answers 503 to the first N requests."""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time


def part(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def fault_of(headers, body, key, secret):
    if headers.get("Content-Type") != "application/webhook+json":
        return "content type"
    token = headers.get("Authorization", "")
    if token.count(".") != 2:
        return "no token"
    head, claims, signature = token.split(".")
    if json.loads(part(head)).get("alg") != "HS256":
        return "algorithm"
    want = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(want, part(signature)):
        return "signature"
    said = json.loads(part(claims))
    if said.get("iss") != key:
        return "issuer"
    if not time.time() < said.get("exp", 0) < time.time() + 600:
        return "expiry"
    if said.get("sha256") != base64.b64encode(hashlib.sha256(body).digest()).decode():
        return "digest"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--refuse", type=int, default=0)
    options = parser.parse_args()
    seen = [0]

    class Receiver(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = fault_of(self.headers, body, options.key, options.secret)
            seen[0] += 1
            status = 503 if seen[0] <= options.refuse else 401 if fault else 200
            print(json.dumps({"status": status, "fault": fault, **json.loads(body)}), flush=True)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Receiver).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
