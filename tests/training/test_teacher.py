"""The teacher: what its targets are, how much they count, and that a network learns from them alone."""

import pytest
import torch
from pictures import write_dataset
from safetensors.torch import load_file

from strongpose.network import NetworkConfig, build_network
from strongpose.network.weights import load_network, save_weights
from strongpose.skeleton import COCO_TREE
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig
from strongpose.training.teacher import Teacher

SMALL = NetworkConfig(COCO_TREE, upsample=1, neck_channels=8, middle_head=False)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A file of a network with random heads that is sure of some cells."""
    torch.manual_seed(0)
    network = build_network(SMALL)
    torch.nn.init.normal_(network.head.fields.weight, std=0.3)
    torch.nn.init.normal_(network.head.fields.bias)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_weights(network, path)
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", 4)


def weights_after(dataset, out, **changes):
    """The averaged weights; by default of one step of plain gradient descent: the first ones minus the gradient."""
    small = dict(
        crop_size=65,
        batch_size=4,
        workers=0,
        bf16=False,
        teacher_bf16=False,
        device="cpu",
        graph="coco-tree",
        neck_channels=8,
    )
    plain = dict(
        steps=1,
        optimizer="sgd",
        learning_rate=1.0,
        weight_decay=0.0,
        gradient_clip=0.0,
        warmup_steps=0,
        learning_rate_decay=0.0,
    )
    plain |= dict(loss_weights=(1.0, 1.0, 1.0, 1.0, 0.0), backbone_lr_factor=1.0)
    return load_file(train(TrainConfig(data=(dataset,), out=out, **(small | plain | changes)), lambda line: None))


def test_targets_are_what_the_teacher_predicts(teacher):
    images = torch.rand(2, 3, 65, 97)
    targets = Teacher(teacher, SMALL, 12.0, 65, CPU, bf16=False).targets(images)
    with torch.no_grad():
        maps = load_network(teacher).eval()(images)
    for targeted, said in (
        (targets.heatmaps, maps.heatmaps.sigmoid()),
        (targets.offsets, maps.offsets),
        (targets.displacements, maps.displacements),
        (targets.body, maps.body.sigmoid()),
    ):
        torch.testing.assert_close(targeted, said, rtol=1e-3, atol=1e-3)
    assert torch.equal(targets.disks, targets.heatmaps > 0.5) and 0 < targets.disks.float().mean() < 1
    for edge, (tail, _) in enumerate(COCO_TREE.directed_edges):
        assert torch.equal(targets.displacement_mask[:, edge], targets.disks[:, tail])
    assert targets.valid.all()


def test_the_share_mixes_the_gradients_of_labels_and_teacher(dataset, teacher, tmp_path):
    labels, half, taught = (
        weights_after(dataset, tmp_path / f"{share}", teacher=teacher, distillation_weight=share)
        for share in (0, 0.5, 1)
    )
    alone = weights_after(dataset, tmp_path / "alone")
    apart = max((labels[name] - taught[name]).abs().max().item() for name in alone)
    assert apart > 0.01
    for name in alone:
        torch.testing.assert_close(labels[name], alone[name], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(half[name], (labels[name] + taught[name]) / 2, rtol=1e-4, atol=1e-5)


def test_a_network_learns_the_teachers_fields_without_any_label(dataset, teacher, tmp_path):
    """With labels that count for nothing: another head on the same features comes nearer to the teacher's maps."""
    student = load_network(teacher)
    torch.nn.init.zeros_(student.head.fields.weight)
    save_weights(student, tmp_path / "student.safetensors")
    changes = dict(init=tmp_path / "student.safetensors", teacher=teacher, distillation_weight=1.0, optimizer="adamw")
    changes |= dict(learning_rate=0.02, steps=30, freeze_stages=4, ema_decay=0.0)
    weights_after(dataset, tmp_path / "run", **changes)
    learnt, images = load_network(tmp_path / "run" / "weights.safetensors").eval(), torch.rand(2, 3, 65, 65)
    with torch.no_grad():
        wanted, before, after = (net.eval()(images).heatmaps for net in (load_network(teacher), student, learnt))
    assert (after - wanted).abs().mean() < 0.5 * (before - wanted).abs().mean()


@pytest.mark.parametrize(
    ("student", "side", "message"),
    [
        (NetworkConfig(upsample=1), 65, "has the skeleton coco-tree, the student coco"),
        (NetworkConfig(COCO_TREE, upsample=2), 65, "has fields at stride 8, the student 4"),
        (SMALL, 68, "needs crops whose side is a multiple of 8 plus 1, got --crop-size 68"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(teacher, student, side, message):
    with pytest.raises(ValueError, match=rf"--teacher .*teacher\.safetensors: {message}"):
        Teacher(teacher, student, 12.0, side, CPU)


def test_shares_beyond_one_are_refused(dataset):
    with pytest.raises(ValueError, match=r"--distillation-weight must be 0 to 1, got 1\.5"):
        TrainConfig(data=(dataset,), distillation_weight=1.5)
