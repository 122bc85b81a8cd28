//! Many records in the audit log.

use tokio::task::JoinSet;

use crate::Outcome;
use crate::http1::Reconnecting;
use crate::message::Request;
use crate::server::Fixture;

/// The changes that one administrator makes, so that no limit of a credential is reached.
const OF_EACH: usize = 500;

/// Suspends and activates keys until the audit log has about `records` more records.
pub(super) async fn append_records(fixture: &Fixture<'_>, records: usize) -> Outcome<()> {
    let mut changes = JoinSet::new();
    for _ in 0..records.div_ceil(OF_EACH) {
        let admin = fixture
            .home
            .create_key("filler", "countersign:admin calls:read")
            .await?;
        let changed = fixture.home.create_key("filled", "calls:read").await?.id;
        let mut connection = Reconnecting::new(fixture.client());
        changes.spawn(async move {
            for action in ["suspend", "activate"].iter().cycle().take(OF_EACH) {
                let request = Request::post(&format!("/admin/v1/keys/{changed}/{action}"));
                // A change that fails leaves a record less.
                let _ = connection
                    .send(&request.header("x-api-key", &admin.key))
                    .await;
            }
        });
    }
    while let Some(ended) = changes.join_next().await {
        ended?;
    }
    Ok(())
}
