"""Looking for known values in files, in every form they may have there: what proves that nothing lies in the clear."""
