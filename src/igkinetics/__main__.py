"""`python -m igkinetics`."""

from igkinetics.cli.main import main

main()
