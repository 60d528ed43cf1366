"""Functions in Python that say what messages of native producers carry and where they go; called ahead, in batches."""

from mqtt_sim.content.message import MessageContext

__all__ = ["MessageContext"]
