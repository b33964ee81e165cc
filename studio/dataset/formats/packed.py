"""Files packed by gzip or Zstandard, unpacked once into a file of its own, as far as that is bounded.

What reads rows goes back to the beginning, and of a packed file that means to unpack it again.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from studio.errors import AskedWrongly

# Ending of the name → the first bytes of such a file.
PACKED = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
MAX_UNPACKED_BYTES = 16 * 1024**3
# A text packs 3 to 30 times, a long run of one letter a thousand times: such a file is made to fill a disk.
MAX_RATIO = 300
_RATIO_FROM_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_PACKED_BYTES = 4096


def ending_of(path: Path) -> str:
    """The ending of a file's name in lower case, that of the packing left out: ``.jsonl`` of ``rows.jsonl.gz``."""
    inner = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return inner.suffix.lower()


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is packed in a way that is read."""
    return any(head.startswith(start) for start in PACKED.values())


def unpacked(raw: BinaryIO, file: str) -> Iterator[bytes]:
    """What is in a packed file, a piece at a time.

    Raises AskedWrongly for a damaged file, and for one that unpacks to far more than data does.
    """
    import zstandard

    raw.seek(0)
    pieces = _of_gzip if raw.read(2) == PACKED[".gz"] else _of_zstandard
    raw.seek(0)
    done = 0
    try:
        for piece in pieces(raw):
            done += len(piece)
            _check(done, raw.tell(), file)
            yield piece
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        said = str(error).rstrip(".") or type(error).__name__
        hint = "Copy it again; it may have been cut off."
        raise AskedWrongly(f"{file}: cannot be unpacked: {said}.", hint) from error


def _of_gzip(raw: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=raw) as opened:
        while piece := opened.read(_CHUNK_BYTES):
            yield piece


def _of_zstandard(raw: BinaryIO) -> Iterator[bytes]:
    """Frame by frame, from small pieces: 4 KB can become 128 MB. Raises EOFError for a frame that has no end."""
    import zstandard

    unpacking = zstandard.ZstdDecompressor()
    frame, is_begun = unpacking.decompressobj(), False
    while packed := raw.read(_PACKED_BYTES):
        while packed:
            if frame.eof:
                frame = unpacking.decompressobj()
            yield frame.decompress(packed)
            packed, is_begun = frame.unused_data, not frame.eof
    if is_begun:
        raise EOFError("it ends in the middle")


def _check(done: int, read: int, file: str) -> None:
    if done > MAX_UNPACKED_BYTES:
        raise AskedWrongly(f"{file}: unpacks to more than {MAX_UNPACKED_BYTES / 2**30:g} GB.", "Unpack it first.")
    if done > _RATIO_FROM_BYTES and done > MAX_RATIO * max(1, read):
        raise AskedWrongly(
            f"{file}: unpacks to more than {MAX_RATIO} times its size, which no data does.",
            "If it really is data, unpack it first.",
        )
