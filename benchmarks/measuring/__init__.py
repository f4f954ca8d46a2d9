"""How each row is measured in this process, and what it is measured beside."""
