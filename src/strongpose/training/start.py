"""The network that a training run starts from: built as the recipe says, and filled with pretrained weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from strongpose._util.lines import Say
from strongpose.network import NetworkConfig, PoseNetwork, build_network
from strongpose.network.weights import load_backbone_weights, load_network, load_weights, training_facts
from strongpose.runtime import resolve_weights
from strongpose.training.recipe import TrainConfig

__all__ = ["starting_network"]


def starting_network(config: TrainConfig, say: Say) -> tuple[PoseNetwork, float | None]:
    """The network on the CPU, with the weights that a new run starts from, and their weight of the body heat map.

    Args:
        config: the recipe.
        say: told what does not fit.

    Raises:
        FileNotFoundError, ValueError: if a file of weights is missing or does not fit.
    """
    network = build_network(config.network_config())
    if config.backbone_weights:
        load_backbone_weights(network, resolve_weights(config.backbone_weights))
    body_weight = _load_init(network, config, say) if config.init else None
    if config.body_only:
        network.train_body_only()
    if (
        config.backbone.startswith(("resnet", "lite"))
        and config.norm != "trained"
        and not (config.backbone_weights or config.init)
    ):
        say(f"careful: --norm {config.norm} keeps the batch norms fixed, and this backbone is initialised randomly")
    return network, body_weight


def _load_init(network: PoseNetwork, config: TrainConfig, say: Say) -> float | None:
    """Fill the network with the weights that it starts from; tells what does not fit, returns their ``body_weight``."""
    assert config.init is not None
    path = resolve_weights(config.init)
    if config.body_only:
        _check_same_network(network.config, load_network(path).config, config.init)
    if not load_weights(network, path, other_skeleton=True):
        say(
            f"{config.init} is for another skeleton: only its backbone and neck are taken, "
            "the heads are initialised randomly"
        )
        return None
    facts = training_facts(path)
    if facts.disk_radius is not None and facts.disk_radius != config.disk_radius:
        say(
            f"{config.init} was trained with disks of {facts.disk_radius:g} pixels, this run's have "
            f"{config.disk_radius:g}; --disk-radius {facts.disk_radius:g} keeps them"
        )
    return facts.body_weight


def _check_same_network(asked: NetworkConfig, found: NetworkConfig, init: str | Path) -> None:
    """Raise `ValueError` if other fields than the body heat map would differ from those of ``init``."""
    parts = [
        replace(c, output_stride=c.output_stride * c.dilation, dilation=1, freeze_stages=0, middle_head=False).to_dict()
        for c in (asked, found)
    ]
    if other := [name for name, value in parts[0].items() if value != parts[1][name]]:
        raise ValueError(
            f"--body-only: the network of {init} is another one ({', '.join(other)}); --finetune {init}, in place of "
            "--init and the options of the network, takes its own"
        )
