"""What we need from the world, one file a noun."""
