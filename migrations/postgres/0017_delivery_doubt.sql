-- doubt: why it is not known whether the factor has a file; written before its first byte leaves, where that cannot be taken back.
ALTER TABLE assignment_file ADD COLUMN doubt TEXT;
