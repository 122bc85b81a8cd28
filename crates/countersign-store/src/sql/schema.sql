-- Ids are 20 bytes. Times are milliseconds since 1970. Columns called `sealed` are encrypted with the master key
-- (AES-256-GCM). Columns that end in `uptime` are milliseconds of `state.uptime`: a record that is deleted when a time has
-- passed is kept until that much time has really passed too, because the clock may be wrong.

CREATE TABLE accounts (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    name       TEXT    NOT NULL UNIQUE,
    status     TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
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

CREATE INDEX environments_of_accounts ON environments (account_id, id);

CREATE TABLE issuers (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    name       TEXT    NOT NULL UNIQUE,
    url        TEXT, -- NULL until the first start that knows the address; never changed afterwards.
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE peppers (
    version    INTEGER NOT NULL PRIMARY KEY CHECK (version BETWEEN 1 AND 4294967295),
    -- 1: the HMAC key of another system, for imported API keys. It makes no new digests.
    imported   INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1)),
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A key is published from its creation on, signs from `activates_at` until the next one does, stays published until the
-- last token that it signed has expired, and loses its private part then.
CREATE TABLE signing_keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    issuer_id    BLOB    NOT NULL REFERENCES issuers (id),
    algorithm    TEXT    NOT NULL,
    kid          TEXT    NOT NULL,
    sealed       BLOB,    -- NULL: the private part was deleted.
    created_at   INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    revoked_at   INTEGER, -- NULL: not revoked.
    created_uptime INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    kind            TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'token')),
    name            TEXT    NOT NULL,
    account_id      BLOB    NOT NULL REFERENCES accounts (id),
    environment_id  BLOB    REFERENCES environments (id),
    generation      INTEGER NOT NULL DEFAULT 1 CHECK (generation BETWEEN 1 AND 4294967295),
    status          TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'revoked')),
    reason          TEXT, -- Why it was revoked, in the words of the caller.
    scopes          TEXT    NOT NULL,
    allow_from      TEXT    NOT NULL DEFAULT '', -- Networks separated by spaces; empty: all.
    issuers         TEXT    NOT NULL DEFAULT '', -- Names separated by spaces; empty: all.
    created_by      BLOB    CHECK (length(created_by) = 20), -- The credential that created it; NULL: the operator.
    created_by_user INTEGER NOT NULL DEFAULT 0 CHECK (created_by_user IN (0, 1)), -- Whether that is a user.
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    expires_at      INTEGER, -- NULL: never.
    until_uptime    INTEGER, -- NULL: no managed token.
    last_used_at    INTEGER, -- Collected in memory, and written in batches. NULL: never, or not written yet.
    -- Both digests of a key use the same pepper, so that one digest of a presented secret is compared with both.
    pepper_version  INTEGER REFERENCES peppers (version),
    digest          BLOB    CHECK (length(digest) = 32),
    -- 1: the digest is that of a whole key that another system issued.
    imported        INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1)),
    previous_digest BLOB    CHECK (length(previous_digest) = 32),
    previous_until  INTEGER,
    previous_until_uptime INTEGER,
    -- The digest by which the key was imported, so that a repeated import finds the key after its digest was replaced or
    -- its secret rotated. It is one of `imported_pepper`, or as the other system computed it if that is NULL.
    imported_digest BLOB    CHECK (length(imported_digest) = 32),
    imported_pepper INTEGER REFERENCES peppers (version),
    password_hash   TEXT,
    -- A managed token is authenticated by its signature: nothing secret is stored.
    CHECK (CASE kind
        WHEN 'key' THEN pepper_version IS NOT NULL AND digest IS NOT NULL AND password_hash IS NULL
        WHEN 'user' THEN pepper_version IS NULL AND digest IS NULL AND password_hash IS NOT NULL
        ELSE pepper_version IS NULL AND digest IS NULL AND password_hash IS NULL
    END),
    CHECK (imported = 0 OR (kind = 'key' AND previous_digest IS NULL)),
    CHECK ((until_uptime IS NULL) = (kind <> 'token' OR expires_at IS NULL)),
    CHECK ((previous_digest IS NULL) = (previous_until IS NULL)),
    CHECK ((previous_until IS NULL) = (previous_until_uptime IS NULL)),
    CHECK (previous_digest IS NULL OR digest IS NOT NULL),
    CHECK (imported = 0 OR imported_digest IS NOT NULL),
    CHECK (imported_pepper IS NULL OR imported_digest IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX user_names ON credentials (name) WHERE kind = 'user';
CREATE UNIQUE INDEX imported_keys ON credentials (digest) WHERE imported = 1;
CREATE UNIQUE INDEX imports ON credentials (imported_digest) WHERE imported_digest IS NOT NULL;
CREATE INDEX credentials_of_creators ON credentials (created_by, kind, id) WHERE created_by IS NOT NULL;
CREATE INDEX credentials_of_accounts ON credentials (account_id, kind, id);
CREATE INDEX credentials_of_kinds ON credentials (kind, id);
CREATE INDEX managed_tokens_by_end ON credentials (expires_at) WHERE kind = 'token';
CREATE INDEX previous_secrets_by_end ON credentials (previous_until_uptime) WHERE previous_until_uptime IS NOT NULL;
CREATE INDEX credentials_of_peppers ON credentials (pepper_version) WHERE pepper_version IS NOT NULL;
CREATE INDEX imports_of_peppers ON credentials (imported_pepper) WHERE imported_pepper IS NOT NULL;

-- The token of each session, which is returned again until `reuse_until`. `sealed` can only be decrypted together with
-- the rest of its row.
CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    issuer        TEXT    NOT NULL, -- Its URL.
    credential_id BLOB    NOT NULL CHECK (length(credential_id) = 20),
    account_id    BLOB    NOT NULL CHECK (length(account_id) = 20),
    generation    INTEGER NOT NULL, -- That of the credential.
    name          TEXT, -- NULL: the client gave none.
    scopes        TEXT    NOT NULL, -- Sorted: equal sets have equal texts.
    audience      TEXT    NOT NULL,
    kid           TEXT    NOT NULL, -- The key that signed it.
    token_id      BLOB    NOT NULL CHECK (length(token_id) = 20), -- Its `jti`.
    issued_at     INTEGER NOT NULL,
    reuse_until   INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    until_uptime  INTEGER NOT NULL,
    sealed        BLOB    NOT NULL
) STRICT;

