//! `/audit`: every act and every refusal, newest first.

use domain::audit::Entry;

/// One page of the log.
#[derive(Clone, Debug)]
pub struct AuditPage {
    pub entries: Vec<Entry>,
    /// Sequence number to go on from, if there are older entries.
    pub older: Option<i64>,
}
