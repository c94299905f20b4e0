"""`python -m spikesweep`: look at stores, check, compare and verify them."""

from spikesweep.commands import main

main()
