"""Compiled drivers, streams of random numbers, vector mathematics: no model, no label, no file."""
