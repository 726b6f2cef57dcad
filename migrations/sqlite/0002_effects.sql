-- What is done outside, each exactly once. The row is committed before the first byte leaves.
-- awaiting: the partner has it and will decide. declined: a person said no, so that the same cause does not propose it again.
-- approval: 'automatic', or why a person has to. facts: what the operation is given.
CREATE TABLE effect (
    id                TEXT PRIMARY KEY,
    company           TEXT NOT NULL,
    kind              TEXT NOT NULL,
    action            TEXT NOT NULL,
    connection        TEXT NOT NULL,
    policy            TEXT NOT NULL,
    buyer_id          TEXT NOT NULL,
    name              TEXT NOT NULL,
    country           TEXT NOT NULL,
    subject           TEXT NOT NULL,
    cause             TEXT NOT NULL,
    state             TEXT NOT NULL,
    awaiting          INTEGER NOT NULL,
    approval          TEXT NOT NULL,
    why               TEXT NOT NULL,
    expected          TEXT NOT NULL,
    amount_minor      INTEGER,
    before_minor      INTEGER,
    fee_minor         INTEGER,
    currency          TEXT NOT NULL,
    facts             TEXT NOT NULL,
    our_reference     TEXT NOT NULL,
    partner_reference TEXT,
    message           TEXT,
    batch             TEXT,
    attempts          INTEGER NOT NULL,
    version           INTEGER NOT NULL,
    lease_until       TEXT,
    declined          INTEGER NOT NULL,
    expires_on        TEXT,
    proposed_on       TEXT NOT NULL,
    sent_on           TEXT,
    settled_on        TEXT,
    sent_at           TEXT,
    updated_at        TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX effect_live_request ON effect (company, connection, policy, buyer_id)
    WHERE kind IN ('request_limit', 'change_limit', 'cancel_limit')
    AND (state IN ('proposed', 'approved', 'sending', 'unknown') OR (state = 'done' AND awaiting));
CREATE INDEX effect_by_state ON effect (company, state);
CREATE INDEX effect_by_buyer ON effect (buyer_id);

-- Every step of an effect, with the partner's masked answer: the proof.
CREATE TABLE effect_step (
    effect TEXT NOT NULL,
    step   INTEGER NOT NULL,
    at     TEXT NOT NULL,
    state  TEXT NOT NULL,
    who    TEXT NOT NULL,
    note   TEXT NOT NULL,
    answer TEXT,
    PRIMARY KEY (effect, step)
) STRICT;

-- What a buyer owed at the end of each day on which that changed: the memory behind peaks and statements.
CREATE TABLE exposure_day (
    company           TEXT NOT NULL,
    buyer_id          TEXT NOT NULL,
    currency          TEXT NOT NULL,
    as_of             TEXT NOT NULL,
    outstanding_minor INTEGER NOT NULL,
    PRIMARY KEY (company, buyer_id, currency, as_of)
) STRICT;
