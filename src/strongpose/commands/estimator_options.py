"""The options of model and inference: the same for all verbs that process photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

from tyro.conf import arg

from strongpose.commands.options import Flag
from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    from strongpose.inference import StrongPose

__all__ = ["EstimatorOptions", "KeypointThreshold", "Threshold"]

Threshold: TypeAlias = Annotated[float | None, arg(metavar="0-1", help_behavior_hint="(default: the model's own)")]
"""Score below which people are left out."""
KeypointThreshold: TypeAlias = Annotated[float, arg(metavar="0-1")]
"""Score below which keypoints are not drawn; by default `strongpose.poses.KEYPOINT_THRESHOLD`."""


@dataclass(frozen=True)
class EstimatorOptions:
    """Model and inference options."""

    model: Annotated[str, arg(metavar="NAME|PATH")] = "base"
    """A model that comes with the package (accurate, base, or fast, which needs OpenVINO), or the path of an .onnx or
    .xml file."""
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: the model's and half of it)")
    ] = ()
    """Input resolution: long side in pixels; larger finds smaller people, slower.
    Several sizes: multi-scale testing (poses are merged). Name photos or files, if any, before it."""
    flip: Flag = False
    """Flip augmentation: also run on the horizontally flipped photo and average; more accurate, twice the latency."""
    threads: int = 0
    """CPU threads of the network; 0 takes all cores."""
    runtime: RuntimeChoice = "auto"
    """Inference runtime; auto takes ONNX Runtime where it can use an NVIDIA GPU,
    else OpenVINO if it is installed, else ONNX Runtime."""
    device: Annotated[str, arg(metavar="auto|cpu|cuda|gpu|mps")] = "auto"
    """Inference device: cuda is an NVIDIA GPU, cuda:1 the second one, gpu an Intel GPU, mps an Apple GPU;
    auto takes an NVIDIA GPU where the runtime can use it, else the CPU."""

    def open(self, threshold: float | None = None) -> StrongPose:
        """The estimator.

        Args:
            threshold: people with a lower score are left out; None takes the model's own.

        Raises:
            ValueError: if a size or the threshold is wrong.
            strongpose.exceptions.ModelError: if there is no such model, or it cannot be used here.
        """
        from strongpose.inference import StrongPose

        return StrongPose.from_pretrained(
            self.model,
            size=self.size or None,
            flip=self.flip,
            threshold=threshold,
            threads=self.threads,
            runtime=self.runtime,
            device=self.device,
        )
