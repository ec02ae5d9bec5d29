//! What a view shows, with the frames that bring a tab from an older state to this one.
//!
//! A frame is a server-sent event without its last, empty line, so that the last of several can
//! carry the version as its id: whoever saw that id saw all of them.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{
    fmt::Write,
    sync::{Arc, OnceLock},
};

use app::{Fragment, Live, Page};
use axum::body::Bytes;
use domain::board::Freshness;

use crate::{board::Version, routes::pages::render_region};

/// Bytes to send, in order, shared with other tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames(pub Vec<Bytes>);

impl Frames {
    /// Length of all of them in bytes.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a tab has.
#[derive(Clone, Copy, Debug)]
pub enum Since {
    /// The page as rendered from this version, or nobody knows what.
    Page(Option<Version>),
    /// Everything up to this version was sent to it.
    Sent(Version),
}

/// A view at one version.
pub struct Shown {
    version: Version,
    /// The first version this view knows: what changed before, it cannot tell.
    from: u64,
    /// When its parts last changed their order.
    reshaped: u64,
    /// The version before the newest change.
    previous: u64,
    /// The newest change as one piece: what nearly every tab is sent.
    latest: Bytes,
    shape: String,
    parts: Vec<Part>,
    page: Arc<Page>,
    region: OnceLock<Bytes>,
    freshness: Freshness,
    aged: u64,
}

#[derive(Clone)]
struct Part {
    fragment: Fragment,
    changed: u64,
    /// Empty until it changes for the first time.
    frame: Bytes,
}

impl Shown {
    pub(super) fn first(version: Version, live: Live, page: Page, freshness: Freshness) -> Self {
        let parts = live.parts.into_iter().map(|fragment| Part {
            fragment,
            changed: version.number,
            frame: Bytes::new(),
        });
        Self {
            version,
            from: version.number,
            reshaped: version.number,
            previous: version.number,
            latest: Bytes::new(),
            shape: live.shape,
            parts: parts.collect(),
            page: Arc::new(page),
            region: OnceLock::new(),
            freshness,
            aged: version.number,
        }
    }

