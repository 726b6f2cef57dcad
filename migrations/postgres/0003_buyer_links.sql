-- Who is who: addresses to compare names with, and why each account and each insurer's buyer is a legal buyer.

ALTER TABLE account ADD COLUMN street TEXT COLLATE "C";
ALTER TABLE account ADD COLUMN postcode TEXT COLLATE "C";
ALTER TABLE account ADD COLUMN town TEXT COLLATE "C";
-- Why it is that buyer, as last recorded in buyer_link.
ALTER TABLE account ADD COLUMN link TEXT COLLATE "C";

-- Why an account, or an insurer's buyer, is a legal buyer; one in force each, the others are its history.
CREATE TABLE buyer_link (
    seq            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company        TEXT COLLATE "C" NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    connection     TEXT COLLATE "C" NOT NULL,
    external_id    TEXT COLLATE "C" NOT NULL,
    buyer_id       TEXT COLLATE "C" NOT NULL,
    reason         TEXT COLLATE "C" NOT NULL,
    detail         TEXT COLLATE "C" NOT NULL,
    score          BIGINT,
    decided_by     TEXT COLLATE "C" NOT NULL,
    previous_buyer TEXT COLLATE "C",
    recorded_at    TIMESTAMPTZ NOT NULL,
    reversed_at    TIMESTAMPTZ,
    reversed_by    TEXT COLLATE "C"
);
CREATE UNIQUE INDEX buyer_link_in_force ON buyer_link (kind, connection, external_id) WHERE reversed_at IS NULL;
CREATE INDEX buyer_link_of_persons ON buyer_link (company) WHERE reversed_at IS NULL AND reason = 'person';

-- Buyers that a command touched between two cycles; the next one settles them and empties this.
CREATE TABLE touched_buyer (
    company  TEXT COLLATE "C" NOT NULL,
    buyer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (company, buyer_id)
);
