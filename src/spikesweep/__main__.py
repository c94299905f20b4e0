"""`python -m spikesweep`: look at stores, check, compare and verify them."""

from spikesweep.api.commands import main

main()
