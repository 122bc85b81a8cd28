//! Lists and counts of credentials. Those of one account, or of one creator, read its records only, by an index.

use countersign::Id;
use countersign::registry::{CredentialFilter, Record};

use super::{Connection, Row, blob, optional_blob, read};
use crate::error::Result;

const ALL: &str = select!("WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3");
const OF_ACCOUNT: &str =
    select!("WHERE account_id = $4 AND kind = $1 AND id > $2 ORDER BY id LIMIT $3");
const OF_CREATOR: &str = select!(
    "WHERE created_by = $5 AND kind = $1 AND id > $2 AND ($4 IS NULL OR account_id = $4) ORDER BY id LIMIT $3"
);

/// Returns records of one kind, oldest first.
pub(crate) async fn list(
    db: &mut Connection,
    filter: &CredentialFilter,
    account: Option<&Id>,
) -> Result<Vec<Record>> {
    let query = match (filter.created_by, account) {
        (Some(_), _) => OF_CREATOR,
        (None, Some(_)) => OF_ACCOUNT,
        (None, None) => ALL,
    };
    Ok(fetch_all!(
        db,
        read_record,
        query,
        filter.kind.as_str(),
        // Every id comes after the empty one.
        optional_blob(filter.page.after.as_ref()).unwrap_or_default(),
        filter.page.limit,
        optional_blob(account),
        optional_blob(filter.created_by.as_ref()),
    ))
}

const COUNT_OF_ALL_TOKENS: &str = "SELECT count(*) FROM credentials
    WHERE kind = 'token' AND ($2 IS NULL OR issuers IN ('', $2))";
const COUNT_OF_TOKENS: &str = "SELECT count(*) FROM credentials
    WHERE account_id = $1 AND kind = 'token' AND ($2 IS NULL OR issuers IN ('', $2))";
const ALL_TOKENS: &str = select!(
    "WHERE kind = 'token' AND ($2 IS NULL OR issuers IN ('', $2)) ORDER BY id LIMIT $3 OFFSET $4"
);
const TOKENS: &str = select!(
    "WHERE account_id = $1 AND kind = 'token' AND ($2 IS NULL OR issuers IN ('', $2)) ORDER BY id LIMIT $3 OFFSET $4"
);

/// Returns a page of the managed tokens of an account and an issuer, oldest first, and how many there are in total.
pub(crate) async fn list_tokens(
    db: &mut Connection,
    (account, issuer): (Option<&Id>, Option<&str>),
    offset: u64,
    limit: u32,
) -> Result<(Vec<Record>, u64)> {
    let (count, page) = match account {
        Some(_) => (COUNT_OF_TOKENS, TOKENS),
        None => (COUNT_OF_ALL_TOKENS, ALL_TOKENS),
    };
    let account = optional_blob(account);
    let count: i64 = fetch_scalar!(db, count, account, issuer);
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let records = fetch_all!(db, read_record, page, account, issuer, limit, offset);
    Ok((records, u64::try_from(count).unwrap_or(0)))
}

const HAS_CREDENTIALS: &str = "SELECT EXISTS (SELECT 1 FROM credentials
    WHERE account_id = $1 AND kind IN ('key', 'user') LIMIT 1 OFFSET $2 - 1)";
const HAS_CREATED: &str = "SELECT EXISTS (SELECT 1 FROM credentials
    WHERE created_by = $1 AND kind = 'token' LIMIT 1 OFFSET $2 - 1)";

/// Returns whether an account has at least this many keys and users.
pub(crate) async fn has_credentials(db: &mut Connection, account: &Id, count: u32) -> Result<bool> {
    Ok(fetch_scalar!(db, HAS_CREDENTIALS, blob(account), count))
}

/// Returns whether a credential has created at least this many managed tokens that are still stored.
pub(crate) async fn has_created(db: &mut Connection, creator: &Id, count: u32) -> Result<bool> {
    Ok(fetch_scalar!(db, HAS_CREATED, blob(creator), count))
}

fn read_record(row: &Row) -> Result<Record> {
    Ok(read(row)?.record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn no_query_of_one_account_or_creator_reads_the_records_of_others() {
        let mut db = memory().await;
        for query in [
            OF_ACCOUNT,
            OF_CREATOR,
            COUNT_OF_TOKENS,
            TOKENS,
            HAS_CREDENTIALS,
            HAS_CREATED,
        ] {
            let index = match query.contains("created_by = $") {
                true => "INDEX credentials_of_creators (created_by=? AND kind=?",
                false => "INDEX credentials_of_accounts (account_id=? AND kind=?",
            };
            let plan = plan(&mut db, query).await;
            assert!(plan.contains(index), "{query}\n{plan}");
            for costly in ["SCAN credentials", "TEMP B-TREE"] {
                assert!(!plan.contains(costly), "{query}\n{plan}");
            }
        }
    }

    #[tokio::test]
    async fn page_of_one_kind_is_read_in_order() {
        let mut db = memory().await;
        let plan = plan(&mut db, ALL).await;
        assert!(
            plan.contains("credentials_of_kinds (kind=? AND id>?)"),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
