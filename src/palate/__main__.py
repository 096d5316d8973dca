"""`python -m palate` runs the command line."""

from palate.cli import main

main()
