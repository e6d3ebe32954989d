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
