"""Engine pools: run work beside an engine in this process, or beside one engine per GPU on a Ray cluster."""
