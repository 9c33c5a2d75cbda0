"""The contents of a delivered file: itself, or what is packed in it by gzip or zip, each to be read as a stream.

A content may be opened again and again, since a text is surveyed before it is read. Nothing is unpacked to the disk but
for the forms that must be read out of order (Parquet, Excel), and then under the limits. Archives in archives are
refused.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO

from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from crm_platform.sources.readers.content import FileContent, TextFacts
from crm_platform.sources.readers.streams import (
    BLOCK_BYTES,
    ByteStream,
    LimitedStream,
    check_readable,
    container_of,
    gzip_stream,
)

ENCRYPTED_FLAG = 0x1
SPREADSHEET_MEMBERS = frozenset({"[Content_Types].xml", "mimetype"})


@dataclass(frozen=True)
class Content:
    """One content of a delivered file: the file itself (`container` plain), its gzip, or one member of its zip.

    name is for messages: the file's name, and the member's within a zip. facts: what a survey told of it as text, if
    there was one before.
    """

    path: Path
    name: str
    container: str
    limits: ReadLimits
    member: str | None = None
    facts: TextFacts | None = None

    @contextmanager
    def stream(self) -> Iterator[ByteStream]:
        """Open the content from its start, unpacked under the limits."""
        if self.container == "zip":
            with zipfile.ZipFile(self.path) as archive, self._open_member(archive) as member:
                yield LimitedStream(member, self._packed_bytes(archive), self.limits, self.name)
            return
        with self.path.open("rb") as file:
            if self.container == "plain":
                yield file
            else:
                packed = self.path.stat().st_size
                yield LimitedStream(gzip_stream(file), packed, self.limits, self.name)

    def _open_member(self, archive: zipfile.ZipFile) -> IO[bytes]:
        try:
            return archive.open(self.member or "")
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError):
            raise RefusedFile(
                "damaged_archive", f"{self.name} cannot be unpacked: pack it again with deflate, no password"
            ) from None

    def _packed_bytes(self, archive: zipfile.ZipFile) -> int:
        return archive.getinfo(self.member or "").compress_size

    def head(self, size: int) -> bytes:
        """The first bytes of the content."""
        with self.stream() as stream:
            return stream.read(size)

    @contextmanager
    def on_disk(self, workspace: Path) -> Iterator[Path]:
        """A path that holds the unpacked content: the file itself, or a copy in `workspace` that goes afterwards."""
        if self.container == "plain":
            yield self.path
            return
        workspace.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=workspace, prefix="unpacked-") as copy, self.stream() as stream:
            while block := stream.read(BLOCK_BYTES):
                copy.write(block)
            copy.flush()
            yield Path(copy.name)


def contents(path: Path, limits: ReadLimits, identified: FileContent | None = None) -> list[Content]:
    """The contents of a file in order: one for a plain or gzip file, one for each member of a zip.

    A spreadsheet, which is a zip by its bytes, counts as plain. identified: what `identify` told of the file, whose
    survey is then not made again; of no account when the file has another size by now.
    Raises RefusedFile: a_directory, not_found, not_readable, empty_file, truncated_archive, damaged_archive,
    encrypted_archive, nested_archive, empty_archive.
    """
    check_readable(path)
    with path.open("rb") as file:
        container = container_of(file.read(4))
    if container == "zip":
        return _zip_contents(path, limits)
    is_unchanged = identified is not None and identified.size == path.stat().st_size
    facts = identified.text if identified is not None and is_unchanged else None
    content = Content(path, path.name, container, limits, facts=facts)
    if container == "gzip":
        _check_unpacked(content)
    return [content]


def _zip_contents(path: Path, limits: ReadLimits) -> list[Content]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except zipfile.BadZipFile:
        raise RefusedFile(
            "truncated_archive", f"{path.name} is a zip without its directory, cut off perhaps: ask for it again"
        ) from None
    if SPREADSHEET_MEMBERS & {member.filename for member in members}:
        return [Content(path, path.name, "plain", limits)]
    wanted = [member for member in members if not _is_litter(member.filename)]
    if not wanted:
        raise RefusedFile("empty_archive", f"{path.name} is a zip with no file in it: ask for it again")
    _check_sizes(path, wanted, limits)
    if any(member.flag_bits & ENCRYPTED_FLAG for member in wanted):
        raise RefusedFile("encrypted_archive", f"{path.name} is locked with a password: deliver it without one")
    found = [Content(path, f"{path.name}:{member.filename}", "zip", limits, member.filename) for member in wanted]
    for content in found:
        _check_unpacked(content)
    return found


def _check_sizes(path: Path, members: list[zipfile.ZipInfo], limits: ReadLimits) -> None:
    """Refuse by the sizes a zip declares for all members together; `LimitedStream` holds each to what it really is."""
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.maximum_unpacked_bytes:
        raise RefusedFile(
            "archive_bomb", f"{path.name} unpacks to {unpacked:,} bytes: deliver it in parts, or raise the limits"
        )


def _check_unpacked(content: Content) -> None:
    head = content.head(512)
    if not head:
        raise RefusedFile("empty_file", f"{content.name} is empty once unpacked: ask for it to be delivered again")
    if container_of(head) != "plain" and not _is_spreadsheet_head(head):
        raise RefusedFile("nested_archive", f"{content.name} holds an archive again: pack the file once only")


def _is_spreadsheet_head(head: bytes) -> bool:
    """Whether a zip's first member, which stands at its very start, is that of an xlsx or an ods."""
    with io.BytesIO(head) as start:
        start.seek(30)
        name = start.read(int.from_bytes(head[26:28], "little")).decode("utf-8", "replace")
    return head.startswith(b"PK") and (name in SPREADSHEET_MEMBERS or name.startswith(("xl/", "_rels/", "docProps/")))


def _is_litter(name: str) -> bool:
    """What packing programs leave in a zip beside the files: resource forks, thumbnails, hidden files."""
    parts = PurePosixPath(name).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1] in ("Thumbs.db", "desktop.ini")
