-- The history of one workspace. Times are seconds since the epoch; JSON columns hold strict JSON.
CREATE TABLE experiments (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    created REAL NOT NULL,
    archived REAL,
    tags TEXT NOT NULL DEFAULT '{}',
    runs INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    submit_id TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL REFERENCES experiments (name),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    parent TEXT REFERENCES runs (id),
    display_name TEXT,
    description TEXT,
    status TEXT NOT NULL,
    terminal INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    priority INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    details TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '{}',
    properties TEXT NOT NULL DEFAULT '{}',
    -- What the engine calls the run, and the GPUs it was given.
    native_id TEXT,
    allocation TEXT NOT NULL DEFAULT '{}',
    UNIQUE (experiment, number)
);
CREATE INDEX runs_by_experiment ON runs (experiment, seq);
CREATE INDEX runs_by_status ON runs (status, seq);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_active ON runs (seq) WHERE terminal = 0;
CREATE INDEX runs_queued ON runs (target, priority DESC, seq) WHERE status = 'Queued';

-- Apart from the runs, so that listing thousands does not read what was asked for in each.
CREATE TABLE specs (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    spec TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE run_events (
    run TEXT NOT NULL REFERENCES runs (id),
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    status TEXT NOT NULL,
    terminal INTEGER NOT NULL,
    reason TEXT
);
CREATE INDEX run_events_by_run ON run_events (run, seq);
-- A run ends once, whatever the code above believes.
CREATE UNIQUE INDEX run_ends_once ON run_events (run) WHERE terminal = 1;

-- One row a metric, with its newest point, so that an overview reads no points.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Whether SQLite's own types hold every value.
    plain INTEGER NOT NULL,
    points INTEGER NOT NULL,
    place INTEGER NOT NULL,
    step INTEGER,
    time REAL NOT NULL,
    value,
    UNIQUE (run, name)
);

-- One row a journal event, keyed by where it stands in the journal: storing it twice is impossible.
-- No reference to series: it would cost a look-up a point, and nothing else writes here.
CREATE TABLE points (
    series INTEGER NOT NULL,
    place INTEGER NOT NULL,
    step INTEGER,
    time REAL NOT NULL,
    value,
    PRIMARY KEY (series, place)
) WITHOUT ROWID;

-- Extremes of successive points of a long metric, so that a curve is drawn without reading all of them.
CREATE TABLE blocks (
    series INTEGER NOT NULL,
    -- Of the first point, with its step and time.
    place INTEGER NOT NULL,
    step INTEGER,
    time REAL NOT NULL,
    -- The smallest and largest number; NULL if there is none that can be drawn.
    low REAL,
    high REAL,
    -- Place of the last point.
    last INTEGER NOT NULL,
    PRIMARY KEY (series, place)
) WITHOUT ROWID;

CREATE TABLE collected (
    run TEXT NOT NULL REFERENCES runs (id),
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (run, file)
) WITHOUT ROWID;

CREATE TABLE files (
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    modified REAL NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;

CREATE TABLE records (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- Things with versions: models, datasets, environments. A version is never used again, also when it was deleted.
CREATE TABLE catalog (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created REAL NOT NULL,
    record TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '{}',
    properties TEXT NOT NULL DEFAULT '{}',
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, name, version)
) WITHOUT ROWID;

-- Where the content of a snapshot's file lies: in which pack, from which byte on.
CREATE TABLE contents (
    sha256 TEXT PRIMARY KEY,
    pack TEXT NOT NULL,
    start INTEGER NOT NULL,
    size INTEGER NOT NULL
) WITHOUT ROWID;

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
