"""One module a verb: it parses, calls and prints. What every verb shares is here."""

from __future__ import annotations

import io
import os
import sys
import traceback

import typer

from aiprov import __version__
from aiprov.cli import (
    check,
    demo,
    doctor,
    export,
    hook,
    import_,
    init,
    merge_driver,
    recall,
    record,
    revert,
    run_,
    scan,
    show,
    spike,
    stats,
)
from aiprov.errors import UsageError
from aiprov.text import safe
from aiprov_runtime._manifest import ManifestError

__all__ = ["app", "run"]

app = typer.Typer(
    name="aiprov",
    help="Which model and prompt wrote the function that is failing, and the patch that reverts it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _verb in (
    init.init,
    record.record,
    scan.scan,
    hook.hook,
    check.check,
    show.show,
    recall.recall,
    stats.stats,
    export.export,
    spike.spike,
    revert.revert,
    doctor.doctor,
    demo.demo,
):
    app.command()(_verb)
app.command(name="import")(import_.import_)
app.command(context_settings={"allow_interspersed_args": False})(run_.run)
app.command(hidden=True)(merge_driver.merge_driver)  # git calls it

USAGE, INTERNAL, INTERRUPTED = 2, 3, 130


def _version(wanted: bool) -> None:  # noqa: FBT001  # Typer's way of calling
    if wanted:
        typer.echo(f"aiprov {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: FBT001, FBT003
) -> None:
    del version


def run(arguments: list[str] | None = None) -> int:
    """The exit code: 0 clean, 1 findings, 2 usage or input, 3 internal or network, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without UTF-8 shows codes for what it cannot print
            stream.reconfigure(errors="backslashreplace")
    code: object
    try:
        code = app(arguments, standalone_mode=False, prog_name="aiprov")
    except typer.TyperException as error:
        sys.stderr.write(_one_line(error))
        code = USAGE
    except (UsageError, ManifestError) as error:
        sys.stderr.write(f"aiprov: {safe(str(error), limit=2000)}\n")
        code = USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` had enough; say nothing more
        code = 0
    except OSError as error:
        sys.stderr.write(f"aiprov: {safe(str(error.filename or 'input/output'))}: {error.strerror or error}\n")
        code = USAGE
    except Exception:  # noqa: BLE001  # Python itself would exit with 1, which means findings here
        traceback.print_exc()
        sys.stderr.write("aiprov: this is a bug in aiprov, please report it\n")
        code = INTERNAL
    return code if isinstance(code, int) else 0


def _one_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "aiprov"
    problem = safe(error.format_message().rstrip("."), limit=2000)
    return f"{command}: {problem[:1].lower()}{problem[1:]}; see `{command} --help`\n"
