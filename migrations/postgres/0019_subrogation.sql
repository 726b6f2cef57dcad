-- The subrogation receipt of a batch, as it was made with it. content: the paper, a PDF, content_hash its SHA-256. data: the same as JSON.
CREATE TABLE subrogation (
    assignment   TEXT COLLATE "C" PRIMARY KEY,
    file_name    TEXT COLLATE "C" NOT NULL,
    content      BYTEA NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    data         TEXT COLLATE "C" NOT NULL
);
