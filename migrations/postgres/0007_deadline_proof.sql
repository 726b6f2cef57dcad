-- What a person says was done by hand for a deadline: who, how and when. Nothing is ever overwritten: what is taken back keeps
-- its row. kind: extension_request, overdue_notice or claim. erp and external_id name the invoice, connection and policy the insurer's side.
CREATE TABLE deadline_proof (
    company      TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    policy       TEXT COLLATE "C" NOT NULL,
    erp          TEXT COLLATE "C" NOT NULL,
    external_id  TEXT COLLATE "C" NOT NULL,
    done_on      DATE NOT NULL,
    said_by      TEXT COLLATE "C" NOT NULL,
    how          TEXT COLLATE "C" NOT NULL,
    payload      TEXT COLLATE "C" NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    undone_at    TIMESTAMPTZ,
    undone_by    TEXT COLLATE "C",
    PRIMARY KEY (company, kind, connection, policy, erp, external_id, recorded_at)
);
