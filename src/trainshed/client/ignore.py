"""Which files of a source folder are excluded: the patterns of ``.amlignore`` or ``.gitignore``."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from trainshed.client.gitignore import Ignore

AMLIGNORE = ".amlignore"
GITIGNORE = ".gitignore"
ALWAYS = (".git", "__pycache__")
"""Excluded unless the ignore file includes them again (``!.git``)."""
_NAMES = frozenset({*ALWAYS, ".ipynb_checkpoints", ".venv"})
_PATHS = frozenset({".azureml", "azureml-logs", "azureml-setup", "outputs"})
"""Also excluded if the folder has no ignore file: by name anywhere, or by path."""
MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""A folder that contains one of these is an environment: excluded unless the ignore file includes it (``!/venv``)."""

_SECRET_FOLDERS = frozenset({".aws", ".azure", ".gnupg", ".kube", ".ssh"})
_SECRET_FILES = frozenset(
    {
        *(".env", ".envrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".my.cnf", ".git-credentials", ".boto", ".s3cfg"),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "kaggle.json", "kubeconfig"),
        *("credentials.json", "client_secret.json", "service_account.json", "application_default_credentials.json"),
    }
)
_EXAMPLES = (".example", ".sample", ".template", ".dist")
_KEYS = (".pem", ".key")
_PRIVATE = b"PRIVATE KEY-----"
_LINE = 100


class BuiltIn:
    """The rules of a folder without an ignore file."""

    file = AMLIGNORE

    @staticmethod
    def excludes(path: str, name: str, is_dir: bool, otherwise: bool = False) -> bool:  # noqa: ARG004 - as Ignore's
        """Tell whether a path is excluded; see :meth:`trainshed.client.gitignore.Ignore.excludes`."""
        return name in _NAMES or path in _PATHS or otherwise


def usually_secret(folder: str, path: str, name: str, is_dir: bool) -> bool:
    """Tell whether a file or folder usually holds passwords or keys; only files named like keys are looked into.

    Args:
        folder: the source folder.
        path: relative to it.
        name: its last part.
        is_dir: whether it is a folder.
    """
    if is_dir:
        return name in _SECRET_FOLDERS
    if name.startswith(".env."):
        return not name.endswith(_EXAMPLES)
    if not name.endswith(_KEYS):
        return name in _SECRET_FILES
    try:  # certificates and public keys have the same names
        with open(os.open(os.path.join(folder, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return _PRIVATE in file.readline(_LINE)
    except OSError:
        return False  # said where it is read


def rules_of(folder: str) -> Ignore | BuiltIn:
    """Return the rules of a source folder: its ``.amlignore``, else its ``.gitignore``, else the built-in ones.

    Args:
        folder: the source folder.
    """
    for name in (AMLIGNORE, GITIGNORE):
        try:
            with open(os.path.join(folder, name), encoding="utf-8-sig", errors="surrogateescape") as file:
                from trainshed.client.gitignore import Ignore  # few folders have one

                return Ignore([*ALWAYS, *file.read().splitlines()], name)
        except (FileNotFoundError, IsADirectoryError):
            continue
    return BuiltIn()
