"""Files that hold no table that Palate reads, by their first bytes: what each is, and what to do with it."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file, by the bytes that it begins with."""

    magic: bytes
    name: str
    advice: str


HEAD = 1 << 12
"""Number of bytes that tell the kind."""

UNPACK = "unpack it first"
NO_TABLE = "it holds no table"
IN_PYTHON = "read it in Python, and pass the frame"
AS_CSV = "save it as CSV"

KINDS = (
    Kind(b"PK\x03\x04", "a zip archive", UNPACK),
    Kind(b"PK\x05\x06", "an empty zip archive", UNPACK),
    *(Kind(b"BZh%d1AY&SY" % level, "packed with bzip2", "unpack it with bunzip2 first") for level in range(1, 10)),
    Kind(b"\xfd7zXZ\x00", "packed with xz", "unpack it with unxz first"),
    Kind(b"\x1f\x9d", "packed with compress", "unpack it with uncompress first"),
    Kind(b"\x04\x22\x4d\x18", "packed with lz4", "unpack it with unlz4 first"),
    Kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    Kind(b"Rar!\x1a\x07", "a rar archive", UNPACK),
    Kind(b"%PDF-", "a PDF document", NO_TABLE),
    Kind(b"\x89PNG", "a PNG image", NO_TABLE),
    Kind(b"\xff\xd8\xff", "a JPEG image", NO_TABLE),
    Kind(b"GIF87a", "a GIF image", NO_TABLE),
    Kind(b"GIF89a", "a GIF image", NO_TABLE),
    Kind(b"ARROW1\x00", "an Arrow (Feather) file", f"{IN_PYTHON}: polars.read_ipc"),
    Kind(b"\x93NUMPY", "a numpy array", f"{IN_PYTHON}: numpy.load"),
    Kind(b"\x89HDF\r\n", "an HDF5 file", f"{IN_PYTHON}: pandas.read_hdf"),
    Kind(b"\xd0\xcf\x11\xe0", "an old Excel workbook or another Office document", AS_CSV),
    Kind(b"Obj\x01", "an Avro file", f"{IN_PYTHON}: polars.read_avro"),
    *(
        Kind(bytes([0x80, version]), "a Python pickle", "Palate opens none; write it as CSV")  # named, never pickle
        for version in range(2, 6)
    ),
    Kind(b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it with git lfs pull"),
    Kind(b"<!doctype html", "a web page, not the file itself", "download the file again"),
    Kind(b"<html", "a web page, not the file itself", "download the file again"),
    Kind(b"<?xml", "an XML document", "convert it to CSV"),
)

IN_ZIP = (
    (b"word/", "a Word document", NO_TABLE),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file", AS_CSV),
    (b".npy", "a file of numpy arrays", f"{IN_PYTHON}: numpy.load"),
)
"""Kinds of files that are zip archives, by what is in the first bytes."""


def is_workbook(head: bytes) -> bool:
    """Return whether a file is an Excel workbook, by its first bytes."""
    return head.startswith(b"PK\x03\x04") and b"xl/" in head[:HEAD] and b"[Content_Types].xml" in head[:HEAD]


def foreign_kind(head: bytes) -> tuple[str, str] | None:
    """Return what a file is and what to do with it; None if it may hold a table that Palate reads.

    head: its first bytes, `HEAD` of them or more.
    """
    if head[257:262] == b"ustar":
        return "a tar archive", UNPACK
    if is_workbook(head):
        return None
    start = head[:64].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    for magic, name, advice in KINDS:
        if not (head.startswith(magic) or (magic.startswith(b"<") and start.startswith(magic))):
            continue
        inner = [(what, to_do) for mark, what, to_do in IN_ZIP if mark in head[:HEAD]]
        return inner[0] if inner and magic.startswith(b"PK") else (name, advice)
    return None
