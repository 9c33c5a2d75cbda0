"""Streams of bytes: opening a file, telling a gzip or a zip by its magic, unpacking under limits.

What the bytes mean as text stands in `content.py`; the members of an archive in `archive.py`.
"""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from crm_platform.sources.readers.batch import RATIO_HOLDS_FROM, ReadLimits, RefusedFile

BLOCK_BYTES = 8 * 1024**2
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


class ByteStream(Protocol):
    """The one method the readers need of an open binary file."""

    def read(self, size: int = -1, /) -> bytes: ...


def container_of(magic: bytes) -> str:
    """`gzip`, `zip` or `plain`, by the first bytes and never by the name."""
    if magic.startswith(GZIP_MAGIC):
        return "gzip"
    return "zip" if magic.startswith(ZIP_MAGICS) else "plain"


def check_readable(path: Path) -> None:
    """Refuse what cannot be opened as a file with something in it.

    Raises RefusedFile: a_directory, not_found, not_readable, empty_file.
    """
    name = path.name
    try:
        if path.is_dir():
            raise RefusedFile("a_directory", f"{name} is a folder, not a file: name the files in it with a glob")
        if not path.exists():
            raise RefusedFile("not_found", f"{name} is not there any more: deliver it again")
        if not path.is_file():
            raise RefusedFile("not_readable", f"{name} is not a regular file: deliver it as a file")
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        why = error.strerror or "it cannot be opened"
        raise RefusedFile("not_readable", f"{name} cannot be read ({why}): give the platform's user access") from None
    if is_empty:
        raise RefusedFile("empty_file", f"{name} is empty (0 bytes): ask for it to be delivered again")


class LimitedStream:
    """A stream of unpacked bytes that stops before it becomes a bomb and names what is wrong with the archive.

    Raises RefusedFile from `read`: archive_bomb, truncated_archive, damaged_archive.
    """

    def __init__(self, stream: ByteStream, packed_bytes: int, limits: ReadLimits, name: str) -> None:
        self._stream = stream
        self._packed_bytes = max(packed_bytes, 1)
        self._limits = limits
        self._name = name
        self.unpacked_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, never more than a block at a time."""
        wanted = BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES)
        try:
            block = self._stream.read(wanted)
        except EOFError:
            raise RefusedFile(
                "truncated_archive", f"{self._name} ends in the middle of its packed data: ask for it again"
            ) from None
        except (OSError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
            raise RefusedFile(
                "damaged_archive", f"{self._name} cannot be unpacked ({type(error).__name__}): ask for it again"
            ) from None
        self.unpacked_bytes += len(block)
        self._check()
        return block

    def _check(self) -> None:
        ratio = self.unpacked_bytes / self._packed_bytes
        is_too_dense = self.unpacked_bytes > RATIO_HOLDS_FROM and ratio > self._limits.maximum_ratio
        if is_too_dense or self.unpacked_bytes > self._limits.maximum_unpacked_bytes:
            raise RefusedFile(
                "archive_bomb",
                f"{self._name} unpacks to over {self.unpacked_bytes:,} bytes, {ratio:,.0f} times its size:"
                " deliver it in parts, or raise the limits",
            )


def gzip_stream(file: BinaryIO) -> BinaryIO:
    """The unpacked bytes of a gzip file; several gzip members one after the other read as one."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
