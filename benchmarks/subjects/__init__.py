"""The entities and orchestrations that are run while perdure is measured."""
