"""The labelled grid: axes, points, blocks, and what a result is declared as.

Knows neither models nor files: numbers, names and units. Imports the ground alone.
"""
