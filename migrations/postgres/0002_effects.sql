-- What is done outside, each exactly once. The row is committed before the first byte leaves.
-- awaiting: the partner has it and will decide. declined: a person said no, so that the same cause does not propose it again.
-- approval: 'automatic', or why a person has to. facts: what the operation is given.
CREATE TABLE effect (
    id                TEXT COLLATE "C" PRIMARY KEY,
    company           TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    action            TEXT COLLATE "C" NOT NULL,
    connection        TEXT COLLATE "C" NOT NULL,
    policy            TEXT COLLATE "C" NOT NULL,
    buyer_id          TEXT COLLATE "C" NOT NULL,
    name              TEXT COLLATE "C" NOT NULL,
    country           TEXT COLLATE "C" NOT NULL,
    subject           TEXT COLLATE "C" NOT NULL,
    cause             TEXT COLLATE "C" NOT NULL,
    state             TEXT COLLATE "C" NOT NULL,
    awaiting          BOOLEAN NOT NULL,
    approval          TEXT COLLATE "C" NOT NULL,
    why               TEXT COLLATE "C" NOT NULL,
    expected          TEXT COLLATE "C" NOT NULL,
    amount_minor      BIGINT,
    before_minor      BIGINT,
    fee_minor         BIGINT,
    currency          TEXT COLLATE "C" NOT NULL,
    facts             JSONB NOT NULL,
    our_reference     TEXT COLLATE "C" NOT NULL,
    partner_reference TEXT COLLATE "C",
    message           TEXT COLLATE "C",
    batch             TEXT COLLATE "C",
    attempts          BIGINT NOT NULL,
    version           BIGINT NOT NULL,
    lease_until       TIMESTAMPTZ,
    declined          BOOLEAN NOT NULL,
    expires_on        DATE,
    proposed_on       DATE NOT NULL,
    sent_on           DATE,
    settled_on        DATE,
    sent_at           TIMESTAMPTZ,
    updated_at        TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX effect_live_request ON effect (company, connection, policy, buyer_id)
    WHERE kind IN ('request_limit', 'change_limit', 'cancel_limit')
    AND (state IN ('proposed', 'approved', 'sending', 'unknown') OR (state = 'done' AND awaiting));
CREATE INDEX effect_by_state ON effect (company, state);
CREATE INDEX effect_by_buyer ON effect (buyer_id);

-- Every step of an effect, with the partner's masked answer: the proof.
CREATE TABLE effect_step (
    effect TEXT COLLATE "C" NOT NULL,
    step   BIGINT NOT NULL,
    at     TIMESTAMPTZ NOT NULL,
    state  TEXT COLLATE "C" NOT NULL,
    who    TEXT COLLATE "C" NOT NULL,
    note   TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C",
    PRIMARY KEY (effect, step)
);

-- What a buyer owed at the end of each day on which that changed: the memory behind peaks and statements.
CREATE TABLE exposure_day (
    company           TEXT COLLATE "C" NOT NULL,
    buyer_id          TEXT COLLATE "C" NOT NULL,
    currency          TEXT COLLATE "C" NOT NULL,
    as_of             DATE NOT NULL,
    outstanding_minor BIGINT NOT NULL,
    PRIMARY KEY (company, buyer_id, currency, as_of)
);
