"""The routes of the field, in its JSON: orchestrations and entities."""
