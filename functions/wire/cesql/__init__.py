"""Read and evaluate CESQL 1.0.0, the expressions that filter CloudEvents; pure, total and bounded."""
