-- A sweep is a run of kind 'hyperdrive' that the service drives: how to sweep, and what each trial runs.
CREATE TABLE sweeps (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    sweep TEXT NOT NULL,
    trial TEXT NOT NULL
) WITHOUT ROWID;

-- All that a sweep knows; its service may be killed at any time and goes on from here.
CREATE TABLE trials (
    sweep TEXT NOT NULL REFERENCES sweeps (run),
    number INTEGER NOT NULL,
    parameters TEXT NOT NULL,
    run TEXT NOT NULL,
    -- Counted from 1; each is a run of its own, of which 'run' is the last.
    attempt INTEGER NOT NULL DEFAULT 1,
    submitted INTEGER NOT NULL DEFAULT 0,
    -- The last interval at which the policy has judged it, and the one at which it has stopped it.
    judged INTEGER NOT NULL DEFAULT 0,
    stopped_at INTEGER,
    ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sweep, number)
) WITHOUT ROWID;
