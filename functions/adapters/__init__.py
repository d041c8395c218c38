"""How the world provides what the ports ask for."""
