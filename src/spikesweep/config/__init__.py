"""From the words of a command line to plain, checked values and built objects. Only this room knows Hydra.

`words` and `zips` turn words into Hydra's, `compose` asks Hydra, `build` makes objects of plain values.
Imports grid and the ground.
"""
