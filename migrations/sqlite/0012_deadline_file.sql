-- Files that a person has made for the insurer of a deadline, byte for byte, so that sending one again sends the same. A row is never
-- changed. kind: claim or extension_request. id: the first digits of content_hash, the SHA-256 of content. invoices: what the file is of.
CREATE TABLE deadline_file (
    id           TEXT NOT NULL,
    company      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    connection   TEXT NOT NULL,
    policy       TEXT NOT NULL,
    buyer_id     TEXT NOT NULL,
    file_name    TEXT NOT NULL,
    invoices     TEXT NOT NULL,
    content      BLOB NOT NULL,
    content_hash TEXT NOT NULL,
    made_on      TEXT NOT NULL,
    made_by      TEXT NOT NULL,
    recorded_at  TEXT NOT NULL,
    PRIMARY KEY (company, id)
) STRICT;
