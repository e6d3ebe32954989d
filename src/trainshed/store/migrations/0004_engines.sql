-- What the engine of a run's target calls it, and the GPUs it was given.
ALTER TABLE runs ADD COLUMN native_id TEXT;
ALTER TABLE runs ADD COLUMN allocation TEXT NOT NULL DEFAULT '{}';
