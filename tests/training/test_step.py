"""A step's gradients: in parts as of the whole batch, clipped, in bfloat16; and how exactly a run resumes with them."""

import os
import signal

import pytest
import torch
from pictures import write_dataset
from safetensors.torch import load_file

from strongpose.exceptions import TrainingError
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


@pytest.fixture
def one_thread():
    """On two threads, undisturbed runs in bfloat16 differ now and then."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights_after(dataset, out, **changes):
    """The averaged weights; by default of one step of plain gradient descent: the first ones minus the gradient."""
    plain = dict(
        steps=1,
        optimizer="sgd",
        learning_rate=1.0,
        backbone_lr_factor=1.0,
        gradient_clip=0.0,
        warmup_steps=0,
        learning_rate_decay=0.0,
    )
    small = dict(
        data=(dataset,), out=out, crop_size=65, batch_size=5, workers=0, bf16=False, weight_decay=0.0, device="cpu"
    )
    return load_file(train(TrainConfig(**(small | plain | changes)), lambda line: None))


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    return weights_after(dataset, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def first(dataset, tmp_path_factory):
    return weights_after(dataset, tmp_path_factory.mktemp("first"), learning_rate=0.0)


def change(weights, first):
    """All changes of the weights in one row, in double precision."""
    return torch.cat([(weights[name] - first[name]).double().ravel() for name in sorted(first)])


@pytest.mark.parametrize("parts", [2, 5])
def test_gradients_of_parts_add_up_to_those_of_the_batch(dataset, whole, first, tmp_path, parts):
    """Five samples in two uneven parts, and one by one."""
    accumulated = weights_after(dataset, tmp_path, accumulate=parts)
    assert change(whole, first).abs().max() > 0.01
    for name in whole:
        torch.testing.assert_close(
            accumulated[name], whole[name], rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n} {m}"
        )


def test_clipping_shortens_the_gradient_and_keeps_its_direction(dataset, whole, first, tmp_path):
    clipped = change(weights_after(dataset, tmp_path, gradient_clip=0.25), first)
    plain = change(whole, first)
    assert torch.nn.functional.cosine_similarity(clipped, plain, dim=0) > 0.9999
    assert clipped.norm() == pytest.approx(0.25, rel=1e-3) and plain.norm() > 0.4


def test_resumed_run_equals_the_undisturbed_one(dataset, tmp_path, one_thread):
    """Of AdamW in bfloat16 on one thread, in parts, with a gradient norm that is clipped."""

    def run(out, say=lambda line: None):
        small = dict(data=(dataset,), crop_size=65, batch_size=3, steps=4, workers=0, log_every=1, device="cpu")
        return load_file(train(TrainConfig(out=out, accumulate=2, bf16=True, gradient_clip=0.1, **small), say))

    def stop_after_two(line):
        if line.startswith("step 2/"):
            os.kill(os.getpid(), signal.SIGTERM)

    undisturbed = run(tmp_path / "whole")
    run(tmp_path / "parts", stop_after_two)
    resumed = run(tmp_path / "parts")
    for name, tensor in undisturbed.items():
        assert torch.equal(resumed[name], tensor), name


def test_more_parts_than_samples_are_refused(dataset, tmp_path):
    with pytest.raises(TrainingError, match=r"--accumulate: 5 parts need as many samples a process, got 4"):
        weights_after(dataset, tmp_path, batch_size=4, accumulate=5)
    with pytest.raises(ValueError, match=r"--accumulate must be positive.*got 0"):
        TrainConfig(data=(dataset,), accumulate=0)
