"""A design file kept in the record byte for byte, and read from there again."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePath

from escalate.conduct.bodies import LockedDesign
from escalate.conduct.errors import RecordError, TamperedError, UnavailableError
from escalate.core import yaml_reader
from escalate.core.design import Design
from escalate.core.errors import EscalateError, harmless
from escalate.core.files import DesignFile, read_design
from escalate.core.model_code import names_file, running_model_code


def lock(path: str) -> LockedDesign:
    """Read a design file and return it as the record keeps it; `-` is standard input.

    Raises
    ------
    DesignError
        Where it is no design that can be run, or its model is Python code.
    RecordError
        Where it cannot be kept.
    """
    return locked(read_design(path), "standard input" if path == "-" else Path(path).name)


def lock_text(text: str, name: str, attached: str | None = None, attached_name: str | None = None) -> LockedDesign:
    """Return the text of a design file as the record keeps it.

    Raises
    ------
    DesignError, RecordError
        As `lock`.
    """
    return locked(_read(name, text, attached_name, attached), name)


def locked(file: DesignFile, name: str) -> LockedDesign:
    """Return a design file as the record keeps it."""
    method = file.document.data.get("method")
    beside = method.get("file") if isinstance(method, dict) else None
    if file.attached and not isinstance(beside, str):
        raise RecordError(f"{name}: its method reads a file that the record cannot keep")
    kept = LockedDesign(
        name=PurePath(name).name[:200],
        text=file.document.raw.decode("utf-8"),
        attached_name=beside if file.attached else None,
        attached=file.attached.decode("utf-8") if file.attached else None,
        sha256=file.sha256,
    )
    # What cannot be read back is not locked.
    design_of(kept)
    return kept


def design_of(kept: LockedDesign) -> Design:
    """Return the design.

    Raises
    ------
    TamperedError
        Where its text does not give its hash.
    EscalateError
        Where this version of escalate cannot read it.
    """
    return _design(kept.name, kept.text, kept.attached_name, kept.attached, kept.sha256)


@lru_cache(maxsize=512)
def _design(name: str, text: str, attached_name: str | None, attached: str | None, sha256: str) -> Design:
    file = _read(name, text, attached_name, attached)
    if file.sha256 != sha256:
        raise TamperedError(f"the design '{name}' is not the one that was locked: its text does not give its hash")
    return file.design


def _read(name: str, text: str, attached_name: str | None, attached: str | None) -> DesignFile:
    _refuse_other_files(name, text, None if attached is None else attached_name)
    # A method looks for the file beside the design, so both are laid out as they were.
    with _folder(name) as folder:
        root = Path(folder).resolve()
        path = root / "design.yaml"
        try:
            path.write_bytes(text.encode("utf-8"))
            if attached is not None and attached_name is not None:
                beside = (root / attached_name).resolve()
                if root not in beside.parents or beside == path:
                    raise RecordError(
                        f"{name}: its file '{attached_name[:80]}' is not beside it or below; put it there"
                    )
                beside.parent.mkdir(parents=True, exist_ok=True)
                beside.write_bytes(attached.encode("utf-8"))
        except (OSError, ValueError) as fault:
            if isinstance(fault, OSError) and fault.errno in _NO_ROOM:
                raise _no_folder(name, fault) from None
            # A name too long or half a letter: of a form or a request, never of a file that was read.
            raise RecordError(
                f"{name}: its text, or the name of the file beside it, cannot be kept in a file"
            ) from None
        try:
            # A server does not run code that a record holds.
            with running_model_code(False):
                return read_design(path)
        except EscalateError as error:
            raise type(error)(str(error).replace(str(path), name).replace(f"{root}{os.sep}", "")) from None


def _refuse_other_files(name: str, text: str, attached_name: str | None) -> None:
    """Refuse a design that would have a file of this machine read: what it reads is kept with it, or it is not read.

    Raises
    ------
    RecordError, DesignError
        Naming the file; or where the text is no design file at all.
    """
    document = yaml_reader.parse(text, name)
    method = document.data.get("method")
    if not isinstance(method, Mapping):
        return
    for key, value in method.items():
        code = key == "model" and isinstance(value, str) and names_file(value)
        if code or (key == "file" and value != attached_name):
            what = "is Python code, which no record keeps" if code else "is not kept with it; give both"
            field = f"method.{key}"
            raise RecordError(f"{document.where(field)} {field}: '{harmless(str(value)[:80])}' {what}")


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def _folder(name: str) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="escalate-")
    except OSError as fault:
        raise _no_folder(name, fault) from None


def _no_folder(name: str, fault: OSError) -> UnavailableError:
    said = str(fault.strerror).partition(" in [")[0]
    return UnavailableError(
        f"{name}: cannot be read, because no temporary file can be written ({said}); make room for one"
    )
