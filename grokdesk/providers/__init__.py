"""Upstreams. Each is a shell that talks and a pure `protocol` that knows what is said."""
