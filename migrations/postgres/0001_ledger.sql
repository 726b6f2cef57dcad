-- The ledger. One text for both databases but for the column types; tests/tidy.rs keeps the two files in step.
-- Money is minor units beside a currency. Dates are calendar dates, instants are UTC. Keys are text as partners give them.

CREATE TABLE connection (
    id            TEXT COLLATE "C" PRIMARY KEY,
    company       TEXT COLLATE "C" NOT NULL,
    connector     TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    paused_since  TIMESTAMPTZ,
    paused_reason TEXT COLLATE "C"
);

CREATE TABLE cursor (
    connection TEXT COLLATE "C" NOT NULL,
    operation  TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, operation)
);

CREATE TABLE buyer (
    id          TEXT COLLATE "C" PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    country     TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);

-- origin: 'customer' when a customer record describes it, 'item' when only its items do.
CREATE TABLE account (
    connection       TEXT COLLATE "C" NOT NULL,
    external_id      TEXT COLLATE "C" NOT NULL,
    code             TEXT COLLATE "C" NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    country          TEXT COLLATE "C" NOT NULL,
    identifiers      JSONB NOT NULL,
    insurer_buyer_id TEXT COLLATE "C",
    limit_minor      BIGINT,
    limit_currency   TEXT COLLATE "C",
    terms_days       BIGINT,
    blocked          BOOLEAN NOT NULL,
    buyer_id         TEXT COLLATE "C" NOT NULL,
    origin           TEXT COLLATE "C" NOT NULL,
    content_hash     BYTEA NOT NULL,
    recorded_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id)
);
CREATE INDEX account_by_buyer ON account (buyer_id);
CREATE INDEX account_by_insurer_id ON account (insurer_buyer_id) WHERE insurer_buyer_id IS NOT NULL;

CREATE TABLE item (
    connection    TEXT COLLATE "C" NOT NULL,
    external_id   TEXT COLLATE "C" NOT NULL,
    operation     TEXT COLLATE "C" NOT NULL,
    number        TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL,
    total_minor   BIGINT NOT NULL,
    open_minor    BIGINT NOT NULL,
    tax_minor     BIGINT,
    issued        DATE NOT NULL,
    due           DATE NOT NULL,
    original_due  DATE NOT NULL,
    due_estimated BOOLEAN NOT NULL,
    disputed      BOOLEAN NOT NULL,
    reference     TEXT COLLATE "C",
    content_hash  BYTEA NOT NULL,
    recorded_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id)
);
-- The account comes first, because accounts differ early and are sorted by that; with the connection first it takes twice as long.
CREATE INDEX item_open_by_account ON item (account, connection) WHERE open_minor > 0;

-- What an item was before it changed, and until when we knew it so.
CREATE TABLE item_history (
    connection    TEXT COLLATE "C" NOT NULL,
    external_id   TEXT COLLATE "C" NOT NULL,
    operation     TEXT COLLATE "C" NOT NULL,
    number        TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL,
    total_minor   BIGINT NOT NULL,
    open_minor    BIGINT NOT NULL,
    tax_minor     BIGINT,
    issued        DATE NOT NULL,
    due           DATE NOT NULL,
    original_due  DATE NOT NULL,
    due_estimated BOOLEAN NOT NULL,
    disputed      BOOLEAN NOT NULL,
    reference     TEXT COLLATE "C",
    content_hash  BYTEA NOT NULL,
    recorded_at   TIMESTAMPTZ NOT NULL,
    superseded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id, recorded_at)
);

CREATE TABLE allocation (
    connection   TEXT COLLATE "C" NOT NULL,
    external_id  TEXT COLLATE "C" NOT NULL,
    from_item    TEXT COLLATE "C" NOT NULL,
    to_item      TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    allocated_on DATE NOT NULL,
    content_hash BYTEA NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id)
);
CREATE INDEX allocation_by_item ON allocation (connection, to_item);

CREATE TABLE policy (
    connection  TEXT COLLATE "C" NOT NULL,
    number      TEXT COLLATE "C" NOT NULL,
    valid_from  DATE NOT NULL,
    payload     JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, number, valid_from)
);

-- payload is the whole limit as read, version counts its changes, seen_on is the business day on which it was first read so; the columns beside it are what queries ask for.
CREATE TABLE cover_limit (
    connection       TEXT COLLATE "C" NOT NULL,
    policy           TEXT COLLATE "C" NOT NULL,
    insurer_buyer_id TEXT COLLATE "C" NOT NULL,
    buyer_id         TEXT COLLATE "C",
    decision         TEXT COLLATE "C" NOT NULL,
    amount_minor     BIGINT NOT NULL,
    currency         TEXT COLLATE "C" NOT NULL,
    effective_from   DATE NOT NULL,
    payload          JSONB NOT NULL,
    content_hash     BYTEA NOT NULL,
    version          BIGINT NOT NULL,
    seen_on          DATE NOT NULL,
    recorded_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, policy, insurer_buyer_id)
);
CREATE INDEX cover_limit_by_buyer ON cover_limit (buyer_id);

