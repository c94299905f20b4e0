"""Compiled statistics: spectra of segments, spike-triggered averages, measures of a network's activity."""
