-- sealed: the file as it goes out where the factor gets it encrypted, made once with the batch; content stays what it holds. sealed_hash: its
-- SHA-256. sealed_for: the fingerprint of the key that it is for.
ALTER TABLE assignment_file ADD COLUMN sealed BLOB;
ALTER TABLE assignment_file ADD COLUMN sealed_hash TEXT;
ALTER TABLE assignment_file ADD COLUMN sealed_for TEXT;
