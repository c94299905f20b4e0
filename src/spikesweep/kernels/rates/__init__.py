"""Integration of rate networks, and what is measured of their course."""
