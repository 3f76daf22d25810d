"""Many objects read by a few git processes, in portions that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aiprov.git import Repository

_PORTION = 32 * 1024 * 1024
_MAX_COUNT = 20_000


def blob_sizes(repository: Repository, ids: Sequence[str]) -> dict[str, int]:
    """In bytes; what is absent from this clone, or no blob, is left out."""
    if not ids:
        return {}
    output = repository.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", data=_lines(ids)
    ).decode("ascii", "replace")
    rows = (line.split(" ") for line in output.splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[1] == "blob"}  # noqa: PLR2004


def read_blobs(repository: Repository, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Contents by id, in the order given, with the sizes that `blob_sizes` told."""
    portion: list[str] = []
    room = _PORTION
    for blob, size in sizes.items():
        if portion and (size > room or len(portion) == _MAX_COUNT):
            yield from _read(repository, portion)
            portion, room = [], _PORTION
        portion.append(blob)
        room -= size
    if portion:
        yield from _read(repository, portion)


def _read(repository: Repository, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    output = repository.run("cat-file", "--batch", data=_lines(ids))
    place = 0
    for blob in ids:
        end = output.find(b"\n", place)
        header = output[place:end].split()
        place = end + 1
        if len(header) == 3:  # noqa: PLR2004  # "<id> missing" has no size
            size = int(header[2])
            yield blob, output[place : place + size]
            place += size + 1


def _lines(ids: Sequence[str]) -> bytes:
    return "\n".join(ids).encode() + b"\n"
