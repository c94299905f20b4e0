"""Networks: populations, which cells connect, how strongly, and what a cell receives."""