CREATE INDEX sessions_of_credentials ON sessions (credential_id, expires_at);
CREATE INDEX sessions_of_accounts ON sessions (account_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Responses to requests that may be repeated, by caller and idempotency key. `sealed` can only be decrypted together with
-- the rest of its row.
CREATE TABLE idempotency_keys (
    caller  BLOB    NOT NULL CHECK (length(caller) = 20),
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL CHECK (length(request) = 32), -- A digest of the whole request.
    sealed  BLOB    NOT NULL,
    until   INTEGER NOT NULL,
    until_uptime INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;

CREATE INDEX idempotency_keys_by_end ON idempotency_keys (until);

-- Rejected tokens, even if no other record of the entity is left, until the last such token has expired. The entity is a
-- credential, an account or a session, whose tokens with a lower generation are rejected, or a single token, by its `jti`
-- and the URL of its issuer.
CREATE TABLE denials (
    entity            BLOB    NOT NULL CHECK (length(entity) = 20),
    issuer            TEXT    NOT NULL, -- Empty unless it is a token.
    lowest_generation INTEGER CHECK (lowest_generation BETWEEN 1 AND 4294967295), -- NULL: a single token.
    until             INTEGER NOT NULL,
    until_uptime      INTEGER NOT NULL,
    PRIMARY KEY (entity, issuer),
    CHECK ((issuer = '') = (lowest_generation IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX denials_by_end ON denials (until);

-- The change log: which record changed, in the order of commits. Numbers are dense, so that a reader that has applied
-- number n has missed no change below. `entity` is an id; for peppers it is empty. For `created_tokens`, it is a credential
-- whose managed tokens were revoked, all of them in one change.
CREATE TABLE changes (
    number INTEGER NOT NULL PRIMARY KEY,
    kind   TEXT    NOT NULL
        CHECK (kind IN ('credential', 'created_tokens', 'account', 'denial', 'signing_key', 'pepper', 'node')),
    entity BLOB    NOT NULL CHECK (length(entity) IN (0, 20))
) STRICT;

CREATE TABLE change_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO change_head (one, number) VALUES (1, 0);

-- The processes that follow the change log to authenticate requests. A row that is `leaving` is removed after the greatest
-- age of the node's view: see the module `nodes`.
CREATE TABLE nodes (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    name          TEXT    NOT NULL,
    registration  INTEGER NOT NULL, -- How often the node has registered.
    leaving       INTEGER NOT NULL CHECK (leaving IN (0, 1)),
    serves_stale  INTEGER NOT NULL CHECK (serves_stale IN (0, 1)),
    max_staleness INTEGER NOT NULL, -- Milliseconds.
    epoch         BLOB    CHECK (length(epoch) = 20), -- The history of `applied`; NULL: nothing was acknowledged.
    applied       INTEGER NOT NULL, -- The number of the last change that the node has acknowledged.
    view_age      INTEGER NOT NULL, -- Milliseconds, when the row was written.
    started_at    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL -- When the node wrote the row.
) STRICT;

-- Facts about the whole database. The row is inserted together with the initial records.
CREATE TABLE state (
    one              INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    -- The default owner of new credentials.
    account_id       BLOB    NOT NULL REFERENCES accounts (id),
    environment_id   BLOB    NOT NULL REFERENCES environments (id),
    -- The history that the numbers of the change log belong to. A restored backup begins a new one.
    epoch            BLOB    NOT NULL CHECK (length(epoch) = 20),
    -- For how many milliseconds a process had the database open.
    uptime           INTEGER NOT NULL DEFAULT 0,
    -- Changes below this number are no longer in the log.
    oldest_change    INTEGER NOT NULL DEFAULT 1,
    -- Seconds: the longest lifetime of an access token. Denials can be deleted after it.
    largest_lifetime INTEGER NOT NULL DEFAULT 86400 CHECK (largest_lifetime > 0),
    -- Seconds: the longest lifetime of any signed token, managed tokens included. The keys that signed it can be deleted
    -- after it. A managed token is rejected by its record, not by a denial.
    longest_signed   INTEGER NOT NULL DEFAULT 86400 CHECK (longest_signed > 0)
) STRICT;

-- The audit log, in the order of the changes. Each record carries a MAC over itself and the MAC before it.
CREATE TABLE audit (
    number     INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    request_id TEXT,
    action     TEXT    NOT NULL,
    account_id BLOB    CHECK (length(account_id) = 20), -- NULL: the whole server.
    entity     BLOB    CHECK (length(entity) = 20),
    detail     TEXT    NOT NULL, -- A JSON object.
    mac        BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;

CREATE INDEX audit_of_accounts ON audit (account_id, number);

-- The key of the MACs, encrypted, and the end of the chain, so that a truncated log is detected.
CREATE TABLE audit_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    sealed BLOB    NOT NULL,
    number INTEGER NOT NULL,
    mac    BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;
