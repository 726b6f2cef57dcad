-- Exposure statements: what an insurer is told of every buyer for a month, as it was known when it was made.
-- Until a line of it is approved a statement follows the ledger; then it stays, and its figures can be found again from the
-- history as of known_at. content_hash: the SHA-256 of its bytes. receipt: what the insurer said of it as a whole.
CREATE TABLE statement (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    company            TEXT COLLATE "C" NOT NULL,
    connection         TEXT COLLATE "C" NOT NULL,
    policy             TEXT COLLATE "C" NOT NULL,
    method             TEXT COLLATE "C" NOT NULL,
    period             TEXT COLLATE "C" NOT NULL,
    currency           TEXT COLLATE "C" NOT NULL,
    as_of              DATE NOT NULL,
    made_on            DATE NOT NULL,
    known_at           TIMESTAMPTZ NOT NULL,
    line_count         BIGINT NOT NULL,
    total_minor        BIGINT NOT NULL,
    change_minor       BIGINT NOT NULL,
    not_stated         BIGINT NOT NULL,
    other_currency     BIGINT NOT NULL,
    content_hash       TEXT COLLATE "C" NOT NULL,
    receipt            TEXT COLLATE "C",
    receipt_because    TEXT COLLATE "C",
    receipt_by         TEXT COLLATE "C",
    receipt_at         TIMESTAMPTZ
);
CREATE UNIQUE INDEX statement_by_period ON statement (company, connection, policy, period, method);

-- insurer_buyer_id is absent where the buyer has an amount and could not be stated. before_statement is the statement that
-- told before_minor.
CREATE TABLE statement_line (
    statement        TEXT COLLATE "C" NOT NULL,
    buyer_id         TEXT COLLATE "C" NOT NULL,
    insurer_buyer_id TEXT COLLATE "C",
    name             TEXT COLLATE "C" NOT NULL,
    country          TEXT COLLATE "C" NOT NULL,
    account          TEXT COLLATE "C" NOT NULL,
    amount_minor     BIGINT NOT NULL,
    before_minor     BIGINT,
    before_statement TEXT COLLATE "C",
    PRIMARY KEY (statement, buyer_id)
);

CREATE INDEX effect_by_statement ON effect (cause, buyer_id) WHERE kind = 'report_exposure';

-- What was noted of a day that a statement speaks of, and then noted otherwise: the statement keeps what it knew.
ALTER TABLE exposure_day ADD COLUMN recorded_at TIMESTAMPTZ;
CREATE TABLE exposure_day_history (
    company           TEXT COLLATE "C" NOT NULL,
    buyer_id          TEXT COLLATE "C" NOT NULL,
    currency          TEXT COLLATE "C" NOT NULL,
    as_of             DATE NOT NULL,
    outstanding_minor BIGINT NOT NULL,
    recorded_at       TIMESTAMPTZ,
    superseded_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company, buyer_id, currency, as_of, superseded_at)
);
