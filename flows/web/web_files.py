"""Files of a server: style sheets and scripts of the package, and images of the store.

Inputs: a file's name; an image's bytes, which a route found by the store's index. Outputs: responses with the type that
the bytes have, a validator, and how long a browser keeps them. No name of a request ever becomes a path or a key.
"""

from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files

from fastapi import Request
from fastapi.responses import Response

MAX_IMAGE_BYTES = 64 * 2**20
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def static_url(name: str) -> str:
    """Return the address of a file that pages load; it changes with the file. Raises KeyError for an unknown one."""
    return f"/static/{name}?v={sha256(static_files()[name]).hexdigest()[:12]}"


@cache
def static_files() -> dict[str, bytes]:
    """Return every file that pages load by its name: the report's style sheet, and those of `flows/web/static`."""
    found = {"report.css": files("tasks").joinpath("templates/report.css").read_bytes()}
    for file in files("flows.web").joinpath("static").iterdir():
        if any(file.name.endswith(suffix) for suffix in _TYPES):
            found[file.name] = file.read_bytes()
    return found


def static_response(name: str) -> Response | None:
    """Return a file; None where there is none of that name. Nothing is looked up on a disk."""
    data = static_files().get(name)
    if data is None:
        return None
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=_TYPES["." + name.rsplit(".", 1)[1]], headers=headers)


def image_response(request: Request, data: bytes) -> Response:
    """Return an image that the store's index named. Its type is what its bytes say, and it is kept by the browser.

    Anything but JPEG and PNG, and what is larger than `MAX_IMAGE_BYTES`, is not sent.
    """
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None or len(data) > MAX_IMAGE_BYTES:
        return Response("This is no image that can be shown.", HTTPStatus.UNPROCESSABLE_ENTITY, media_type="text/plain")
    tag = f'"{sha256(data).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if tag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(data, media_type=kind, headers=headers)
