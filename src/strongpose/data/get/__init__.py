"""Getting published data sets: what there is, download, unpack."""
