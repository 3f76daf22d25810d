"""The `aiprov` command."""

import sys


def main() -> None:
    """Run the command line, or say how to install what it needs."""
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv):
        import gc

        from aiprov import hook  # an editor waits, so nothing else is imported

        gc.disable()  # a parser's many objects take twice as long with it, and the process ends at once
        sys.exit(hook.run(sys.argv[2:]))
    if sys.argv[1:2] == ["run"]:
        from aiprov import run as launcher  # becomes the program, which waits for nothing of ours

        code = launcher.run(sys.argv[2:])
        if code is not None:
            sys.exit(code)
    try:
        from aiprov.cli import run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("aiprov"):
            raise
        sys.stderr.write(f"aiprov: {error.name} is missing; install the command line with: pip install 'aiprov[cli]'\n")
        sys.exit(2)
    sys.exit(run())


if __name__ == "__main__":
    main()
