"""The recipe: everything that a training run is told (imports torch only to describe a network)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import DisallowNone, arg

from strongpose.fields import DISK_RADIUS
from strongpose.runtime.model import SIZE

if TYPE_CHECKING:
    from strongpose.network import NetworkConfig

__all__ = ["TrainConfig"]

_Automatic = Annotated[
    DisallowNone[bool | None], arg(help_behavior_hint="(default: bfloat16 where the machine has units for it)")
]
_File = Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")]
_Folder = Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")]
_Weights = Annotated[str | Path | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: none)")]

_PYRAMIDS = {"lite0": 32, "lite2": 32, "mobile16": 16}  # backbones that have one: the stride of its coarsest level
_LONGEST_WARMUP = 0.1  # share of the minutes
_MOST_MINUTES = 1_000_000


@dataclass(frozen=True)
class TrainConfig:
    """Train a pose network on COCO-format keypoint data sets."""

    data: tuple[str | Path, ...]
    """Annotation files or addresses. Photos lie beside each, in a folder (or tar shards) of its name, or in images."""
    out: Path = Path("runs/pose")
    """Folder of the run: checkpoint, log and weights. A run found there is resumed."""
    images: tuple[str | Path, ...] = ()
    """Photo folders, or addresses of tar shards, one for each annotation file, where they do not lie beside them."""
    cache: _Folder = None
    """Folder for what is read from addresses; OUT/cache if left out."""
    cache_gb: float = 0.0
    """How much of the photos from addresses is kept there, in gigabytes; the shards' indices always are."""
    sampling_weights: tuple[float, ...] = ()
    """Data-set sampling weights: how likely a photo of each is drawn relative to the others; 1 for all if left out."""
    exclude_sources: tuple[str, ...] = ()
    """Pseudo-labels not to learn from: people whose keypoint_source is one of these are masked out."""
    negatives: float = 0.0
    """Negative (background) photos, on which nobody is annotated: how likely one is next to others of its set."""
    val: _File = None
    """Annotation file to validate on; never trained on."""
    val_images: _Folder = None
    """Folder of the validation photos, where they do not lie beside the file."""
    val_size: int = SIZE
    """Long side of validation photos in pixels, which the exported model will recommend."""
    val_every: int = 500
    """Steps between validations."""
    backbone: str = "mobile"
    """Backbone: lite0, lite2, mobile, mobile16, resnet50, resnet101, resnet152, these with v2 behind, or timm:NAME."""
    backbone_weights: _Weights = None
    """Pretrained weights of the backbone alone: ImageNet's (.safetensors), or those of a model, as in --init."""
    init: _Weights = None
    """Start from these pretrained weights: a model's name, .onnx or .safetensors; without heads if skeletons differ."""
    teacher: _Weights = None
    """Knowledge distillation: also learn from this network's outputs; a model's name, .onnx or .safetensors."""
    distillation_weight: float = 0.5
    """Distillation weight: share of the teacher in the loss, 0 to 1."""
    teacher_bf16: _Automatic = None
    """Mixed precision of the teacher, likewise."""
    output_stride: Literal[4, 8, 16, 32] = 8
    """Pixels per cell of the backbone's last features; of lite0, lite2 and mobile16, its finest."""
    eval_output_stride: Literal[0, 4, 8, 16, 32] = 0
    """The same in validation, by atrous convolution, for networks that do not up-sample; 0 as in training."""
    last_stage: Literal[3, 4] = 4
    """3 cuts a ResNet after its third stage."""
    norm: Literal["fixed", "frozen", "trained"] = "fixed"
    """Batch normalization of the backbone: fixed statistics, these and the affine part frozen, or all trained."""
    upsample: Literal[1, 2, 4] = 1
    """Sub-pixel up-sampling of the heads: fields have output_stride / upsample pixels per cell."""
    neck_channels: int = 256
    """Width of the pyramid (lite0, lite2, mobile16) or the two convolutions before the heads, which 0 leaves out."""
    half_scale: bool = False
    """Half-scale branch: also process the image at half resolution (shared weights)."""
    graph: Literal["coco", "coco-19", "coco-tree"] = "coco"
    """Kinematic graph: 34 edges, COCO's 19, or the paper's tree of 16."""
    skeleton: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: COCO's)")] = None
    """Other keypoints than COCO's, with their graph: a name such as lsp14, a .json file, or a model that has them."""
    freeze_stages: int = 0
    """Number of backbone stages to freeze, from the first."""
    body_only: bool = False
    """Train the body heat map's layers only, without weight decay; all else stays as in --init."""
    crop_size: int = 257
    """Pixels of the square crops; a multiple of the coarsest stride plus 1 (of lite0 and lite2 32, of mobile16 16)."""
    disk_radius: float = DISK_RADIUS
    """Radius of the heat-map disks in pixels; the weights and the exported model say it."""
    scale: tuple[float, float] = (0.8, 2.2)
    """Scale augmentation: minimum and maximum long side of a photo, relative to the crop side."""
    batch_size: int = 16
    """Photos per step, of all processes together."""
    accumulate: int = 1
    """Gradient accumulation: number of micro-batches per step; less memory, same gradients."""
    steps: int = 3000
    """Steps in all; may be changed on resuming."""
    minutes: float = 0.0
    """Time limit in place of --steps: learning rate, validations and checkpoints keep to it; earlier parts count."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum 0.9 (the paper's)."""
    learning_rate: float = 1e-3
    """Peak learning rate of neck and heads."""
    backbone_lr_factor: float = 0.3
    """Learning rate of the backbone, relative to the peak."""
    weight_decay: float = 0.01
    """Weight decay."""
    warmup_steps: int = 100
    """Learning rate warm-up: steps over which it rises linearly from zero."""
    learning_rate_decay: float = 0.4
    """Learning rate decay: share of the steps (of --minutes), at the end, over which it falls linearly to zero."""
    ema_decay: float = 0.998
    """EMA (exponential moving average of the weights): decay per step."""
    focal_gamma: float = 1.0
    """Focal weighting of the heat-map loss: exponent of the error; 0 is plain cross-entropy."""
    loss_weights: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 0.3)
    """Weights of the losses: heat maps, offsets, displacements, body, intermediate supervision (a middle layer)."""
    gradient_clip: float = 5.0
    """Gradient clipping: maximum norm; 0 for none."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    bf16: _Automatic = None
    """Mixed precision: bfloat16 autocast, or float32; a resumed run keeps what it began with."""
    compile: bool = False
    """Compile the network (needs a C++ compiler)."""
    workers: int = 1
    """Data loader processes per training process."""
    seed: int = 0
    """Random seed."""
    checkpoint_minutes: float = 5.0
    """Time between checkpoints."""
    log_every: int = 20
    """Steps between progress lines."""
    threads: int = field(default=0)
    """CPU threads of the training process; 0 leaves it to torch."""

    def __post_init__(self) -> None:
        for what, given in (("images", self.images), ("sampling-weights", self.sampling_weights)):
            if given and len(given) != len(self.data):
                raise ValueError(f"--{what}: expected {len(self.data)}, one for each data set, got {len(given)}")
        if not self.data:
            raise ValueError("--data: name at least one annotation file")
        coarsest = _PYRAMIDS.get(self.backbone)
        unit = coarsest or self.output_stride * (2 if self.half_scale else 1)
        if (self.crop_size - 1) % unit:
            raise ValueError(f"--crop-size: {self.crop_size} is not a multiple of {unit}, the coarsest stride, plus 1")
        if coarsest and self.eval_output_stride not in (0, self.output_stride):
            raise ValueError(f"--eval-output-stride: {self.backbone} has only that of training; leave it out")
        if self.eval_output_stride and (self.upsample > 1 or self.output_stride % self.eval_output_stride):
            raise ValueError(
                f"--eval-output-stride: {self.eval_output_stride} needs an output stride that is a multiple of it and "
                f"--upsample 1, got {self.output_stride} and {self.upsample}"
            )
        if self.steps < 1 or self.batch_size < 1:
            raise ValueError(f"--steps and --batch-size must be positive, got {self.steps} and {self.batch_size}")
        if not 0 <= self.minutes <= _MOST_MINUTES:
            raise ValueError(f"--minutes must be 0 to {_MOST_MINUTES:,}, got {self.minutes}")
        if self.val_every < 1 or self.log_every < 1:
            raise ValueError(f"--val-every and --log-every must be positive, got {self.val_every} and {self.log_every}")
        if self.body_only and self.init is None:
            raise ValueError("--body-only: needs the weights whose body heat map it trains; add --init, or --finetune")
        if self.body_only and self.teacher is not None:
            raise ValueError("--body-only: learns from segmentations alone; leave --teacher out")
        if not 0 <= self.distillation_weight <= 1:
            raise ValueError(f"--distillation-weight must be 0 to 1, got {self.distillation_weight}")
        if not 0 <= self.negatives < math.inf:
            raise ValueError(f"--negatives must be finite and not negative, got {self.negatives}")
        if self.accumulate < 1 or self.cache_gb < 0:
            raise ValueError(
                f"--accumulate must be positive and --cache-gb not negative, got {self.accumulate} and {self.cache_gb}"
            )

    def network_config(self) -> NetworkConfig:
        """The network that is trained (needs torch).

        Raises:
            ValueError: if its parts do not go together, or there is no such skeleton.
        """
        from strongpose.network import NetworkConfig
        from strongpose.network.weights import load_network
        from strongpose.skeletons import load_skeleton

        name = self.skeleton or self.graph
        is_model = name.endswith((".onnx", ".safetensors"))
        skeleton = load_network(name).config.skeleton if is_model else load_skeleton(name)
        return NetworkConfig(
            skeleton=skeleton,
            backbone=self.backbone,
            output_stride=self.output_stride,
            last_stage=self.last_stage,
            norm=self.norm,
            upsample=self.upsample,
            neck_channels=self.neck_channels,
            half_scale=self.half_scale,
            freeze_stages=self.freeze_stages,
            middle_head=self.loss_weights[-1] > 0 and not self.body_only,
        )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def changed_from(self, earlier: dict[str, Any]) -> list[str]:
        """Names of the fields whose value differs from what `to_dict` gave earlier; what it lacks had its default."""
        now = self.to_dict()
        return [f.name for f in fields(self) if now[f.name] != earlier.get(f.name, _plain(f.default))]

    def learning_rate_factor(self, step: int, passed: float) -> float:
        """Learning rate of a step as a share of the peak: linear warm-up, plateau, linear fall to zero.

        Args:
            step: steps done before it.
            passed: with ``minutes``, the share of the time that is over. Warm-up takes a tenth of it at most.
        """
        warmed = (step + 1) / max(1, self.warmup_steps)
        if self.minutes:
            fall = max(1e-9, self.learning_rate_decay)
            return max(0.0, min(max(warmed, passed / _LONGEST_WARMUP), 1.0, (1 - passed) / fall))
        fall = max(1.0, self.learning_rate_decay * self.steps)
        return max(0.0, min(warmed, 1.0, (self.steps - step) / fall))


def _plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value
