"""A server that answers the Hub's client as the Hub does: repository info, and files at a commit, with the Hub's headers.

Repositories named after a status code in their owner (`denied-403/x`) are refused with it.
"""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_test"

_INFO = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/([^/?]+))?")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class HubServer:
    """`repositories`: name -> directory. `private`: names that need the token."""

    def __init__(self, repositories: dict[str, Path], private: frozenset[str] = frozenset()) -> None:
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def _answer(self, with_body: bool) -> None:
                hub.requests.append(f"{self.command} {self.path}")
                if match := _INFO.fullmatch(self.path.partition("?")[0]):
                    directory = self._repository(match[2], match[3])
                    if directory is not None:
                        names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
                        info = {"id": match[2], "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
                        self._send(200, json.dumps(info).encode(), {"content-type": "application/json"}, with_body)
                elif match := _FILE.fullmatch(self.path):
                    directory = self._repository(match[2], match[3])
                    if directory is not None:
                        path = directory / match[4]
                        if not path.is_file():
                            self._refuse(404, "EntryNotFound")
                            return
                        body = path.read_bytes()
                        etag = hashlib.sha256(body).hexdigest()
                        self._send(200, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, with_body)
                else:
                    self._refuse(404, None)

            def _repository(self, name: str, revision: str | None) -> Path | None:
                status = re.search(r"-(\d{3})/", name)
                if status:
                    self._refuse(int(status[1]), "GatedRepo" if name.startswith("gated") else None)
                elif name not in repositories or (name in private and self.headers.get("authorization") != f"Bearer {TOKEN}"):
                    # The Hub does not tell an anonymous caller whether a repository exists.
                    self._refuse(401, "RepoNotFound")
                elif revision not in (None, "main", COMMIT):
                    self._refuse(404, "RevisionNotFound")
                else:
                    return repositories[name]
                return None

            def _refuse(self, status: int, code: str | None) -> None:
                self._send(status, b'{"error": "refused"}', {"X-Error-Code": code} if code else {}, self.command == "GET")

            def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if with_body:
                    self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
