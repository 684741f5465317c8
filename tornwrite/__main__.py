"""python -m tornwrite: the command line."""

from tornwrite.cli import main

main()
