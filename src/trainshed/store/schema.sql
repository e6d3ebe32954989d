-- The history of one workspace. Times are seconds since the epoch; JSON columns hold strict JSON.
CREATE TABLE experiments (
    name TEXT PRIMARY KEY,
    created REAL NOT NULL,
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
    parent TEXT,
    display_name TEXT,
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
    spec TEXT NOT NULL
);
CREATE INDEX runs_by_experiment ON runs (experiment, seq);
CREATE INDEX runs_by_status ON runs (status, seq);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_active ON runs (seq) WHERE terminal = 0;
CREATE INDEX runs_queued ON runs (target, priority DESC, seq) WHERE status = 'Queued';

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

-- One row a journal event, keyed by where it stands in the journal: storing it twice changes nothing.
CREATE TABLE metrics (
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    step INTEGER,
    time REAL NOT NULL,
    value,
    form TEXT NOT NULL,
    PRIMARY KEY (run, name, place)
) WITHOUT ROWID;

CREATE TABLE collected (
    run TEXT NOT NULL,
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

PRAGMA user_version = 1;
