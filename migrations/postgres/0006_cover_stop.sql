-- Stops of cover: from stopped_on what is invoiced to the buyer is not covered. Remembered after the invoice that caused it
-- is paid, since not every policy lifts a stop by payment. number: counts the stops of a buyer under a policy, from 1.
-- lifts: how it ends by the policy. lifted_on: the day on which it ended. covered_from: first day whose invoices are covered again.
-- version: counts what was said.
CREATE TABLE cover_stop (
    company      TEXT COLLATE "C" NOT NULL,
    buyer_id     TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    policy       TEXT COLLATE "C" NOT NULL,
    number       BIGINT NOT NULL,
    stopped_on   DATE NOT NULL,
    cause_item   TEXT COLLATE "C" NOT NULL,
    cause_number TEXT COLLATE "C" NOT NULL,
    lifts        TEXT COLLATE "C" NOT NULL,
    known_since  DATE NOT NULL,
    lifted_on    DATE,
    covered_from DATE,
    lifted_why   TEXT COLLATE "C",
    lifted_by    TEXT COLLATE "C",
    because      TEXT COLLATE "C",
    version      BIGINT NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company, buyer_id, connection, policy, number)
);