    /// The next state, and how many frames were written for it; 0 if nothing changed.
    pub(super) fn next(
        &self,
        version: Version,
        live: Live,
        page: Page,
        freshness: Freshness,
    ) -> (Self, u64) {
        let number = version.number;
        let is_same_shape = live.shape == self.shape
            && live.parts.len() == self.parts.len()
            && live.parts.iter().zip(&self.parts).all(|(new, old)| new.id == old.fragment.id);
        let mut next = Self::first(version, live, page, freshness);
        next.from = self.from;
        next.aged = if next.freshness == self.freshness { self.aged } else { number };
        let mut written = u64::from(next.aged == number);
        if is_same_shape {
            next.reshaped = self.reshaped;
            for (part, old) in next.parts.iter_mut().zip(&self.parts) {
                if part.fragment == old.fragment {
                    part.changed = old.changed;
                    part.frame = old.frame.clone();
                } else {
                    part.frame = patch(&part.fragment);
                    written += 1;
                }
            }
        } else {
            written += 1;
        }
        if written == 0 {
            next.previous = self.previous;
            next.latest = self.latest.clone();
            // The stamp of the newest change stays: it is what tabs were told.
            next.version = self.version;
            return (next, 0);
        }
        next.previous = self.version.number;
        next.latest = join(next.assemble(next.previous)).into();
        (next, written)
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// What brings a tab up to date; nothing if it is.
    pub(super) fn since(&self, since: Since) -> Option<Frames> {
        let had = match since {
            Since::Page(None) => return Some(Frames(self.whole())),
            Since::Page(Some(had)) if had.epoch != self.version.epoch => {
                let is_same_script = had.assets() == self.version.assets();
                return Some(Frames(if is_same_script { self.whole() } else { vec![reload()] }));
            }
            Since::Page(Some(had)) | Since::Sent(had) => had.number,
        };
        if had >= self.version.number {
            None
        } else if had >= self.previous && !self.latest.is_empty() && had >= self.from {
            Some(Frames(vec![self.latest.clone()]))
        } else {
            let chunks = self.assemble(had);
            (!chunks.is_empty()).then_some(Frames(chunks))
        }
    }

    /// The frames of everything that changed after `had`.
    fn assemble(&self, had: u64) -> Vec<Bytes> {
        if had < self.from || had < self.reshaped {
            return self.whole();
        }
        let aged = (self.aged > had).then(|| self.age());
        let changed =
            self.parts.iter().filter(|part| part.changed > had).map(|part| part.frame.clone());
        self.close(aged.into_iter().chain(changed).collect())
    }

    /// The region and its age: for a tab of which nothing is known.
    fn whole(&self) -> Vec<Bytes> {
        let region = self.region.get_or_init(|| patch(&render_region(&self.page))).clone();
        self.close(vec![self.age(), region])
    }

    fn age(&self) -> Bytes {
        let words = app::staleness(&self.freshness).unwrap_or_default();
        event("stale", &words)
    }

    /// Puts the empty lines between frames, and the version into the last.
    fn close(&self, frames: Vec<Bytes>) -> Vec<Bytes> {
        let Some(last) = frames.len().checked_sub(1) else { return frames };
        let end = Bytes::from(format!("id: {}\n\n", self.version));
        let mut chunks = Vec::with_capacity(frames.len() * 2);
        for (at, frame) in frames.into_iter().enumerate() {
            chunks.push(frame);
            chunks.push(if at == last { end.clone() } else { Bytes::from_static(b"\n") });
        }
        chunks
    }
}

fn join(chunks: Vec<Bytes>) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect()
}

fn patch(fragment: &Fragment) -> Bytes {
    event("patch", &format!("{}\n{}", fragment.id, fragment.html))
}

/// The page was made for other assets than this server has.
fn reload() -> Bytes {
    Bytes::from_static(b"event: reload\ndata: the page has a newer script\n\n")
}

fn event(kind: &str, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 32);
    let _ = writeln!(text, "event: {kind}");
    for line in data.split('\n') {
        let _ = writeln!(text, "data: {line}");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use app::pages::connections::ConnectionsPage;
    use jiff::Timestamp;

    use super::*;

    fn at(number: u64) -> Version {
        Version { epoch: 0x10007, number }
    }

    fn page() -> Page {
        Page::Connections(ConnectionsPage { clusters: vec![], environments: vec![] })
    }

    fn live(parts: &[(&str, &str)]) -> Live {
        Live {
            shape: parts.iter().map(|(id, _)| *id).collect(),
            parts: parts
                .iter()
                .map(|(id, html)| Fragment { id: (*id).into(), html: (*html).into() })
                .collect(),
        }
    }

    fn first() -> Shown {
        Shown::first(at(5), live(&[("a", "1"), ("b", "1")]), page(), Freshness::Live)
    }

    fn text(frames: Option<Frames>) -> String {
        String::from_utf8(join(frames.map(|frames| frames.0).unwrap_or_default())).unwrap()
    }

    #[test]
    fn only_what_changed_is_sent_and_the_last_frame_carries_the_version() {
        let (shown, written) =
            first().next(at(7), live(&[("a", "1"), ("b", "2\n3")]), page(), Freshness::Live);
        assert_eq!(written, 1);
        let expected = "event: patch\ndata: b\ndata: 2\ndata: 3\nid: 10007-7\n\n";
        assert_eq!(text(shown.since(Since::Sent(at(5)))), expected);
        assert_eq!(text(shown.since(Since::Page(Some(at(6))))), expected);
        assert_eq!(shown.since(Since::Sent(at(7))), None);
    }

    #[test]
    fn a_tab_that_lags_gets_one_bigger_patch() {
        let (second, _) =
            first().next(at(6), live(&[("a", "2"), ("b", "1")]), page(), Freshness::Live);
        let (third, _) =
            second.next(at(7), live(&[("a", "2"), ("b", "2")]), page(), Freshness::Live);
        assert_eq!(
            text(third.since(Since::Sent(at(5)))),
            "event: patch\ndata: a\ndata: 2\n\nevent: patch\ndata: b\ndata: 2\nid: 10007-7\n\n"
        );
        assert_eq!(
            text(third.since(Since::Sent(at(6)))),
            "event: patch\ndata: b\ndata: 2\nid: 10007-7\n\n"
        );
    }

    #[test]
    fn a_change_elsewhere_writes_nothing() {
        let (shown, written) =
            first().next(at(9), live(&[("a", "1"), ("b", "1")]), page(), Freshness::Live);
        assert_eq!(written, 0);
        assert_eq!(shown.since(Since::Page(Some(at(5)))), None);
        assert_eq!(shown.since(Since::Page(Some(at(9)))), None);
    }

    #[test]
    fn a_new_order_and_an_unknown_past_send_the_region() {
        let (shown, _) = first().next(at(6), live(&[("b", "1")]), page(), Freshness::Live);
        let older_epoch = Version { epoch: 0x20007, number: 99 };
        for since in [
            Since::Sent(at(5)),
            Since::Page(None),
            Since::Page(Some(at(2))),
            Since::Page(Some(older_epoch)),
        ] {
            let text = text(shown.since(since));
            assert!(text.contains("data: region\n"), "{since:?}: {text}");
            assert!(text.starts_with("event: stale\ndata: \n\n"), "{text}");
            assert!(text.ends_with("id: 10007-6\n\n"), "{text}");
        }
    }

    #[test]
    fn a_page_with_another_script_is_told_to_reload() {
        let other = Version { epoch: 0x10008, number: 5 };
        assert!(text(first().since(Since::Page(Some(other)))).starts_with("event: reload\n"));
    }

    #[test]
    fn age_is_told_when_it_changes() {
        let stale = Freshness::Stale { since: Timestamp::UNIX_EPOCH, why: "it is silent".into() };
        let parts = [("a", "1"), ("b", "1")];
        let (shown, written) = first().next(at(6), live(&parts), page(), stale);
        assert_eq!(written, 1);
        let said = text(shown.since(Since::Sent(at(5))));
        assert!(said.starts_with("event: stale\ndata: Stale: it is silent\n"), "{said}");
        let (shown, _) = shown.next(at(7), live(&parts), page(), Freshness::Live);
        assert_eq!(text(shown.since(Since::Sent(at(6)))), "event: stale\ndata: \nid: 10007-7\n\n");
    }
}
