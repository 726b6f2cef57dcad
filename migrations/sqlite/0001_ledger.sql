-- The ledger. One text for both databases but for the column types; tests/tidy.rs keeps the two files in step.
-- Money is minor units beside a currency. Dates are calendar dates, instants are UTC. Keys are text as partners give them.

CREATE TABLE connection (
    id            TEXT PRIMARY KEY,
    company       TEXT NOT NULL,
    connector     TEXT NOT NULL,
    role          TEXT NOT NULL,
    paused_since  TEXT,
    paused_reason TEXT
) STRICT;

CREATE TABLE cursor (
    connection TEXT NOT NULL,
    operation  TEXT NOT NULL,
    value      TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (connection, operation)
) STRICT;

CREATE TABLE buyer (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    country     TEXT NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT;

-- origin: 'customer' when a customer record describes it, 'item' when only its items do.
CREATE TABLE account (
    connection       TEXT NOT NULL,
    external_id      TEXT NOT NULL,
    code             TEXT NOT NULL,
    name             TEXT NOT NULL,
    country          TEXT NOT NULL,
    identifiers      TEXT NOT NULL,
    insurer_buyer_id TEXT,
    limit_minor      INTEGER,
    limit_currency   TEXT,
    terms_days       INTEGER,
    blocked          INTEGER NOT NULL,
    buyer_id         TEXT NOT NULL,
    origin           TEXT NOT NULL,
    content_hash     BLOB NOT NULL,
    recorded_at      TEXT NOT NULL,
    PRIMARY KEY (connection, external_id)
) STRICT;
CREATE INDEX account_by_buyer ON account (buyer_id);
CREATE INDEX account_by_insurer_id ON account (insurer_buyer_id) WHERE insurer_buyer_id IS NOT NULL;

CREATE TABLE item (
    connection    TEXT NOT NULL,
    external_id   TEXT NOT NULL,
    operation     TEXT NOT NULL,
    number        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    account       TEXT NOT NULL,
    currency      TEXT NOT NULL,
    total_minor   INTEGER NOT NULL,
    open_minor    INTEGER NOT NULL,
    tax_minor     INTEGER,
    issued        TEXT NOT NULL,
    due           TEXT NOT NULL,
    original_due  TEXT NOT NULL,
    due_estimated INTEGER NOT NULL,
    disputed      INTEGER NOT NULL,
    reference     TEXT,
    content_hash  BLOB NOT NULL,
    recorded_at   TEXT NOT NULL,
    PRIMARY KEY (connection, external_id)
) STRICT;
-- The account comes first, because accounts differ early and are sorted by that; with the connection first it takes twice as long.
CREATE INDEX item_open_by_account ON item (account, connection) WHERE open_minor > 0;

-- What an item was before it changed, and until when we knew it so.
CREATE TABLE item_history (
    connection    TEXT NOT NULL,
    external_id   TEXT NOT NULL,
    operation     TEXT NOT NULL,
    number        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    account       TEXT NOT NULL,
    currency      TEXT NOT NULL,
    total_minor   INTEGER NOT NULL,
    open_minor    INTEGER NOT NULL,
    tax_minor     INTEGER,
    issued        TEXT NOT NULL,
    due           TEXT NOT NULL,
    original_due  TEXT NOT NULL,
    due_estimated INTEGER NOT NULL,
    disputed      INTEGER NOT NULL,
    reference     TEXT,
    content_hash  BLOB NOT NULL,
    recorded_at   TEXT NOT NULL,
    superseded_at TEXT NOT NULL,
    PRIMARY KEY (connection, external_id, recorded_at)
) STRICT;

CREATE TABLE allocation (
    connection   TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    from_item    TEXT NOT NULL,
    to_item      TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    allocated_on TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    recorded_at  TEXT NOT NULL,
    PRIMARY KEY (connection, external_id)
) STRICT;
CREATE INDEX allocation_by_item ON allocation (connection, to_item);

CREATE TABLE policy (
    connection  TEXT NOT NULL,
    number      TEXT NOT NULL,
    valid_from  TEXT NOT NULL,
    payload     TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (connection, number, valid_from)
) STRICT;

-- payload is the whole limit as read, version counts its changes, seen_on is the business day on which it was first read so; the columns beside it are what queries ask for.
CREATE TABLE cover_limit (
    connection       TEXT NOT NULL,
    policy           TEXT NOT NULL,
    insurer_buyer_id TEXT NOT NULL,
    buyer_id         TEXT,
    decision         TEXT NOT NULL,
    amount_minor     INTEGER NOT NULL,
    currency         TEXT NOT NULL,
    effective_from   TEXT NOT NULL,
    payload          TEXT NOT NULL,
    content_hash     BLOB NOT NULL,
    version          INTEGER NOT NULL,
    seen_on          TEXT NOT NULL,
    recorded_at      TEXT NOT NULL,
    PRIMARY KEY (connection, policy, insurer_buyer_id)
) STRICT;
CREATE INDEX cover_limit_by_buyer ON cover_limit (buyer_id);

CREATE TABLE cover_limit_history (
    connection       TEXT NOT NULL,
    policy           TEXT NOT NULL,
    insurer_buyer_id TEXT NOT NULL,
    buyer_id         TEXT,
    decision         TEXT NOT NULL,
    amount_minor     INTEGER NOT NULL,
    currency         TEXT NOT NULL,
    effective_from   TEXT NOT NULL,
    payload          TEXT NOT NULL,
    content_hash     BLOB NOT NULL,
    version          INTEGER NOT NULL,
    seen_on          TEXT NOT NULL,
    recorded_at      TEXT NOT NULL,
    superseded_at    TEXT NOT NULL,
    PRIMARY KEY (connection, policy, insurer_buyer_id, recorded_at)
) STRICT;
CREATE INDEX cover_limit_history_by_buyer ON cover_limit_history (buyer_id);

CREATE TABLE limit_request (
    connection       TEXT NOT NULL,
    reference        TEXT NOT NULL,
    policy           TEXT NOT NULL,
    insurer_buyer_id TEXT NOT NULL,
    status           TEXT NOT NULL,
    payload          TEXT NOT NULL,
    content_hash     BLOB NOT NULL,
    recorded_at      TEXT NOT NULL,
    PRIMARY KEY (connection, reference)
) STRICT;

CREATE TABLE exposure (
    company            TEXT NOT NULL,
    buyer_id           TEXT NOT NULL,
    currency           TEXT NOT NULL,
    outstanding_minor  INTEGER NOT NULL,
    not_due_minor      INTEGER NOT NULL,
    overdue_30_minor   INTEGER NOT NULL,
    overdue_60_minor   INTEGER NOT NULL,
    overdue_90_minor   INTEGER NOT NULL,
    overdue_more_minor INTEGER NOT NULL,
    disputed_minor     INTEGER NOT NULL,
    credits_minor      INTEGER NOT NULL,
    unallocated_minor  INTEGER NOT NULL,
    oldest_due         TEXT,
    invoice_count      INTEGER NOT NULL,
    said_minor         INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    as_of              TEXT NOT NULL,
    recorded_at        TEXT NOT NULL,
    PRIMARY KEY (company, buyer_id, currency)
) STRICT;

CREATE TABLE cover (
    company         TEXT NOT NULL,
    buyer_id        TEXT NOT NULL,
    connection      TEXT NOT NULL,
    policy          TEXT NOT NULL,
    currency        TEXT NOT NULL,
    cap_minor       INTEGER NOT NULL,
    covered_minor   INTEGER NOT NULL,
    uninsured_minor INTEGER NOT NULL,
    indemnity_minor INTEGER NOT NULL,
    over_limit      INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    as_of           TEXT NOT NULL,
    recorded_at     TEXT NOT NULL,
    PRIMARY KEY (company, buyer_id, connection, policy)
) STRICT;

-- A break that closes and opens again is the same row with the next occurrence.
CREATE TABLE break (
    id         TEXT PRIMARY KEY,
    company    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    name       TEXT NOT NULL,
    country    TEXT NOT NULL,
    connection TEXT NOT NULL,
    ours       TEXT NOT NULL,
    theirs     TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    opened_at  TEXT NOT NULL,
    opened_on  TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    closed_at  TEXT
) STRICT;
CREATE INDEX break_open ON break (company, subject) WHERE closed_at IS NULL;

-- The outbox: a delta leaves it only by being confirmed, which is a date, not a deletion.
CREATE TABLE delta (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    company      TEXT NOT NULL,
    run          TEXT NOT NULL,
    event        TEXT NOT NULL,
    subject      TEXT NOT NULL,
    connection   TEXT NOT NULL,
    routing_key  TEXT NOT NULL,
    summary      TEXT NOT NULL,
    data         TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    published_at TEXT
) STRICT;
CREATE INDEX delta_pending ON delta (seq) WHERE published_at IS NULL;
CREATE INDEX delta_by_run ON delta (run);

CREATE TABLE quarantine (
    id           TEXT PRIMARY KEY,
    connection   TEXT NOT NULL,
    operation    TEXT NOT NULL,
    stage        TEXT NOT NULL,
    place        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    payload      TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    first_seen   TEXT NOT NULL,
    last_seen    TEXT NOT NULL,
    last_run     TEXT NOT NULL,
    resolved_at  TEXT
) STRICT;
CREATE INDEX quarantine_open ON quarantine (connection, operation) WHERE resolved_at IS NULL;

CREATE TABLE run (
    id          TEXT PRIMARY KEY,
    company     TEXT NOT NULL,
    on_date     TEXT NOT NULL,
    started_at  TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    summary     TEXT NOT NULL
) STRICT;

CREATE TABLE control_total (
    run               TEXT NOT NULL,
    connection        TEXT NOT NULL,
    operation         TEXT NOT NULL,
    currency          TEXT NOT NULL,
    source_count      INTEGER NOT NULL,
    source_minor      INTEGER NOT NULL,
    ledger_count      INTEGER NOT NULL,
    ledger_minor      INTEGER NOT NULL,
    quarantined_count INTEGER NOT NULL,
    quarantined_minor INTEGER NOT NULL,
    PRIMARY KEY (run, connection, operation, currency)
) STRICT;
