"""Replacing a database or a list by a newer one, from a file or a URL."""

import base64
import gzip
import hashlib
import io
import lzma
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from sentinel.enrich.databases import DatabaseStatus, Kind, describe, updated_path, write_atomically
from sentinel.enrich.lists import read_list
from sentinel.errors import FileError

#: Largest database taken, in bytes, also after unpacking: the biggest commercial city database is 130 MiB.
LIMIT: Final = 512 << 20

#: Largest list taken, in bytes: two million lines.
LIST_LIMIT: Final = 64 << 20

#: Seconds without a byte before a download is given up.
TIMEOUT: Final = 60.0

_CHUNK: Final = 1 << 20


def update(kind: Kind, source: str, state: Path, *, sha256: str | None = None, limit: int = LIMIT) -> DatabaseStatus:
    """Fetch a database from a path or http(s) URL, check it, swap it in; say what it is.

    ``.gz`` and ``.xz`` are unpacked (told by their first bytes). ``sha256`` (hex) is of the file as fetched.
    On any error (:class:`~sentinel.errors.FileError`) the former database stays in force.
    Running daemons take the new one up when they reload.
    """
    data = _checked(source, sha256, limit)
    target = updated_path(kind, state)
    candidate = target.with_name(f"candidate-{kind}.mmdb")
    write_atomically(candidate, data)
    try:
        describe(kind, "updated", candidate)
    except FileError as error:
        raise FileError(_without_secrets(source), f"{error.message}; kept the former database") from error
    else:
        candidate.replace(target)
    finally:
        candidate.unlink(missing_ok=True)
    return describe(kind, "updated", target)


def update_list(kind: str, source: str, target: Path, *, sha256: str | None = None, limit: int = LIST_LIMIT) -> int:
    """Replace the list file ``target`` in the same way; say how many networks and ASNs it names.

    The list is read before it is swapped in; an empty one is refused, as a failed download looks like that.
    """
    data = _checked(source, sha256, limit)
    candidate = target.with_name(f".candidate-{target.name}")
    write_atomically(candidate, data)
    try:
        count = len(read_list(kind, candidate))
        if not count:
            raise FileError(source, "names no network")
        candidate.replace(target)
    except FileError as error:
        message = f"{error.message}; kept the former list"
        raise FileError(_without_secrets(source), message, line=error.line) from error
    finally:
        candidate.unlink(missing_ok=True)
    return count


def _checked(source: str, sha256: str | None, limit: int) -> bytes:
    data = fetch(source, limit)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256.strip().lower():
        raise FileError(_without_secrets(source), "its SHA-256 is not the expected one; kept the former file")
    return unpacked(data, source, limit)


def fetch(source: str, limit: int) -> bytes:
    """The bytes of a path or http(s) URL, at most ``limit`` of them."""
    shown = _without_secrets(source)
    try:
        if urlsplit(source).scheme in ("http", "https"):
            with _opener().open(_request(source), timeout=TIMEOUT) as answer:
                return _read(answer, shown, limit)
        if "://" in source:
            raise FileError(shown, "only files, http and https can be read")
        with Path(source).open("rb") as file:
            return _read(file, shown, limit)
    except urllib.error.HTTPError as error:
        error.close()
        raise FileError(shown, f"the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise FileError(shown, f"cannot be fetched: {getattr(error, 'reason', error)}") from error
    except OSError as error:
        raise FileError(shown, f"cannot be read: {error.strerror or error}") from error


def unpacked(data: bytes, source: str, limit: int) -> bytes:
    """``data``, unpacked when it is gzip or xz; refuses what would grow over ``limit`` bytes."""
    shown = _without_secrets(source)
    try:
        if data.startswith(b"\x1f\x8b"):
            return _read(gzip.GzipFile(fileobj=io.BytesIO(data)), shown, limit)
        if data.startswith(b"\xfd7zXZ\0"):
            return _read(lzma.LZMAFile(io.BytesIO(data)), shown, limit)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise FileError(shown, f"cannot be unpacked: {error}") from error
    return data


def _read(file: IO[bytes] | gzip.GzipFile | lzma.LZMAFile, shown: str, limit: int) -> bytes:
    parts, size = [], 0
    while part := file.read(_CHUNK):
        size += len(part)
        if size > limit:
            raise FileError(shown, f"is larger than {limit >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _without_secrets(source: str) -> str:
    """URLs of database vendors carry the licence key in user, password or query."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return source
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _request(source: str) -> urllib.request.Request:
    """User and password in the URL become an ``Authorization`` header, which a redirect does not carry on."""
    parts = urlsplit(source)
    login, _, host = parts.netloc.rpartition("@")
    # the opener takes http and https only
    request = urllib.request.Request(  # noqa: S310
        urlunsplit(parts._replace(netloc=host)), headers={"User-Agent": "sentinel"}
    )
    if login:
        token = base64.b64encode(unquote(login).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _opener() -> urllib.request.OpenerDirector:
    """Follows redirects, but never from http(s) to another kind of URL."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
