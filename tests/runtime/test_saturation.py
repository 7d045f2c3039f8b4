"""int8 is used only where it is exact: sums of products do not overflow 16 bits, or the CPU has wider ones."""

from __future__ import annotations

import numpy as np
import pytest

from strongpose import StrongPose
from strongpose.runtime import OpenVinoRuntime, resolve_model
from strongpose.runtime.saturation import HALF_RANGE, int8_saturates_here, is_quantised, sums_fit_16_bits

openvino = pytest.importorskip("openvino")
from openvino import opset13 as ops  # noqa: E402

CLOSE = 0.0025
"""Mean difference of heat maps. Roundings that fall otherwise in 65 layers make .001, sums that saturate .012."""


@pytest.fixture(scope="module")
def pixels(photos):
    """A photo as `fast` sees it."""
    return StrongPose.from_pretrained("fast", size=257).fit(photos / "group.jpg").pixels[None]


def quantised(values):
    """Rounded to 256 levels from 0 to 255."""
    return ops.fake_quantize(values, *(ops.constant(np.float32(end)) for end in (0, 255, 0, 255)), 256)


def convolution(weights, quantise=True):
    """A model of one 1×1 convolution of two channels; ``weights`` is a node, or what one holds."""
    images = ops.parameter([1, 2, 3, 3], np.float32)
    if isinstance(weights, np.ndarray):
        weights = ops.multiply(ops.convert(ops.constant(weights), "f32"), ops.constant(np.float32(0.5)))
    weights = ops.reshape(weights, ops.constant([1, 2, 1, 1]), special_zero=False)
    sums = ops.convolution(quantised(images) if quantise else images, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return openvino.Model([sums], [images])


@pytest.mark.parametrize("weights", [[64, -64], [0, 0], [1, 63]])
@pytest.mark.parametrize("kind", [np.int8, np.float32])
def test_weights_within_half_the_range_fit(weights, kind):
    assert sums_fit_16_bits(convolution(np.array(weights, dtype=kind)))


@pytest.mark.parametrize("weights", [[64, 65], [-65, 0], [127, 127], [-128, 0]])
def test_weights_beyond_do_not(weights):
    assert not sums_fit_16_bits(convolution(np.array(weights, dtype=np.int8)))


def test_nor_do_unsigned_ones():
    assert not sums_fit_16_bits(convolution(np.array([0, 255], dtype=np.uint8)))


def test_of_weights_that_openvino_is_to_quantise_nothing_is_known():
    weights = ops.constant(np.array([[1.0, 2.0]], dtype=np.float16))
    assert not sums_fit_16_bits(convolution(quantised(ops.convert(weights, "f32"))))


def test_the_largest_sum_of_the_half_range_fits_and_a_larger_one_does_not():
    assert 255 * 2 * HALF_RANGE <= 2**15 - 1 < 255 * 2 * (HALF_RANGE + 1)


def test_models_in_float_are_told_apart():
    weights = np.ones(2, dtype=np.float32)
    assert is_quantised(convolution(weights)) and not is_quantised(convolution(weights, quantise=False))


def with_float_weights(model):
    """The model with the same weights stored in float, which OpenVINO cannot take for those of int8 layers."""
    layers = [node for node in model.get_ops() if node.get_type_name() in ("Convolution", "GroupConvolution")]
    weights = openvino.Model([layer.input_value(1) for layer in layers], [])
    values = openvino.compile_model(weights, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([]).to_tuple()
    for layer, value in zip(layers, values, strict=True):
        layer.input(1).replace_source_output(ops.constant(value).output(0))
    return model


def test_without_int8_the_same_weights_are_computed_in_float(pixels):
    runtime = OpenVinoRuntime(resolve_model("fast"), int8=False)
    assert runtime.name == "OpenVINO in float32 with int8 weights"
    model = with_float_weights(openvino.Core().read_model(resolve_model("fast")))
    exact = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = exact.create_infer_request().infer({"images": pixels})
    assert np.abs(runtime(pixels).heatmaps - expected["heatmaps"]).mean() < CLOSE


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """`fast` with the weights of its int8 layers stored in the full range, ±127, as files once were."""
    path = tmp_path_factory.mktemp("wide") / "wide.xml"
    model = openvino.Core().read_model(resolve_model("fast"))
    for weights in [node for node in model.get_ordered_ops() if node.get_type_name() == "Constant"]:
        if weights.get_element_type() == openvino.Type.i8:
            converted = next(iter(weights.output(0).get_target_inputs())).get_node()
            scaled = next(iter(converted.output(0).get_target_inputs())).get_node()
            scale = scaled.input_value(1).get_node()
            values = np.rint(weights.data.astype(np.float64) * 127 / HALF_RANGE).astype(np.int8)
            weights.output(0).replace(ops.constant(values).output(0))
            scale.output(0).replace(ops.constant((scale.data * HALF_RANGE / 127).astype(scale.data.dtype)).output(0))
    openvino.save_model(model, path, compress_to_fp16=False)
    return path


def test_the_released_model_is_right_in_int8_on_every_cpu(pixels, without_vnni):
    assert sums_fit_16_bits(openvino.Core().read_model(resolve_model("fast")))
    exact = OpenVinoRuntime(resolve_model("fast"), int8=False)(pixels).heatmaps
    runtime = OpenVinoRuntime(resolve_model("fast"))
    assert runtime.name.startswith("OpenVINO in int8 and ")
    assert np.abs(runtime(pixels).heatmaps - exact).mean() < CLOSE
    name, maps = without_vnni(resolve_model("fast"), pixels)
    assert name == "OpenVINO in int8 and float32"
    assert np.abs(maps["heatmaps"] - exact).mean() < CLOSE


def test_weights_of_the_full_range_run_in_int8_where_that_is_right(wide, pixels):
    runtime = OpenVinoRuntime(wide)
    kind = "float32 with int8 weights" if int8_saturates_here() else "int8 and "
    assert runtime.name.startswith(f"OpenVINO in {kind}")
    exact = OpenVinoRuntime(wide, int8=False)(pixels)
    assert np.abs(runtime(pixels).heatmaps - exact.heatmaps).mean() < CLOSE


def test_weights_of_the_full_range_run_in_float_on_a_cpu_without_vnni(wide, pixels, without_vnni):
    """In int8 they would be wrong, which shows that this test does without VNNI."""
    exact = OpenVinoRuntime(wide, int8=False)(pixels).heatmaps
    name, maps = without_vnni(wide, pixels)
    assert name == "OpenVINO in float32 with int8 weights"
    assert np.abs(maps["heatmaps"] - exact).mean() < CLOSE
    name, maps = without_vnni(wide, pixels, int8=True)
    assert name == "OpenVINO in int8 and float32"
    assert np.abs(maps["heatmaps"] - exact).mean() > 3 * CLOSE
