-- Batches of assigned documents. A batch and its files are never changed; what becomes of it is in assignment_step, and state is the last
-- of them: made, approved, sending, sent, void. A void batch was never sent, and gives its number and its documents back. terms: the
-- contract as it was. totals: number and sum by kind. financed: what is expected to be paid and held, in all.
CREATE TABLE assignment (
    id           TEXT COLLATE "C" PRIMARY KEY,
    company      TEXT COLLATE "C" NOT NULL,
    factor       TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    contract     TEXT COLLATE "C" NOT NULL,
    number       BIGINT NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    made_on      DATE NOT NULL,
    terms        JSONB NOT NULL,
    totals       JSONB NOT NULL,
    financed     JSONB NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX assignment_by_number ON assignment (factor, contract, number) WHERE state <> 'void';

-- content_hash: the SHA-256 of content. proof: what shows that the factor has it.
CREATE TABLE assignment_file (
    assignment   TEXT COLLATE "C" NOT NULL,
    position     BIGINT NOT NULL,
    file_name    TEXT COLLATE "C" NOT NULL,
    documents    BIGINT NOT NULL,
    content      BYTEA NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    proof        TEXT COLLATE "C",
    delivered_at TIMESTAMPTZ,
    PRIMARY KEY (assignment, position)
);

-- written: the number as the factor's form has it, which the factor takes once. external_id: the ERP's key. financed: what is expected to be
-- paid and held of it.
CREATE TABLE assignment_document (
    assignment   TEXT COLLATE "C" NOT NULL,
    position     BIGINT NOT NULL,
    contract     TEXT COLLATE "C" NOT NULL,
    factor       TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    external_id  TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    number       TEXT COLLATE "C" NOT NULL,
    written      TEXT COLLATE "C" NOT NULL,
    buyer_id     TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    due          DATE NOT NULL,
    document     JSONB NOT NULL,
    financed     JSONB NOT NULL,
    in_force     BOOLEAN NOT NULL,
    PRIMARY KEY (assignment, position)
);
CREATE UNIQUE INDEX assignment_document_once ON assignment_document (factor, contract, written) WHERE in_force AND kind IN ('invoice', 'credit_note');
-- What is sold to one factor is not sold to another.
CREATE UNIQUE INDEX assignment_document_item_once ON assignment_document (connection, external_id) WHERE in_force AND kind IN ('invoice', 'credit_note');
CREATE INDEX assignment_document_by_item ON assignment_document (connection, external_id);

CREATE TABLE assignment_step (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    assignment  TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    done_by     TEXT COLLATE "C" NOT NULL,
    note        TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX assignment_step_of ON assignment_step (assignment);
