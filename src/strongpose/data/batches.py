"""Training batches by step number, so that a resumed run sees what an undisturbed one would have seen."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from threading import Thread, current_thread, main_thread
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from strongpose.data.augment import Augmentation, Sample, augment
from strongpose.data.coco import KeypointDataset
from strongpose.data.shards import RemoteShards
from strongpose.exceptions import ImageError, LoaderError

__all__ = ["Batch", "BatchesByStep", "batch_loader", "warn_in_one_line"]


_TRIES = 10  # photos drawn for one sample before giving up
_AT_ONCE = 16  # photos that are read from addresses at the same time
_REMEDIES = {
    "SIGKILL": ", perhaps for want of memory: try fewer --workers",
    "SIGBUS": ", perhaps because /dev/shm is full: make it larger, or try fewer --workers",
}


class Batch(NamedTuple):
    """B samples; people are padded with unlabelled rows to the batch's greatest number N.

    Attributes:
        images: (B, S, S, 3) uint8 RGB.
        keypoints: (B, N, K, 3) float32; x, y in crop pixels, label > 0 where annotated.
        valid: (B, h, w) bool.
        silhouettes: (B, h, w) bool.
        has_silhouette: (B, N) bool.
    """

    images: Tensor
    keypoints: Tensor
    valid: Tensor
    silhouettes: Tensor
    has_silhouette: Tensor


class BatchesByStep(Dataset[Batch]):
    """Item ``step`` is the batch of that training step: the same for the same seed, whoever asks and when.

    Args:
        datasets: data sets to mix; all with the same skeleton.
        weights: expected share of samples from each data set, relative to its number of photos; 1 for
            all means that every photo is as likely as every other.
        batch_size: B.
        side: S, pixels of the square crops.
        stride: pixels per cell of the masks.
        augmentation: ranges of the random crop.
        seed: source of every random choice.
        part: (r, n) leaves the r-th of n equal parts of every batch, for n processes that share the work.
        negatives: how likely a photo on which nobody is annotated is, next to another one of its data set.

    Raises:
        ValueError: if the weights are not positive, one for each data set, or ``negatives`` is negative.
    """

    def __init__(
        self,
        datasets: Sequence[KeypointDataset],
        weights: Sequence[float],
        batch_size: int,
        side: int,
        stride: int,
        augmentation: Augmentation,
        seed: int,
        part: tuple[int, int] = (0, 1),
        negatives: float = 0.0,
    ) -> None:
        if len(weights) != len(datasets) or not all(w > 0 for w in weights):
            raise ValueError(f"expected {len(datasets)} positive weights, one for each data set, got {list(weights)}")
        if not 0 <= negatives < np.inf:
            raise ValueError(f"the weight of negatives must be finite and not negative, got {negatives}")
        empty = [negatives * len(d.negatives) if negatives else 0.0 for d in datasets]
        mass = np.array([w * (len(d) + e) for w, d, e in zip(weights, datasets, empty, strict=True)])
        self.share = mass / mass.sum()
        self.share_of_negatives = [e / (len(d) + e) for d, e in zip(datasets, empty, strict=True)]
        self.datasets = datasets
        self.far = any(isinstance(dataset.photos, RemoteShards) for dataset in datasets)
        number, parts = part
        self.indices = range(number * batch_size // parts, (number + 1) * batch_size // parts)
        self.side = side
        self.stride = stride
        self.augmentation = augmentation
        self.seed = seed

    def sample(self, step: int, index: int) -> Sample:
        """Sample ``index`` of the batch of ``step``.

        A photo that cannot be opened is named in a warning, and another one drawn in its place.

        Raises:
            ImageError: if ten photos in a row cannot be opened.
        """
        rng = np.random.default_rng((self.seed, step, index))
        for _ in range(_TRIES):
            number = rng.choice(len(self.datasets), p=self.share)
            dataset, share = self.datasets[number], self.share_of_negatives[number]
            if share and rng.random() < share:
                chosen = len(dataset) + int(rng.integers(len(dataset.negatives)))
            else:
                chosen = int(rng.integers(len(dataset)))
            try:
                photo, record = dataset.open(chosen)
            except (ImageError, FileNotFoundError) as error:
                warnings.warn(f"left out of training: {error}", stacklevel=2)
                problem = error
                continue
            return augment(photo, record, self.side, self.stride, dataset.skeleton, self.augmentation, rng)
        raise ImageError(f"{_TRIES} photos in a row cannot be opened, the last: {problem}")

    def __getitem__(self, step: int) -> Batch:
        if self.far:  # wait for several photos at the same time
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                samples = list(pool.map(partial(self.sample, step), self.indices))
        else:
            samples = [self.sample(step, index) for index in self.indices]
        people = max(1, *(len(s.keypoints) for s in samples)) if samples else 1

        def padded(rows: np.ndarray) -> np.ndarray:
            return np.concatenate([rows, np.zeros((people - len(rows), *rows.shape[1:]), dtype=rows.dtype)])

        return Batch(
            images=torch.from_numpy(np.stack([s.image for s in samples])),
            keypoints=torch.from_numpy(np.stack([padded(s.keypoints) for s in samples])),
            valid=torch.from_numpy(np.stack([s.valid for s in samples])),
            silhouettes=torch.from_numpy(np.stack([s.silhouettes for s in samples])),
            has_silhouette=torch.from_numpy(np.stack([padded(s.has_silhouette) for s in samples])),
        )


@contextmanager
def batch_loader(
    batches: BatchesByStep, first_step: int, last_step: int, workers: int, pin_memory: bool = False
) -> Iterator[Iterator[Batch]]:
    """The batches of the steps ``first_step`` … ``last_step`` − 1, in order, made by ``workers`` processes.

    The processes ignore signals, so they are told to end when the context is left, by an error too.

    Raises:
        LoaderError: if one of the processes ends before its time. This comes out of the context at any moment, a
            step half done included: what was being trained is of no use then.
    """
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=range(first_step, last_step),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_start_worker,
        multiprocessing_context="spawn" if workers else None,  # a fork of a process with threads can hang
        pin_memory=pin_memory,
    )
    others = set(active_children())
    readers: set[BaseProcess] = set()
    stream = None
    try:
        try:
            with _signals_blocked():
                stream = _stream(iter(loader))
        finally:
            readers = set(active_children()) - others
        yield stream
    except (RuntimeError, ConnectionError, EOFError) as error:
        with _ends_unreported():
            reason = _why_ended(readers, error)
            if reason is None:
                raise
            _kill(readers)  # not asked: the one that ended may have held a lock
        raise LoaderError(f"a data loader process died ({reason})") from error
    finally:
        if stream is not None:
            stream.close()  # lets go of torch's iterator, which asks the processes to end and waits a little
        with _ends_unreported():
            _kill(readers)  # those that hang, for which Python would wait at its end, or that an error still holds


def _stream(iterator: Iterator[Batch]) -> Generator[Batch, None, None]:
    """The same batches, by a generator: closing it frees the iterator."""
    yield from iterator


def warn_in_one_line() -> None:
    """From now on, warnings of this process are one line without a place in the source."""
    warnings.formatwarning = lambda message, *_, **__: f"strongpose: {message}\n"


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes that are started in the context do not get the signals that `_start_worker` makes them ignore.

    Between their first instruction and `_start_worker` they load libraries, for seconds.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # it would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _ends_unreported() -> Iterator[None]:
    """Processes that end in the context do so without an error; torch raises one wherever the main thread is."""
    if sys.platform == "win32" or current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _kill(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.kill()
        process.join()


def _why_ended(processes: Iterable[BaseProcess], error: Exception) -> str | None:
    """Why the first process that is no longer there has ended; None if all go on."""
    for process in processes:
        process.join(1)  # an error in talking to it may be noticed before its end
        if process.exitcode is not None:
            by_signal = process.exitcode < 0
            reason = signal.Signals(-process.exitcode).name if by_signal else f"status {process.exitcode}"
            return reason + _REMEDIES.get(reason, "")
    text = " ".join(str(error).split())
    return text if text.startswith("DataLoader worker") else None  # it ended before the others were started


def _start_worker(_: int) -> None:
    """Take one thread and ignore the signals that ask the whole run to stop: the main process finishes its step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    warn_in_one_line()
    Thread(target=_end_with_parent, daemon=True).start()
    atexit.register(os._exit, 0)  # the thread that sends batches may be at work, and would not survive Python's end
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """End when the main process does; torch's own watch misses it if it was killed while this process started."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
