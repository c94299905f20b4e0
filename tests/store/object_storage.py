"""An object storage that speaks S3, on this machine and in this process, that tests can stop and watch."""

import threading
from contextlib import contextmanager

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTKEY",
    "AWS_SECRET_ACCESS_KEY": "very-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class _Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


class ObjectStorage:
    """A server; `seen` are its requests as (method, path)."""

    def __init__(self):
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": self.url}
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id="another",
            aws_secret_access_key="another",
            config=Config(proxies={}),
        )
        self.seen = []
        self._lock = threading.Lock()
        self._puts = None  #: how many more writes are let through
        self._pending, self._stopped = 0, False
        self._held, self._release = threading.Event(), threading.Event()
        self.refused = ()  #: ends of paths that may not be read
        self.after = {}  #: by the end of a path that is written, what is done then

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if "another" in environ.get("HTTP_AUTHORIZATION", ""):
            return self._application(environ, start_response)
        self.seen.append((method, path))
        if method == "GET" and path.endswith(self.refused or ("\0",)):
            return _answer(start_response, "403 Forbidden", environ)
        if method != "PUT":
            return self._application(environ, start_response)
        if not self._is_let_through():
            self._release.wait()
            return _answer(start_response, "503 Service Unavailable", environ)
        answer = list(self._application(environ, start_response))
        with self._lock:
            self._pending -= 1
            self._tell()
        for end in [end for end in self.after if path.endswith(end)]:
            self.after.pop(end)()
        return answer

    def _is_let_through(self):
        with self._lock:
            self._stopped = self._puts == 0
            if self._stopped:
                self._tell()
                return False
            self._puts = self._puts and self._puts - 1
            self._pending += 1
            return True

    def _tell(self):
        if self._stopped and not self._pending:
            self._held.set()

    @contextmanager
    def holding(self, puts):
        """Let some writes through, and no more; yields an event: these are done, and another is tried."""
        self._puts, self._stopped = puts, False
        self._held.clear()
        self._release.clear()
        try:
            yield self._held
        finally:
            self._puts = None
            self._release.set()

    def objects(self, bucket):
        """Return the content of each object of a bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def close(self):
        self.client.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _answer(start_response, status, environ):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response(status, [("Content-Type", "application/xml")])
    code = "AccessDenied" if status.startswith("403") else "SlowDown"
    return [f"<Error><Code>{code}</Code><Message>{status}</Message></Error>".encode()]
