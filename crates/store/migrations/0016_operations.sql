-- What a probe of the database writes, to see that something can be written: one row for each probe.
CREATE TABLE probes (
    probe TEXT NOT NULL PRIMARY KEY CHECK (length(probe) BETWEEN 1 AND 40),
    written_us BIGINT NOT NULL
);

-- How often which page was opened on a day, and by how many browsers. Who that was stands nowhere.
CREATE TABLE visits (
    day TEXT NOT NULL CHECK (length(day) = 10),
    page TEXT NOT NULL CHECK (length(page) BETWEEN 1 AND 80),
    views BIGINT NOT NULL CHECK (views >= 0),
    visitors BIGINT NOT NULL CHECK (visitors >= 0),
    PRIMARY KEY (day, page)
);
