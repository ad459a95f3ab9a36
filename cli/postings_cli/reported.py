"""What goes wrong in a command: one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import typer

from postings.errors import PostingsError
from postings_cli.console import STOPPED, say
from postings_cli.error_text import error_text
from postings_cli.exit_status import FAILED, INTERRUPTED


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command, so that it reports its errors."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except PostingsError as error:
            say(f"error: {error_text(error)}")
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as interrupt:
            say(STOPPED)
            raise typer.Exit(INTERRUPTED) from interrupt
        except (typer.Exit, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("POSTINGS_TRACEBACK"):
                raise
            say(f"internal error: {type(error).__name__}: {error_text(error)}")
            say("this is a bug: please report it, with what POSTINGS_TRACEBACK=1 shows")
            raise typer.Exit(FAILED) from error

    return run
