"""`python -m spikesweep`: every command."""

from spikesweep.api.commands import main

if __name__ == "__main__":
    main()
