"""Who may ask: whoever has a token. Only a token's SHA-256 is kept, which is enough for 256 random bits."""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from palate.errors import OptionError, OutputError

SCHEME = "bearer "


class Tokens:
    """Those of a file: a line for each, its SHA-256 in hexadecimal digits."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            OptionError: the file can't be read, or holds something else, or nothing.
        """
        try:
            lines = path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"{path} can't be read as a file of tokens; palate token {path} makes one") from error
        if not lines or any(len(line) != 64 or not set(line) <= set("0123456789abcdef") for line in lines):
            raise OptionError(f"{path} is no file of tokens: a line for each, as palate token {path} writes it")
        self._digests = [bytes.fromhex(line) for line in lines]

    def allow(self, authorization: bytes) -> bool:
        """Whether the header is that of one who may ask; in a time that does not tell how near it is."""
        text = authorization.decode("latin-1")
        if not text.lower().startswith(SCHEME):
            return False
        digest = sha256(text[len(SCHEME) :].strip().encode()).digest()
        found = [hmac.compare_digest(digest, each) for each in self._digests]
        return any(found)


def new_token(path: Path) -> str:
    """A token, whose digest is added to the file; it is shown to nobody else ever again.

    Raises:
        OutputError: the file can't be written.
    """
    token = secrets.token_urlsafe(32)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write(f"{sha256(token.encode()).hexdigest()}\n")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}") from error
    return token
