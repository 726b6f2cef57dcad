-- What a person says was done by hand for a deadline: who, how and when. Nothing is ever overwritten: what is taken back keeps
-- its row. kind: extension_request, overdue_notice or claim. erp and external_id name the invoice, connection and policy the insurer's side.
CREATE TABLE deadline_proof (
    company      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    connection   TEXT NOT NULL,
    policy       TEXT NOT NULL,
    erp          TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    done_on      TEXT NOT NULL,
    said_by      TEXT NOT NULL,
    how          TEXT NOT NULL,
    payload      TEXT NOT NULL,
    recorded_at  TEXT NOT NULL,
    undone_at    TEXT,
    undone_by    TEXT,
    PRIMARY KEY (company, kind, connection, policy, erp, external_id, recorded_at)
) STRICT;
