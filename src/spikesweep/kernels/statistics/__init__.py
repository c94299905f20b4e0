"""Compiled statistics: spectra of segments, spike-triggered averages."""
