"""`:8001/metrics` (Prometheus) and `:8001/progress` (JSON). Read-only."""

import json
import socket
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from valence_trainer.errors import Failure
from valence_trainer.progress import Progress


class _Server(ThreadingHTTPServer):
    """Listens on IPv6 and IPv4 through one socket; on IPv4 alone where the node has no IPv6."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # HTTPServer's own would ask DNS for a name of the address, which nothing here uses.
        TCPServer.server_bind(self)


def serve_progress(progress: Progress, port: int) -> ThreadingHTTPServer:
    """Answers from a daemon thread; ends with the process."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(progress.registry))
                case "/progress":
                    self._answer(200, "application/json", json.dumps(asdict(progress.snapshot)).encode())
                case _:
                    self._answer(404, "text/plain; charset=utf-8", b"paths: /metrics, /progress\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Scrapes are not worth a line each."""

    try:
        server = _Server(("", port), Handler)
    except OSError as error:
        raise Failure(
            "SpecInvalid", f"--metrics-port: {port} cannot be listened on ({error.strerror}); name another, or 'off'"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
