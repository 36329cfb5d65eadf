"""A small identity provider on this machine: it describes itself, gives codes, and signs tokens with a key of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "escalate"
SECRET = "a secret of the client"


class Provider(ThreadingHTTPServer):
    """Says of a person what `grant` was told to say."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, tuple[dict[str, Any], str, Any]] = {}
        self.userinfo: dict[str, Any] = {}
        self.changes: dict[str, Any] = {}
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def grant(self, asked: str, claims: dict[str, Any], key: Any = None) -> dict[str, str]:
        """Return what a person brings back after signing in, given the address to which the server sent the browser."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}
        assert asked.startswith(f"{self.address}/authorize?")
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        now = int(time.time())
        standard = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": "subject",
            "iat": now,
            "exp": now + 60,
            "nonce": query["nonce"],
        }
        all_claims = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        code = secrets.token_hex(8)
        self.codes[code] = (all_claims, query["code_challenge"], key or self.key)
        return {"code": code, "state": query["state"]}


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Describe the provider, its key, or a person."""
        provider = self.server
        numbers = provider.key.public_key().public_numbers()
        answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": provider.address,
                "authorization_endpoint": f"{provider.address}/authorize",
                "token_endpoint": f"{provider.address}/token",
                "jwks_uri": f"{provider.address}/keys",
                "userinfo_endpoint": f"{provider.address}/userinfo",
                "id_token_signing_alg_values_supported": ["RS256"],
                **provider.changes,
            },
            "/keys": {
                "keys": [
                    {
                        "kty": "RSA",
                        "kid": "1",
                        "alg": "RS256",
                        "use": "sig",
                        "n": _number(numbers.n),
                        "e": _number(numbers.e),
                    }
                ]
            },
            "/userinfo": provider.userinfo,
        }
        self._answer(200 if self.path in answers else 404, answers.get(self.path, {}))

    def do_POST(self) -> None:
        """Give a token for a code, once, to whoever knows the secret and began it."""
        length = int(self.headers["Content-Length"])
        asked = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        claims, challenge, key = self.server.codes.pop(asked.get("code", ""), ({}, "", None))
        verifier = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        known = (asked.get("client_id"), asked.get("client_secret")) == (CLIENT, SECRET)
        if not claims or not known or base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != challenge:
            self._answer(400, {"error": "invalid_grant"})
            return
        signed: Any = (None, "none") if key == "none" else (key, "RS256")
        token = jwt.encode(claims, signed[0], algorithm=signed[1], headers={"kid": "1"})
        self._answer(200, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
