"""What several rooms share and no user needs: writing files, messages, signals, threads, JSON with limits."""
