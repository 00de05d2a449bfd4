"""Run the command line: `python -m apprunner_watcher.cli`."""

from apprunner_watcher.cli import main

main()
