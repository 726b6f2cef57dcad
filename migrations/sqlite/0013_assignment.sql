-- Batches of assigned documents. A batch and its files are never changed; what becomes of it is in assignment_step, and state is the last
-- of them: made, approved, sending, sent, void. A void batch was never sent, and gives its number and its documents back. terms: the
-- contract as it was. totals: number and sum by kind. financed: what is expected to be paid and held, in all.
CREATE TABLE assignment (
    id           TEXT PRIMARY KEY,
    company      TEXT NOT NULL,
    factor       TEXT NOT NULL,
    connection   TEXT NOT NULL,
    contract     TEXT NOT NULL,
    number       INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    made_on      TEXT NOT NULL,
    terms        TEXT NOT NULL,
    totals       TEXT NOT NULL,
    financed     TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    state        TEXT NOT NULL,
    recorded_at  TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX assignment_by_number ON assignment (factor, contract, number) WHERE state <> 'void';

-- content_hash: the SHA-256 of content. proof: what shows that the factor has it.
CREATE TABLE assignment_file (
    assignment   TEXT NOT NULL,
    position     INTEGER NOT NULL,
    file_name    TEXT NOT NULL,
    documents    INTEGER NOT NULL,
    content      BLOB NOT NULL,
    content_hash TEXT NOT NULL,
    proof        TEXT,
    delivered_at TEXT,
    PRIMARY KEY (assignment, position)
) STRICT;

-- written: the number as the factor's form has it, which the factor takes once. external_id: the ERP's key. financed: what is expected to be
-- paid and held of it.
CREATE TABLE assignment_document (
    assignment   TEXT NOT NULL,
    position     INTEGER NOT NULL,
    contract     TEXT NOT NULL,
    factor       TEXT NOT NULL,
    connection   TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    kind         TEXT NOT NULL,
    number       TEXT NOT NULL,
    written      TEXT NOT NULL,
    buyer_id     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    due          TEXT NOT NULL,
    document     TEXT NOT NULL,
    financed     TEXT NOT NULL,
    in_force     INTEGER NOT NULL,
    PRIMARY KEY (assignment, position)
) STRICT;
CREATE UNIQUE INDEX assignment_document_once ON assignment_document (factor, contract, written) WHERE in_force AND kind IN ('invoice', 'credit_note');
-- What is sold to one factor is not sold to another.
CREATE UNIQUE INDEX assignment_document_item_once ON assignment_document (connection, external_id) WHERE in_force AND kind IN ('invoice', 'credit_note');
CREATE INDEX assignment_document_by_item ON assignment_document (connection, external_id);

CREATE TABLE assignment_step (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    assignment  TEXT NOT NULL,
    state       TEXT NOT NULL,
    done_by     TEXT NOT NULL,
    note        TEXT NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT;
CREATE INDEX assignment_step_of ON assignment_step (assignment);
