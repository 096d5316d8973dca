"""Access tokens. The file holds the SHA-256 of each token, which is enough for 256 random bits."""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from palate.errors import OptionError, OutputError

SCHEME = "bearer "


class Tokens:
    """The tokens of a file that has a SHA-256 in hexadecimal digits on each line."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            OptionError: the file can't be read, is empty, or holds anything but digests.
        """
        try:
            lines = path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"can't read the tokens file {path}: make one with `palate token {path}`") from error
        if not lines or any(len(line) != 64 or not set(line) <= set("0123456789abcdef") for line in lines):
            raise OptionError(
                f"{path} is not a tokens file, which has one SHA-256 per line: make one with `palate token {path}`"
            )
        self._digests = [bytes.fromhex(line) for line in lines]

    def allow(self, authorization: bytes) -> bool:
        """Return whether the header holds one of the tokens; the time taken does not depend on how near it is."""
        text = authorization.decode("latin-1")
        if not text.lower().startswith(SCHEME):
            return False
        digest = sha256(text[len(SCHEME) :].strip().encode()).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def new_token(path: Path) -> str:
    """Return a new token and add its digest to the file; the token itself is stored nowhere.

    Raises:
        OutputError: the file can't be written.
    """
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write(f"{sha256(token.encode()).hexdigest()}\n")
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from error
    return token
