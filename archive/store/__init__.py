"""Where a collection lies on disk and stays whole: files, state, recovery, the capture index, verification."""
