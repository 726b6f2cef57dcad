-- What accounts and the terms of policies were before they changed, and until when the ledger knew them so.
-- first_recorded_at: when the ledger first knew it at all; absent where that was before this history was kept, so that what it
-- was before its oldest version is not known. Links have their own history: buyer_id and link are not in it.
ALTER TABLE account ADD COLUMN first_recorded_at TEXT;
ALTER TABLE policy ADD COLUMN first_recorded_at TEXT;

CREATE TABLE account_history (
    connection        TEXT NOT NULL,
    external_id       TEXT NOT NULL,
    code              TEXT NOT NULL,
    name              TEXT NOT NULL,
    country           TEXT NOT NULL,
    street            TEXT,
    postcode          TEXT,
    town              TEXT,
    identifiers       TEXT NOT NULL,
    insurer_buyer_id  TEXT,
    limit_minor       INTEGER,
    limit_currency    TEXT,
    terms_days        INTEGER,
    blocked           INTEGER NOT NULL,
    origin            TEXT NOT NULL,
    recorded_at       TEXT NOT NULL,
    first_recorded_at TEXT,
    superseded_at     TEXT NOT NULL,
    PRIMARY KEY (connection, external_id, recorded_at)
) STRICT;

-- A period that the configuration no longer has is here and not in policy.
CREATE TABLE policy_history (
    connection        TEXT NOT NULL,
    number            TEXT NOT NULL,
    valid_from        TEXT NOT NULL,
    payload           TEXT NOT NULL,
    recorded_at       TEXT NOT NULL,
    first_recorded_at TEXT,
    superseded_at     TEXT NOT NULL,
    PRIMARY KEY (connection, number, valid_from, recorded_at)
) STRICT;
