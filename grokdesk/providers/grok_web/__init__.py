"""The web chat of grok.com, its pictures and films: a short shell around the pure codecs in `protocol`."""
