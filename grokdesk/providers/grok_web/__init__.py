"""The web chat of grok.com: a short shell around the pure codecs in `protocol`."""
