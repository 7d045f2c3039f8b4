"""Depthwise convolutions compute in float32 on a CPU, within bfloat16 networks as well."""

import pytest
import torch

from strongpose.network.depthwise import DepthwiseConv


@pytest.mark.parametrize(("size", "stride"), [(5, 1), (3, 2)])
def test_gradients_under_autocast_are_those_of_float32(size, stride):
    torch.manual_seed(0)
    layer = DepthwiseConv(8, size, stride)
    images = torch.randn(2, 8, 17, 17).bfloat16()
    gradients = {}
    for bf16 in (False, True):
        x = (images if bf16 else images.float()).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = layer(x)
        assert y.dtype == x.dtype
        layer.weight.grad = None
        y.float().square().sum().backward()
        gradients[bf16] = layer.weight.grad
    torch.testing.assert_close(gradients[True], gradients[False], rtol=0.02, atol=0.02 * gradients[False].std().item())
