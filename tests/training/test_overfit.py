"""The whole line at once: photos → batches → losses → network → decoder → COCO figures."""

from pictures import write_dataset

from strongpose.network.weights import load_network
from strongpose.runtime import resolve_model
from strongpose.training.loop import train
from strongpose.training.recipe import TrainConfig
from strongpose.training.validation import validate


def test_two_photos_can_be_learnt_by_heart(tmp_path):
    """From the released weights, which have never seen drawn people, to two of them known exactly."""
    data = write_dataset(tmp_path / "set", 2)
    photos = data.with_suffix("")
    released = resolve_model("base")
    before = validate(load_network(released), data, photos, 193, 12.0, bf16=False)
    config = TrainConfig(
        data=(data,),
        out=tmp_path / "run",
        init=released,
        crop_size=193,
        batch_size=2,
        steps=60,
        warmup_steps=10,
        learning_rate=2e-3,
        ema_decay=0.95,
        scale=(0.95, 1.05),
        freeze_stages=2,
        workers=0,
    )
    after = validate(load_network(train(config, lambda line: None)), data, photos, 193, 12.0, bf16=False)
    assert before.ap < 0.5, f"nothing left to learn: {before}"
    assert after.ap > 0.85, f"before {before}\nafter {after}"
