//! `/connections`: the clusters somebody may see, and how well they are seen.

use app::pages::connections::ConnectionsPage;
use domain::{actor::Actor, board::Board};

use super::sight;

pub(super) fn gather(board: &Board, actor: &Actor) -> ConnectionsPage {
    ConnectionsPage {
        clusters: sight::clusters(board, actor),
        environments: sight::environments(board, actor).cloned().collect(),
    }
}
