-- What accounts and the terms of policies were before they changed, and until when the ledger knew them so.
-- first_recorded_at: when the ledger first knew it at all; absent where that was before this history was kept, so that what it
-- was before its oldest version is not known. Links have their own history: buyer_id and link are not in it.
ALTER TABLE account ADD COLUMN first_recorded_at TIMESTAMPTZ;
ALTER TABLE policy ADD COLUMN first_recorded_at TIMESTAMPTZ;

CREATE TABLE account_history (
    connection        TEXT COLLATE "C" NOT NULL,
    external_id       TEXT COLLATE "C" NOT NULL,
    code              TEXT COLLATE "C" NOT NULL,
    name              TEXT COLLATE "C" NOT NULL,
    country           TEXT COLLATE "C" NOT NULL,
    street            TEXT COLLATE "C",
    postcode          TEXT COLLATE "C",
    town              TEXT COLLATE "C",
    identifiers       JSONB NOT NULL,
    insurer_buyer_id  TEXT COLLATE "C",
    limit_minor       BIGINT,
    limit_currency    TEXT COLLATE "C",
    terms_days        BIGINT,
    blocked           BOOLEAN NOT NULL,
    origin            TEXT COLLATE "C" NOT NULL,
    recorded_at       TIMESTAMPTZ NOT NULL,
    first_recorded_at TIMESTAMPTZ,
    superseded_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id, recorded_at)
);

-- A period that the configuration no longer has is here and not in policy.
CREATE TABLE policy_history (
    connection        TEXT COLLATE "C" NOT NULL,
    number            TEXT COLLATE "C" NOT NULL,
    valid_from        DATE NOT NULL,
    payload           JSONB NOT NULL,
    recorded_at       TIMESTAMPTZ NOT NULL,
    first_recorded_at TIMESTAMPTZ,
    superseded_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, number, valid_from, recorded_at)
);
