"""Content encodings that clickhouse-connect uses of ClickHouse's HTTP interface."""

import gzip
import zlib
from collections.abc import Callable
from typing import Final

import lz4.frame
from backports import zstd

from deploy.embedded.clickhouse.errors import ClickHouseError


def _every_lz4_frame(body: bytes) -> bytes:
    # clickhouse-connect makes a frame of each block; lz4 would stop, silently, behind the first.
    rest = memoryview(body)
    parts = []
    while rest:
        part, read = lz4.frame.decompress(rest, return_bytes_read=True)
        parts.append(part)
        rest = rest[read:]
    return b"".join(parts)


def _whole_zlib(body: bytes) -> bytes:
    stream = zlib.decompressobj()
    data = stream.decompress(body)
    if not stream.eof or stream.unused_data:
        raise zlib.error("it ends early, or something follows it")
    return data


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "deflate": _whole_zlib,
    "gzip": gzip.decompress,
    "lz4": _every_lz4_frame,
    "zstd": zstd.decompress,
}
# In the order in which a caller who takes several gets them: the cheapest to make first.
_ENCODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "zstd": lambda data: zstd.compress(data, 1),
    "lz4": lz4.frame.compress,
    "gzip": lambda data: gzip.compress(data, 1),
    "deflate": lambda data: zlib.compress(data, 1),
}


def decode(body: bytes, *, encoding: str) -> bytes:
    """Return a request's body as it was before its Content-Encoding.

    Raises:
        ClickHouseError: UNKNOWN_COMPRESSION_METHOD; INCORRECT_DATA when the body is not that.
    """
    if encoding in {"", "identity"}:
        return body
    decoder = _DECODERS.get(encoding)
    if decoder is None:
        known = ", ".join(sorted(_DECODERS))
        raise ClickHouseError(
            89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown Content-Encoding {encoding}; known: {known}"
        )
    try:
        return decoder(body)
    except (OSError, EOFError, RuntimeError, zlib.error, zstd.ZstdError) as error:
        raise ClickHouseError(
            117, "INCORRECT_DATA", f"The body is not whole {encoding}: {error}"
        ) from error


def accepted(header: str) -> str | None:
    """Return the encoding to answer with for an Accept-Encoding header; None for plain."""
    offered = {part.split(";")[0].strip() for part in header.split(",")}
    return next((name for name in _ENCODERS if name in offered), None)


def encode(body: bytes, *, encoding: str) -> bytes:
    """Return the body in an encoding that `accepted` gave."""
    return _ENCODERS[encoding](body)
