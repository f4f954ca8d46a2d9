"""What every system is asked to do, one after the other, and how it is judged."""
