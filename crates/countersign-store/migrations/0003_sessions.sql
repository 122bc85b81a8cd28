-- Managed tokens beside keys and users, sessions, several issuers, and requests that may come again.

-- Rebuilt: SQLite cannot change a CHECK.
CREATE TABLE credentials_rebuilt (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    kind            TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'token')),
    name            TEXT    NOT NULL,
    account_id      BLOB    NOT NULL REFERENCES accounts (id),
    environment_id  BLOB    REFERENCES environments (id),
    generation      INTEGER NOT NULL DEFAULT 1 CHECK (generation BETWEEN 1 AND 4294967295),
    status          TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'revoked')),
    reason          TEXT, -- Why it was revoked, in the words of whoever did.
    scopes          TEXT    NOT NULL,
    allow_from      TEXT    NOT NULL DEFAULT '', -- Networks separated by spaces; empty: from anywhere.
    issuers         TEXT    NOT NULL DEFAULT '', -- Names separated by spaces; empty: all of them.
    created_by      BLOB    CHECK (length(created_by) = 20), -- The user that made a managed token; NULL: none did.
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
    -- What proves a managed token is its signature: nothing of it is kept.
    CHECK (CASE kind
        WHEN 'key' THEN pepper_version IS NOT NULL AND digest IS NOT NULL AND password_hash IS NULL
        WHEN 'user' THEN pepper_version IS NULL AND digest IS NULL AND password_hash IS NOT NULL
        ELSE pepper_version IS NULL AND digest IS NULL AND password_hash IS NULL
    END),
    CHECK (created_by IS NULL OR kind = 'token'),
    CHECK ((previous_digest IS NULL) = (previous_until IS NULL)),
    CHECK (previous_digest IS NULL OR digest IS NOT NULL)
) STRICT;

INSERT INTO credentials_rebuilt (id, kind, name, account_id, environment_id, generation, status, reason, scopes,
                                 allow_from, created_at, updated_at, expires_at, last_used_at, pepper_version,
                                 digest, previous_digest, previous_until, password_hash)
SELECT id, kind, name, account_id, environment_id, generation, status, reason, scopes,
       allow_from, created_at, updated_at, expires_at, last_used_at, pepper_version,
       digest, previous_digest, previous_until, password_hash
FROM credentials;

DROP TABLE credentials;
ALTER TABLE credentials_rebuilt RENAME TO credentials;
CREATE UNIQUE INDEX user_names ON credentials (name) WHERE kind = 'user';
CREATE INDEX credentials_of_accounts ON credentials (account_id, kind, created_at, id);
CREATE INDEX credentials_of_peppers ON credentials (pepper_version) WHERE pepper_version IS NOT NULL;

CREATE TABLE changes_rebuilt (
    number INTEGER NOT NULL PRIMARY KEY,
    kind   TEXT    NOT NULL
        CHECK (kind IN ('credential', 'account', 'token', 'session', 'signing_key', 'pepper')),
    entity BLOB    NOT NULL CHECK (length(entity) IN (0, 20))
) STRICT;

INSERT INTO changes_rebuilt (number, kind, entity) SELECT number, kind, entity FROM changes;

DROP TABLE changes;
ALTER TABLE changes_rebuilt RENAME TO changes;

-- Seconds: nothing that is signed ever lives longer, managed tokens included, so that a key that signs no more
-- need not be kept longer. `largest_lifetime` is about access tokens alone: a managed token is judged by its
-- record, and is not denied.
ALTER TABLE state ADD COLUMN longest_signed INTEGER NOT NULL DEFAULT 86400 CHECK (longest_signed > 0);
UPDATE state SET longest_signed = largest_lifetime;

-- A session's token, which is handed out again until `reuse_until`. `sealed` opens only beside the rest of its row.
CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    issuer        TEXT    NOT NULL, -- Its URL.
    credential_id BLOB    NOT NULL CHECK (length(credential_id) = 20),
    account_id    BLOB    NOT NULL CHECK (length(account_id) = 20),
    generation    INTEGER NOT NULL, -- The credential's.
    name          TEXT, -- NULL: the client gave none.
    scopes        TEXT    NOT NULL, -- In order: one text for equal sets.
    audience      TEXT    NOT NULL,
    kid           TEXT    NOT NULL, -- The key that signed it.
    token_id      BLOB    NOT NULL CHECK (length(token_id) = 20), -- Its `jti`.
    issued_at     INTEGER NOT NULL,
    reuse_until   INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    sealed        BLOB    NOT NULL
) STRICT;

CREATE INDEX sessions_of_credentials ON sessions (credential_id, expires_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- What was answered to requests that may come again, by who asked and what they call the request. `sealed` opens
-- only beside the rest of its row.
CREATE TABLE answers (
    caller  BLOB    NOT NULL CHECK (length(caller) = 20),
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL CHECK (length(request) = 32), -- A digest of all that was asked.
    sealed  BLOB    NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;

CREATE INDEX answers_by_end ON answers (until);
