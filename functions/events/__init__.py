"""An event as it arrives: the change of a document, and its caller."""
