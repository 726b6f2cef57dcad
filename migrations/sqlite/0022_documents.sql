-- Of a document that a factor was told of in a call: the factor's id of it, and that of its financing, where that is another call.
ALTER TABLE assignment_file ADD COLUMN reference TEXT;
ALTER TABLE assignment_file ADD COLUMN financing TEXT;
