"""Looks into frame-level systems: what they are robust to, what their filters hear."""
