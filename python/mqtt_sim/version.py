"""The version of the package: kept here so that it can be told without loading the engine."""

__version__ = "0.1.0"
