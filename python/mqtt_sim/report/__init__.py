"""Reports: pure functions of a Result (or of a snapshot, while a run goes on), one file each."""
