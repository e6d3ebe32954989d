-- Written since 0.1.0 and read by nobody: a run's files are those in its run directory.
DROP TABLE uploads;
