"""The command line: ``strongpose VERB``; each verb is a function in `strongpose.commands`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence

import tyro

from strongpose import __version__
from strongpose._util.signals import INTERRUPTED, leave_when_terminated
from strongpose._util.terminal import say
from strongpose.commands.annotate import annotate
from strongpose.commands.batch import batch
from strongpose.commands.benchmark import benchmark
from strongpose.commands.data import data
from strongpose.commands.diagnose import diagnose
from strongpose.commands.evaluate import evaluate
from strongpose.commands.export import export
from strongpose.commands.help_texts import with_joined_lines
from strongpose.commands.predict import predict
from strongpose.commands.serve import serve
from strongpose.commands.train import train_with_preset
from strongpose.commands.video import video

__all__ = ["main"]

_VERBS: dict[str, Callable[..., int]] = {
    "predict": with_joined_lines(predict),
    "video": with_joined_lines(video),
    "batch": with_joined_lines(batch),
    "serve": with_joined_lines(serve),
    "evaluate": with_joined_lines(evaluate),
    "diagnose": with_joined_lines(diagnose),
    "benchmark": with_joined_lines(benchmark),
    "train": train_with_preset(()),
    "export": with_joined_lines(export),
    "annotate": with_joined_lines(annotate),
    "data": data,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; a wrong command line ends with status 2.

    Args:
        arguments: of the command line, without the program's name; ``sys.argv`` if left out.

    Returns:
        The exit status: 0, 1 if something could not be done, 130 if interrupted, by Ctrl-C or SIGTERM.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # photos may have names that are no text
    if arguments == ["--version"]:
        print(f"strongpose {__version__}")
        return 0
    if arguments[:1] == ["errors"]:
        say("`strongpose errors` is called `strongpose diagnose` now; the old name goes with the next release")
        arguments[0] = "diagnose"
    try:
        with leave_when_terminated():
            return tyro.extras.subcommand_cli_from_dict(
                {**_VERBS, "train": train_with_preset(arguments)},
                prog="strongpose",
                description="Finds people in photos and the keypoints of each.",
                args=arguments or ["--help"],
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except KeyboardInterrupt as interruption:
        say(str(interruption) or "interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
