-- The subrogation receipt of a batch, as it was made with it. content: the paper, a PDF, content_hash its SHA-256. data: the same as JSON.
CREATE TABLE subrogation (
    assignment   TEXT PRIMARY KEY,
    file_name    TEXT NOT NULL,
    content      BLOB NOT NULL,
    content_hash TEXT NOT NULL,
    data         TEXT NOT NULL
) STRICT;
