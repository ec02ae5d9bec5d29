//! `/audit`: the log, newest first, of the environments somebody may see.

use app::pages::audit::AuditPage;
use domain::{actor::Actor, board::Board};

use super::sight;
use crate::store::{self, Store};

/// Entries on one page.
const PAGE: i64 = 50;

pub(super) async fn gather(
    board: &Board,
    store: &Store,
    actor: &Actor,
    before: Option<i64>,
) -> anyhow::Result<AuditPage> {
    let seen: Vec<_> = sight::environments(board, actor).map(|e| e.name.clone()).collect();
    let entries = store::audit::list_in(store, &seen, before, PAGE).await?;
    let is_full = i64::try_from(entries.len()).is_ok_and(|found| found == PAGE);
    let older = entries.last().map(|entry| entry.sequence).filter(|_| is_full);
    Ok(AuditPage { entries, older })
}
