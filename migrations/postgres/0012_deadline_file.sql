-- Files that a person has made for the insurer of a deadline, byte for byte, so that sending one again sends the same. A row is never
-- changed. kind: claim or extension_request. id: the first digits of content_hash, the SHA-256 of content. invoices: what the file is of.
CREATE TABLE deadline_file (
    id           TEXT COLLATE "C" NOT NULL,
    company      TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    policy       TEXT COLLATE "C" NOT NULL,
    buyer_id     TEXT COLLATE "C" NOT NULL,
    file_name    TEXT COLLATE "C" NOT NULL,
    invoices     JSONB NOT NULL,
    content      BYTEA NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    made_on      DATE NOT NULL,
    made_by      TEXT COLLATE "C" NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company, id)
);
