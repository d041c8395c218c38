"""Draw what is watched: dashboards from the declared metrics, and no query that names what nobody measures."""
