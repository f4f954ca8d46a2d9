"""The six patterns of the field, one file each; ``python -m examples.patterns`` plays them."""
