"""`python -m streams …` is the command `smatrix …`, whatever is installed."""

from deploy.cli.app import main

if __name__ == "__main__":
    main()
