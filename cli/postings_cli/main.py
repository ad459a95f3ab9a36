"""The ``postings`` command: what runs before and after the one that is asked for."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from postings_cli.exit_status import FAILED, INTERRUPTED


def main() -> NoReturn:
    """The console script."""
    # The engine's panics become errors of ours; its stack is noise to whoever runs a command.
    os.environ.setdefault("RUST_BACKTRACE", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # so is what gRPC's library logs
    try:
        # Loading a command takes half a second, in which Ctrl-C may come too.
        from postings_cli.stdout import guard_stdout

        guard_stdout()
        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201 # the console may not be loaded yet
        status = INTERRUPTED
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but records were rejected, documents failed in a
        worker, or something couldn't be exported, 130 interrupted.
    """
    from postings.errors import OutputLost
    from postings_cli.app import app
    from postings_cli.console import say

    try:
        try:
            app(arguments)
            return 0
        finally:
            sys.stdout.flush()
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else FAILED
    except BrokenPipeError:
        return FAILED
    except OutputLost as error:
        say(f"error: {error}")
        return FAILED
