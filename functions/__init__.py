"""All Python of Tickloom; README.md in this folder is the catalogue."""
