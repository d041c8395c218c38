"""Flag bars that look unlike the usual ones: an isolation forest over scale-free features."""
