"""What several rooms share and no user needs: writing files, signals, threads, JSON with limits."""
