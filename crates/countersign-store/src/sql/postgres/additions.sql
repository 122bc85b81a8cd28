
-- SQLite gives every row a number.
ALTER TABLE issuers ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE peppers ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE signing_keys ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE sessions ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE idempotency_keys ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE audit_head ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;

-- When nodes were notified of a change last, in milliseconds by the clock of the server.
CREATE TABLE notified (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    at  BIGINT NOT NULL
);

INSERT INTO notified (one, at) VALUES (1, 0);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit records are never changed or deleted';
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- Which versions of the program can use the tables.
CREATE TABLE countersign_schema (
    one             BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    version         BIGINT NOT NULL,
    minimum_version BIGINT NOT NULL
);

INSERT INTO countersign_schema (one, version, minimum_version) VALUES (1, 0, 0);
