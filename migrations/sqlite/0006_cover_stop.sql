-- Stops of cover: from stopped_on what is invoiced to the buyer is not covered. Remembered after the invoice that caused it
-- is paid, since not every policy lifts a stop by payment. number: counts the stops of a buyer under a policy, from 1.
-- lifts: how it ends by the policy. lifted_on: the day on which it ended. covered_from: first day whose invoices are covered again.
-- version: counts what was said.
CREATE TABLE cover_stop (
    company      TEXT NOT NULL,
    buyer_id     TEXT NOT NULL,
    connection   TEXT NOT NULL,
    policy       TEXT NOT NULL,
    number       INTEGER NOT NULL,
    stopped_on   TEXT NOT NULL,
    cause_item   TEXT NOT NULL,
    cause_number TEXT NOT NULL,
    lifts        TEXT NOT NULL,
    known_since  TEXT NOT NULL,
    lifted_on    TEXT,
    covered_from TEXT,
    lifted_why   TEXT,
    lifted_by    TEXT,
    because      TEXT,
    version      INTEGER NOT NULL,
    recorded_at  TEXT NOT NULL,
    PRIMARY KEY (company, buyer_id, connection, policy, number)
) STRICT;