CREATE TABLE cover_limit_history (
    connection       TEXT COLLATE "C" NOT NULL,
    policy           TEXT COLLATE "C" NOT NULL,
    insurer_buyer_id TEXT COLLATE "C" NOT NULL,
    buyer_id         TEXT COLLATE "C",
    decision         TEXT COLLATE "C" NOT NULL,
    amount_minor     BIGINT NOT NULL,
    currency         TEXT COLLATE "C" NOT NULL,
    effective_from   DATE NOT NULL,
    payload          JSONB NOT NULL,
    content_hash     BYTEA NOT NULL,
    version          BIGINT NOT NULL,
    seen_on          DATE NOT NULL,
    recorded_at      TIMESTAMPTZ NOT NULL,
    superseded_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, policy, insurer_buyer_id, recorded_at)
);
CREATE INDEX cover_limit_history_by_buyer ON cover_limit_history (buyer_id);

CREATE TABLE limit_request (
    connection       TEXT COLLATE "C" NOT NULL,
    reference        TEXT COLLATE "C" NOT NULL,
    policy           TEXT COLLATE "C" NOT NULL,
    insurer_buyer_id TEXT COLLATE "C" NOT NULL,
    status           TEXT COLLATE "C" NOT NULL,
    payload          JSONB NOT NULL,
    content_hash     BYTEA NOT NULL,
    recorded_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, reference)
);

CREATE TABLE exposure (
    company            TEXT COLLATE "C" NOT NULL,
    buyer_id           TEXT COLLATE "C" NOT NULL,
    currency           TEXT COLLATE "C" NOT NULL,
    outstanding_minor  BIGINT NOT NULL,
    not_due_minor      BIGINT NOT NULL,
    overdue_30_minor   BIGINT NOT NULL,
    overdue_60_minor   BIGINT NOT NULL,
    overdue_90_minor   BIGINT NOT NULL,
    overdue_more_minor BIGINT NOT NULL,
    disputed_minor     BIGINT NOT NULL,
    credits_minor      BIGINT NOT NULL,
    unallocated_minor  BIGINT NOT NULL,
    oldest_due         DATE,
    invoice_count      BIGINT NOT NULL,
    said_minor         BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    as_of              DATE NOT NULL,
    recorded_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company, buyer_id, currency)
);

CREATE TABLE cover (
    company         TEXT COLLATE "C" NOT NULL,
    buyer_id        TEXT COLLATE "C" NOT NULL,
    connection      TEXT COLLATE "C" NOT NULL,
    policy          TEXT COLLATE "C" NOT NULL,
    currency        TEXT COLLATE "C" NOT NULL,
    cap_minor       BIGINT NOT NULL,
    covered_minor   BIGINT NOT NULL,
    uninsured_minor BIGINT NOT NULL,
    indemnity_minor BIGINT NOT NULL,
    over_limit      BOOLEAN NOT NULL,
    version         BIGINT NOT NULL,
    as_of           DATE NOT NULL,
    recorded_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company, buyer_id, connection, policy)
);

-- A break that closes and opens again is the same row with the next occurrence.
CREATE TABLE break (
    id         TEXT COLLATE "C" PRIMARY KEY,
    company    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    country    TEXT COLLATE "C" NOT NULL,
    connection TEXT COLLATE "C" NOT NULL,
    ours       TEXT COLLATE "C" NOT NULL,
    theirs     TEXT COLLATE "C" NOT NULL,
    occurrence BIGINT NOT NULL,
    opened_at  TIMESTAMPTZ NOT NULL,
    opened_on  DATE NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    closed_at  TIMESTAMPTZ
);
CREATE INDEX break_open ON break (company, subject) WHERE closed_at IS NULL;

-- The outbox: a delta leaves it only by being confirmed, which is a date, not a deletion.
CREATE TABLE delta (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    company      TEXT COLLATE "C" NOT NULL,
    run          TEXT COLLATE "C" NOT NULL,
    event        TEXT COLLATE "C" NOT NULL,
    subject      TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    routing_key  TEXT COLLATE "C" NOT NULL,
    summary      TEXT COLLATE "C" NOT NULL,
    data         JSONB NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    published_at TIMESTAMPTZ
);
CREATE INDEX delta_pending ON delta (seq) WHERE published_at IS NULL;
CREATE INDEX delta_by_run ON delta (run);

CREATE TABLE quarantine (
    id           TEXT COLLATE "C" PRIMARY KEY,
    connection   TEXT COLLATE "C" NOT NULL,
    operation    TEXT COLLATE "C" NOT NULL,
    stage        TEXT COLLATE "C" NOT NULL,
    place        TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    payload      TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    first_seen   TIMESTAMPTZ NOT NULL,
    last_seen    TIMESTAMPTZ NOT NULL,
    last_run     TEXT COLLATE "C" NOT NULL,
    resolved_at  TIMESTAMPTZ
);
CREATE INDEX quarantine_open ON quarantine (connection, operation) WHERE resolved_at IS NULL;

CREATE TABLE run (
    id          TEXT COLLATE "C" PRIMARY KEY,
    company     TEXT COLLATE "C" NOT NULL,
    on_date     DATE NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    outcome     TEXT COLLATE "C" NOT NULL,
    summary     JSONB NOT NULL
);

CREATE TABLE control_total (
    run               TEXT COLLATE "C" NOT NULL,
    connection        TEXT COLLATE "C" NOT NULL,
    operation         TEXT COLLATE "C" NOT NULL,
    currency          TEXT COLLATE "C" NOT NULL,
    source_count      BIGINT NOT NULL,
    source_minor      BIGINT NOT NULL,
    ledger_count      BIGINT NOT NULL,
    ledger_minor      BIGINT NOT NULL,
    quarantined_count BIGINT NOT NULL,
    quarantined_minor BIGINT NOT NULL,
    PRIMARY KEY (run, connection, operation, currency)
);
