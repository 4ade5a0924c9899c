"""What the definitions of `defs/` share: resources, and the component of a live source."""
