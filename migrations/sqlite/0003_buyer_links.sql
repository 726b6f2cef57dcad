-- Who is who: addresses to compare names with, and why each account and each insurer's buyer is a legal buyer.

ALTER TABLE account ADD COLUMN street TEXT;
ALTER TABLE account ADD COLUMN postcode TEXT;
ALTER TABLE account ADD COLUMN town TEXT;
-- Why it is that buyer, as last recorded in buyer_link.
ALTER TABLE account ADD COLUMN link TEXT;

-- Why an account, or an insurer's buyer, is a legal buyer; one in force each, the others are its history.
CREATE TABLE buyer_link (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    company        TEXT NOT NULL,
    kind           TEXT NOT NULL,
    connection     TEXT NOT NULL,
    external_id    TEXT NOT NULL,
    buyer_id       TEXT NOT NULL,
    reason         TEXT NOT NULL,
    detail         TEXT NOT NULL,
    score          INTEGER,
    decided_by     TEXT NOT NULL,
    previous_buyer TEXT,
    recorded_at    TEXT NOT NULL,
    reversed_at    TEXT,
    reversed_by    TEXT
) STRICT;
CREATE UNIQUE INDEX buyer_link_in_force ON buyer_link (kind, connection, external_id) WHERE reversed_at IS NULL;
CREATE INDEX buyer_link_of_persons ON buyer_link (company) WHERE reversed_at IS NULL AND reason = 'person';

-- Buyers that a command touched between two cycles; the next one settles them and empties this.
CREATE TABLE touched_buyer (
    company  TEXT NOT NULL,
    buyer_id TEXT NOT NULL,
    PRIMARY KEY (company, buyer_id)
) STRICT;
