"""Stores that released versions wrote, and what becomes of them today."""
