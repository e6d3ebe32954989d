"""Web addresses in datasets.

Few runs have any, and a job of Slurm waits for each import: these are where they are needed.
"""

from __future__ import annotations

from trainshed.errors import UserErrorException

FOLDER = "web"
"""Folder in Trainshed's home for downloaded files."""

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_AS_IT_IS = "%/:=&?~+!$,;'@()*[]"


def is_address(path: str) -> bool:
    """Tell whether a path is an address such as ``https://…``. ``file://…`` is a path of this machine.

    Args:
        path: what a user passed as the path of a dataset.
    """
    if "://" not in path or path.startswith("file://"):
        return False
    import re  # most paths are none

    return re.match(_SCHEME, path) is not None


def checked(address: str) -> str:
    """Return an address in the form in which it is requested.

    Args:
        address: what a user passed as the path of a dataset.

    Raises:
        UserErrorException: it is not the web address of one file, or contains a password.

    Example:
        >>> checked("https://example.com/a file.csv#top")
        'https://example.com/a%20file.csv'
    """
    from urllib.parse import quote, urlsplit

    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UserErrorException(f"'{shown(address)}' is not a valid web address: {error}.") from error
    if parts.scheme.lower() not in ("http", "https"):
        raise UserErrorException(
            f"'{shown(address)}' cannot be read: only http:// and https:// addresses can. Copy the files to a folder "
            "and use its path."
        )
    if not host:
        raise UserErrorException(f"'{shown(address)}' has no host name.")
    if parts.username is not None:
        raise UserErrorException(
            f"The address of a file on {host} contains a user name or password, which would be stored in the dataset. "
            "Download the file and use its path."
        )
    if "*" in parts.path:
        raise UserErrorException(
            f"'{shown(address)}' contains a '*', but web servers do not list their files. Pass a list of addresses."
        )
    return quote(address.partition("#")[0], safe=_AS_IT_IS)


def shown(address: str) -> str:
    """Return an address for messages: without its query, which may be a password.

    Args:
        address: the address.
    """
    return address.partition("?")[0]


def folder_of(address: str) -> str:
    """Return the name of the folder for the file at an address, among those for all addresses.

    Args:
        address: its address, as it is requested.
    """
    from hashlib import sha256

    return sha256(address.encode()).hexdigest()


def relative(address: str) -> str:
    """Return the path of a web file in a dataset.

    Args:
        address: its address.

    Example:
        >>> relative("https://example.com/2026/a%20file.csv?key=1")
        'https/example.com/2026/a file.csv'
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(address)
    names = [name for name in unquote(parts.path).split("/") if name not in ("", ".", "..")]
    return "/".join([parts.scheme.lower(), parts.netloc.lower(), *(names or ["index"])])
