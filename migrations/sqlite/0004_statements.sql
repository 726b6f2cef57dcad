-- Exposure statements: what an insurer is told of every buyer for a month, as it was known when it was made.
-- Until a line of it is approved a statement follows the ledger; then it stays, and its figures can be found again from the
-- history as of known_at. content_hash: the SHA-256 of its bytes. receipt: what the insurer said of it as a whole.
CREATE TABLE statement (
    id                 TEXT PRIMARY KEY,
    company            TEXT NOT NULL,
    connection         TEXT NOT NULL,
    policy             TEXT NOT NULL,
    method             TEXT NOT NULL,
    period             TEXT NOT NULL,
    currency           TEXT NOT NULL,
    as_of              TEXT NOT NULL,
    made_on            TEXT NOT NULL,
    known_at           TEXT NOT NULL,
    line_count         INTEGER NOT NULL,
    total_minor        INTEGER NOT NULL,
    change_minor       INTEGER NOT NULL,
    not_stated         INTEGER NOT NULL,
    other_currency     INTEGER NOT NULL,
    content_hash       TEXT NOT NULL,
    receipt            TEXT,
    receipt_because    TEXT,
    receipt_by         TEXT,
    receipt_at         TEXT
) STRICT;
CREATE UNIQUE INDEX statement_by_period ON statement (company, connection, policy, period, method);

-- insurer_buyer_id is absent where the buyer has an amount and could not be stated. before_statement is the statement that
-- told before_minor.
CREATE TABLE statement_line (
    statement        TEXT NOT NULL,
    buyer_id         TEXT NOT NULL,
    insurer_buyer_id TEXT,
    name             TEXT NOT NULL,
    country          TEXT NOT NULL,
    account          TEXT NOT NULL,
    amount_minor     INTEGER NOT NULL,
    before_minor     INTEGER,
    before_statement TEXT,
    PRIMARY KEY (statement, buyer_id)
) STRICT;

CREATE INDEX effect_by_statement ON effect (cause, buyer_id) WHERE kind = 'report_exposure';

-- What was noted of a day that a statement speaks of, and then noted otherwise: the statement keeps what it knew.
ALTER TABLE exposure_day ADD COLUMN recorded_at TEXT;
CREATE TABLE exposure_day_history (
    company           TEXT NOT NULL,
    buyer_id          TEXT NOT NULL,
    currency          TEXT NOT NULL,
    as_of             TEXT NOT NULL,
    outstanding_minor INTEGER NOT NULL,
    recorded_at       TEXT,
    superseded_at     TEXT NOT NULL,
    PRIMARY KEY (company, buyer_id, currency, as_of, superseded_at)
) STRICT;
