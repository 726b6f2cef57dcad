-- That an assigned document went back to the seller, as a person said: since when, who says so, and how it is known. It stays among the documents
-- of its contract, which takes it once, and another factor may have it.
ALTER TABLE assignment_document ADD COLUMN reassigned_on DATE;
ALTER TABLE assignment_document ADD COLUMN reassigned_by TEXT COLLATE "C";
ALTER TABLE assignment_document ADD COLUMN reassigned_because TEXT COLLATE "C";
ALTER TABLE assignment_document ADD COLUMN reassigned_at TIMESTAMPTZ;
DROP INDEX assignment_document_item_once;
CREATE UNIQUE INDEX assignment_document_item_once ON assignment_document (connection, external_id)
    WHERE in_force AND kind IN ('invoice', 'credit_note') AND reassigned_on IS NULL;
