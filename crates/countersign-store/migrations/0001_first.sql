-- Ids are 20 bytes; moments are milliseconds since 1970; what is `sealed` is AES-256-GCM under the master key.

CREATE TABLE accounts (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    name       TEXT    NOT NULL UNIQUE,
    generation INTEGER NOT NULL DEFAULT 1 CHECK (generation BETWEEN 1 AND 4294967295),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    account_id BLOB    NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('sandbox', 'production')),
    created_at INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;

CREATE TABLE issuers (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    name       TEXT    NOT NULL UNIQUE,
    url        TEXT, -- NULL until the first start that knows its address; then never changed.
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE peppers (
    version    INTEGER NOT NULL PRIMARY KEY CHECK (version BETWEEN 1 AND 4294967295),
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE signing_keys (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    issuer_id  BLOB    NOT NULL REFERENCES issuers (id),
    algorithm  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    kind           TEXT    NOT NULL CHECK (kind IN ('key', 'user')),
    name           TEXT    NOT NULL,
    account_id     BLOB    NOT NULL REFERENCES accounts (id),
    environment_id BLOB    REFERENCES environments (id),
    generation     INTEGER NOT NULL DEFAULT 1 CHECK (generation BETWEEN 1 AND 4294967295),
    status         TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
    scopes         TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER, -- NULL: never.
    pepper_version INTEGER REFERENCES peppers (version),
    digest         BLOB    CHECK (length(digest) = 32),
    password_hash  TEXT,
    CHECK (CASE kind
        WHEN 'key' THEN pepper_version IS NOT NULL AND digest IS NOT NULL AND password_hash IS NULL
        ELSE pepper_version IS NULL AND digest IS NULL AND password_hash IS NOT NULL
    END)
) STRICT;

CREATE UNIQUE INDEX user_names ON credentials (name) WHERE kind = 'user';

-- What changed, in the order in which it was committed: numbers are dense, so that whoever has
-- applied number n has missed nothing below.
CREATE TABLE changes (
    number INTEGER NOT NULL PRIMARY KEY,
    entity BLOB    NOT NULL CHECK (length(entity) = 20)
) STRICT;

CREATE TABLE change_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO change_head (one, number) VALUES (1, 0);

-- The mark of the initial set: made in the same transaction, so that there is one set or none.
CREATE TABLE initial_set (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    account_id     BLOB    NOT NULL REFERENCES accounts (id),
    environment_id BLOB    NOT NULL REFERENCES environments (id),
    created_at     INTEGER NOT NULL
) STRICT;
