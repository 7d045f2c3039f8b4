"""Many photos through the network: opening, the network and the caller's own work go on at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from strongpose.exceptions import ImageError
from strongpose.images import Photo

__all__ = ["AHEAD", "overlap"]

AHEAD = 2
"""So many groups of photos are opened, or in the network, while the caller works on the one before."""

Opened = TypeVar("Opened")
Found = TypeVar("Found")


def overlap(
    images: Iterable[Photo],
    open_one: Callable[[Photo], Opened],
    run: Callable[[list[Opened]], Sequence[Found]],
    batch: int = 1,
) -> Generator[Found | ImageError, None, None]:
    """Open photos in one thread and run the network in another, a few photos ahead of the caller.

    ``images`` is asked for photos in the caller's thread, never further ahead than `AHEAD` groups. An array or
    a Pillow image is opened before the next photo is asked for, so it may be changed or closed then. The
    threads end with the iterator: when it is at its end, raises, or is closed.

    Args:
        images: photos; as many as you like, they are not kept.
        open_one: what is done with each photo in the opening thread.
        run: what is done in the network's thread with what was opened of up to ``batch`` photos.
        batch: number of photos in a group.

    Returns:
        In the order of the photos, what ``run`` found, or the error of a photo that could not be opened.
        Other exceptions, those of ``images`` included, are raised in the turn of their photo.

    Raises:
        ValueError: if ``batch`` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1 photo, got {batch}")
    return _overlap(images, open_one, run, batch)


def _overlap(
    images: Iterable[Photo],
    open_one: Callable[[Photo], Opened],
    run: Callable[[list[Opened]], Sequence[Found]],
    batch: int,
) -> Generator[Found | ImageError, None, None]:
    opener, network = ThreadPoolExecutor(1, "strongpose-open"), ThreadPoolExecutor(1, "strongpose-network")
    failures: list[Exception] = []
    started = (_start(opener, open_one, image) for image in _until_failure(images, failures))
    groups: deque[Future[list[Found | ImageError]]] = deque()
    try:
        while group := list(islice(started, batch)):
            groups.append(network.submit(_finish, group, run))
            if len(groups) > AHEAD:
                yield from groups.popleft().result()
        while groups:
            yield from groups.popleft().result()
        if failures:
            raise failures[0]
    finally:
        opener.shutdown(wait=False, cancel_futures=True)  # first, as the network's thread may wait for a photo
        network.shutdown(cancel_futures=True)
        opener.shutdown()


def _until_failure(images: Iterable[Photo], failures: list[Exception]) -> Iterator[Photo]:
    """The photos; where asking for one fails, the end, so that those before it are still looked at."""
    try:
        yield from images
    except Exception as error:
        failures.append(error)


def _start(opener: ThreadPoolExecutor, open_one: Callable[[Photo], Opened], image: Photo) -> Future[Opened]:
    """Begin to open a photo, and wait for it where its owner may change it."""
    opened = opener.submit(open_one, image)
    if isinstance(image, np.ndarray | Image.Image):
        wait([opened])
    return opened


def _finish(
    group: Sequence[Future[Opened]], run: Callable[[list[Opened]], Sequence[Found]]
) -> list[Found | ImageError]:
    """Run the network on those photos of a group that could be opened."""
    errors: dict[int, ImageError] = {}
    opened = []
    for i, photo in enumerate(group):
        try:
            opened.append(photo.result())
        except ImageError as error:
            errors[i] = error
    found = iter(run(opened) if opened else [])
    return [errors[i] if i in errors else next(found) for i in range(len(group))]
