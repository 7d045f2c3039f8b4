"""The command line: ``strongpose VERB``; each verb is a function in `strongpose.commands`."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

import tyro

from strongpose import __version__
from strongpose._util.closed_pipe import end_with_closed_pipes
from strongpose._util.signals import INTERRUPTED, leave_when_terminated
from strongpose._util.terminal import say
from strongpose.commands.annotate import annotate
from strongpose.commands.batch import batch
from strongpose.commands.benchmark import benchmark
from strongpose.commands.check import check
from strongpose.commands.convert import convert
from strongpose.commands.diagnose import diagnose
from strongpose.commands.evaluate import evaluate
from strongpose.commands.export import export
from strongpose.commands.get import get
from strongpose.commands.help_texts import Verb, description_of, overview, with_joined_lines
from strongpose.commands.options import plain_values, wrong_option
from strongpose.commands.predict import predict
from strongpose.commands.serve import serve
from strongpose.commands.train import train, train_with_defaults
from strongpose.commands.video import video

__all__ = ["VERBS", "main"]

VERBS: dict[str, dict[str, Verb]] = {
    "Find people": {"predict": predict, "video": video, "batch": batch, "serve": serve},
    "Measure": {"evaluate": evaluate, "diagnose": diagnose, "benchmark": benchmark},
    "Make models": {"train": train, "export": export},
    "Prepare data sets": {"data get": get, "data check": check, "data convert": convert, "annotate": annotate},
}
"""The verbs in groups, as ``strongpose --help`` lists them."""

_USAGE = "usage: strongpose VERB [OPTIONS]"
_OPTIONS = """
Options:
  -h, --help     Show this list; `strongpose VERB --help` explains a verb
  -V, --version  Show the version"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; a wrong command line ends with status 2.

    Args:
        arguments: of the command line, without the program's name; ``sys.argv`` if left out.

    Returns:
        The exit status: 0, 1 if something could not be done, 2 for a wrong command line, 130 if interrupted, by
        Ctrl-C or SIGTERM.

    Raises:
        SystemExit: for help texts, wrong command lines, and with status 141 if nobody reads the output any more.
    """
    end_with_closed_pipes()
    try:
        with leave_when_terminated():
            status = _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt as interruption:
        say(str(interruption) or "interrupted")
        status = INTERRUPTED
    finally:
        sys.stdout.flush()  # here, where a closed pipe is noticed
    return status


def _run(arguments: list[str]) -> int:
    verbs = {name: verb for group in VERBS.values() for name, verb in group.items()}
    name, *rest = arguments or ["--help"]
    if name in ("-V", "--version"):
        print(f"strongpose {__version__}")
        return 0
    if name in ("-h", "--help"):
        print(f"{_USAGE}\n\nFinds people in photos and the keypoints of each.\n{overview(VERBS)}\n{_OPTIONS}")
        return 0
    if name == "data":
        if rest[:1] in ([], ["-h"], ["--help"]):
            named = {verb: verbs[verb] for verb in verbs if verb.startswith("data ")}
            print(f"usage: strongpose data VERB [OPTIONS]\n{overview({'Prepare data sets': named})}")
            return 0
        name = f"data {rest.pop(0)}"
    if name not in verbs:
        like = difflib.get_close_matches(name, verbs, 1)
        remedy = f"did you mean {like[0]}?" if like else "`strongpose --help` lists the verbs"
        say(f"there is no verb {name!r}; {remedy}")
        return 2
    verb = train_with_defaults(rest) if name == "train" else with_joined_lines(verbs[name])
    if wrong := wrong_option(name, verb, rest):
        say(wrong)
        return 2
    if {"-h", "--help"} & set(rest):
        print(description_of(verbs[name]), end="\n\n")  # tyro would break its lines anew
    return tyro.cli(
        verb,
        prog=f"strongpose {name}",
        description="",
        args=rest,
        config=(tyro.conf.OmitArgPrefixes,),
        registry=plain_values(),
    )


if __name__ == "__main__":
    sys.exit(main())
