-- Credentials live, change and die; what died stays denied; every change is on record.

ALTER TABLE accounts ADD COLUMN status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked'));

-- Rebuilt: SQLite cannot change a CHECK.
CREATE TABLE credentials_rebuilt (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    kind            TEXT    NOT NULL CHECK (kind IN ('key', 'user')),
    name            TEXT    NOT NULL,
    account_id      BLOB    NOT NULL REFERENCES accounts (id),
    environment_id  BLOB    REFERENCES environments (id),
    generation      INTEGER NOT NULL DEFAULT 1 CHECK (generation BETWEEN 1 AND 4294967295),
    status          TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'revoked')),
    reason          TEXT, -- Why it was revoked, in the words of whoever did.
    scopes          TEXT    NOT NULL,
    allow_from      TEXT    NOT NULL DEFAULT '', -- Networks separated by spaces; empty: from anywhere.
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    expires_at      INTEGER, -- NULL: never.
    last_used_at    INTEGER, -- Gathered in memory and written in batches. NULL: never, or not known yet.
    -- Both digests of a key are made with one pepper, so that one digest of what is presented is compared
    -- with both.
    pepper_version  INTEGER REFERENCES peppers (version),
    digest          BLOB    CHECK (length(digest) = 32),
    previous_digest BLOB    CHECK (length(previous_digest) = 32),
    previous_until  INTEGER,
    password_hash   TEXT,
    CHECK (CASE kind
        WHEN 'key' THEN pepper_version IS NOT NULL AND digest IS NOT NULL AND password_hash IS NULL
        ELSE pepper_version IS NULL AND digest IS NULL AND password_hash IS NOT NULL
    END),
    CHECK ((previous_digest IS NULL) = (previous_until IS NULL)),
    CHECK (previous_digest IS NULL OR digest IS NOT NULL)
) STRICT;

INSERT INTO credentials_rebuilt (id, kind, name, account_id, environment_id, generation, status, scopes, created_at,
                                 updated_at, expires_at, pepper_version, digest, password_hash)
SELECT id, kind, name, account_id, environment_id, generation, status, scopes, created_at,
       created_at, expires_at, pepper_version, digest, password_hash
FROM credentials;

DROP TABLE credentials;
ALTER TABLE credentials_rebuilt RENAME TO credentials;
CREATE UNIQUE INDEX user_names ON credentials (name) WHERE kind = 'user';
CREATE INDEX credentials_of_accounts ON credentials (account_id, kind, created_at, id);
CREATE INDEX credentials_of_peppers ON credentials (pepper_version) WHERE pepper_version IS NOT NULL;

-- A key is published from its creation, signs from `activates_at` until the next one does, is published on until
-- the last token that it signed has expired, and loses its private part then.
CREATE TABLE signing_keys_rebuilt (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    issuer_id    BLOB    NOT NULL REFERENCES issuers (id),
    algorithm    TEXT    NOT NULL,
    kid          TEXT,    -- NULL: made before it was kept. The next start fills it in.
    sealed       BLOB,    -- NULL: removed.
    created_at   INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    revoked_at   INTEGER  -- NULL: not revoked.
) STRICT;

INSERT INTO signing_keys_rebuilt (id, issuer_id, algorithm, sealed, created_at, activates_at)
SELECT id, issuer_id, algorithm, sealed, created_at, created_at FROM signing_keys;

DROP TABLE signing_keys;
ALTER TABLE signing_keys_rebuilt RENAME TO signing_keys;

-- Tokens of these are refused though nothing else may be left of them: below the generation, until the moment at
-- which the last such token has expired.
CREATE TABLE denied_entities (
    entity            BLOB    NOT NULL PRIMARY KEY CHECK (length(entity) = 20),
    lowest_generation INTEGER NOT NULL CHECK (lowest_generation BETWEEN 1 AND 4294967295),
    until             INTEGER NOT NULL
) STRICT;

CREATE INDEX denied_entities_by_end ON denied_entities (until);

-- Single tokens, by issuer's URL and `jti`.
CREATE TABLE denied_tokens (
    issuer TEXT    NOT NULL,
    token  BLOB    NOT NULL CHECK (length(token) = 20),
    until  INTEGER NOT NULL,
    PRIMARY KEY (token, issuer)
) STRICT, WITHOUT ROWID;

CREATE INDEX denied_tokens_by_end ON denied_tokens (until);

-- The change log says what kind of thing changed. `entity` is an id; for peppers nothing.
CREATE TABLE changes_rebuilt (
    number INTEGER NOT NULL PRIMARY KEY,
    kind   TEXT    NOT NULL CHECK (kind IN ('credential', 'account', 'token', 'signing_key', 'pepper')),
    entity BLOB    NOT NULL CHECK (length(entity) IN (0, 20))
) STRICT;

INSERT INTO changes_rebuilt (number, kind, entity) SELECT number, 'credential', entity FROM changes;

DROP TABLE changes;
ALTER TABLE changes_rebuilt RENAME TO changes;

-- What is so of the whole database.
CREATE TABLE state (
    one              INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    -- Which history the numbers of the change log belong to: a restored backup begins another.
    epoch            BLOB    NOT NULL CHECK (length(epoch) = 20),
    -- Changes below this number are no longer in the log.
    oldest_change    INTEGER NOT NULL,
    -- Seconds: no token ever lives longer, so that denials need not be kept longer.
    largest_lifetime INTEGER NOT NULL CHECK (largest_lifetime > 0)
) STRICT;

INSERT INTO state (one, epoch, oldest_change, largest_lifetime) VALUES (1, randomblob(20), 1, 86400);

-- Who did what, in the order in which it was done: each record carries a MAC over itself and the MAC before it.
CREATE TABLE audit (
    number     INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    request_id TEXT,
    action     TEXT    NOT NULL,
    account_id BLOB    CHECK (length(account_id) = 20), -- NULL: it concerned the whole server.
    entity     BLOB    CHECK (length(entity) = 20),
    detail     TEXT    NOT NULL, -- A JSON object.
    mac        BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;

CREATE INDEX audit_of_accounts ON audit (account_id, number);

-- The key of the MACs, sealed, and the end of the chain, so that a tail that was cut off is missed.
CREATE TABLE audit_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    sealed BLOB    NOT NULL,
    number INTEGER NOT NULL,
    mac    BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit records are never changed');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit records are never deleted');
END;
