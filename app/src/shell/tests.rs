//! What every page must hold to, and what pages and patches may weigh.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    actor::{ActorKind, Grant, Role, Scope},
    analysis::{AnalysisKind, AnalysisPhase, AnalysisRun, MetricResult},
    audit::{Entry, Outcome as Done},
    board::{Cluster, KindState, Link},
    command::Action,
    listing::{Listing, Query},
    rollout::{Condition, Rollout},
    rules::{Refusal, Rule},
};

use super::*;
use crate::{pages::environments::ServiceRow, sample};

/// Bytes of the first flight of a TCP connection are about 14,000; the headers and a slow start of
/// others share it, so a full list may take half.
const DOCUMENT_BYTES: usize = 7_000;
/// What one change of weight may cost a tab, as frames.
const WEIGHT_BYTES: usize = 400;
/// As the server compresses pages.
const BROTLI_QUALITY: i32 = 5;
const EVIL: &str = "<script>alert(\"x\")</script>'&";

/// The rules of the first paint as the server sends them: as long as they really are.
fn first() -> String {
    let site = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site");
    let built = std::fs::read_dir(site).into_iter().flatten().filter_map(Result::ok).find(|file| {
        let name = file.file_name().into_string().unwrap_or_default();
        name.starts_with("first.") && name.ends_with(".css")
    });
    let built = built.expect("the assets are not built: run cargo xtask wasm first");
    std::fs::read_to_string(built.path()).expect("CSS")
}

fn frame() -> Frame {
    Frame {
        assets: Assets {
            js: "/assets/app-0123456789abcdef.js".into(),
            wasm: "/assets/app-0123456789abcdef.wasm".into(),
            css: "/assets/app-0123456789abcdef.css".into(),
            first: first(),
        },
        theme: None,
        actor: Some(Actor {
            kind: ActorKind::Person,
            id: "https://id.example approver".into(),
            name: "approver".into(),
            grants: vec![Grant { role: Role::Approver, scope: Scope::Everywhere }],
        }),
        view: "/rollouts?environment=prod".into(),
        version: "18c2f5a7-412".into(),
        freshness: Freshness::Live,
        outcome: None,
        now: sample::noon(),
        speed: 1,
    }
}

fn rollouts(rollouts: Vec<Arc<Rollout>>) -> Page {
    Page::Rollouts(RolloutsPage {
        query: Query::default(),
        listing: Listing { total: rollouts.len() * 50, page: 2, pages: 50, rollouts },
        environments: ["dev", "staging", "prod"].map(Into::into).to_vec(),
        freshness: BTreeMap::from([("eu-1".into(), Freshness::Live)]),
        notes: vec![],
    })
}

fn environments(cell: Vec<Rollout>, freshness: Freshness) -> Page {
    let cell: Vec<_> = cell.into_iter().map(Arc::new).collect();
    Page::Environments(EnvironmentsPage {
        environments: vec![
            (sample::environment("dev"), Freshness::Live),
            (sample::environment("prod"), freshness),
        ],
        services: vec![
            ServiceRow {
                service: "checkout".into(),
                cells: vec![vec![Arc::new(sample::healthy("dev", "checkout"))], cell.clone()],
            },
            ServiceRow { service: "search".into(), cells: vec![vec![], vec![]] },
        ],
        attention: cell.into_iter().filter(|rollout| rollout.attention().is_some()).collect(),
        q: String::new(),
    })
}

fn rollout(rollout: Rollout, refusals: [Option<Refusal>; 2], freshness: Freshness) -> Page {
    let [resume, abort] = refusals;
    Page::Rollout(Box::new(RolloutPage {
        environment: sample::environment(rollout.key.environment.as_str()),
        rollout: Arc::new(rollout),
        freshness,
        actions: vec![(Action::Resume, resume), (Action::Abort, abort)],
        history: vec![],
    }))
}

fn refusal(rule: Rule) -> Option<Refusal> {
    Some(Refusal { rule, sentence: format!("No: {EVIL}") })
}

fn entry(outcome: Option<Done>) -> Entry {
    let facts = sample::canary("prod", "checkout", 5).facts();
    Entry {
        sequence: 12,
        at: sample::noon(),
        actor_kind: ActorKind::Person,
        actor_id: EVIL.into(),
        actor_name: EVIL.into(),
        action: "rollout.resume".into(),
        environment: "prod".into(),
        sentence: format!("resume checkout {EVIL}"),
        reason: Some(EVIL.into()),
        rule: "role".into(),
        before: Some(facts.clone()),
        after: outcome.map(|_| facts),
        outcome,
        detail: Some(EVIL.into()),
        completed_at: None,
    }
}

/// Nothing in it is to be trusted.
fn evil() -> Rollout {
    let mut rollout = sample::aborted("prod", EVIL);
    rollout.service = EVIL.into();
    rollout.cluster = EVIL.into();
    rollout.key.namespace = EVIL.into();
    rollout.spec.images = vec![EVIL.into()];
    rollout.status.message = Some(EVIL.into());
    rollout.status.conditions = vec![Condition {
        kind: EVIL.into(),
        status: EVIL.into(),
        reason: EVIL.into(),
        message: EVIL.into(),
        since: None,
    }];
    rollout.analysis_runs = vec![AnalysisRun {
        name: EVIL.into(),
        kind: AnalysisKind::Step,
        revision: 2,
        pod_hash: None,
        phase: Some(AnalysisPhase::Failed),
        message: Some(EVIL.into()),
        metrics: vec![MetricResult {
            name: EVIL.into(),
            phase: None,
            message: Some(EVIL.into()),
            successful: 3,
            failed: 2,
            inconclusive: 0,
            error: 0,
            dry_run: true,
            newest: Some(EVIL.into()),
        }],
    }];
    rollout
}

/// Every page in every face.
fn pages() -> Vec<Page> {
    let mut pages = vec![
        rollouts(sample::many(100)),
        rollouts(vec![]),
        rollouts(vec![Arc::new(evil()), Arc::new(sample::odd("dev", "odd"))]),
        environments(vec![], Freshness::Live),
        environments(vec![evil(), sample::canary("prod", "b", 5)], sample::stale()),
        Page::Environments(EnvironmentsPage {
            environments: vec![],
            services: vec![],
            attention: vec![],
            q: EVIL.into(),
        }),
        Page::Audit(AuditPage { entries: vec![], older: None }),
        Page::Audit(AuditPage {
            entries: vec![
                entry(None),
                Entry { sequence: 11, ..entry(Some(Done::Refused)) },
                Entry { sequence: 10, before: None, ..entry(Some(Done::Unknown)) },
            ],
            older: Some(10),
        }),
        Page::Connections(ConnectionsPage { clusters: vec![], environments: vec![] }),
        Page::Connections(ConnectionsPage {
            clusters: vec![Cluster {
                name: EVIL.into(),
                link: Link::Stale { since: sample::noon(), error: EVIL.into() },
                kinds: BTreeMap::from([
                    ("AnalysisRun".into(), KindState::NotInstalled),
                    ("ReplicaSet".into(), KindState::Starting),
                    (
                        "Rollout".into(),
                        KindState::Broken { since: sample::noon(), error: EVIL.into() },
                    ),
                    (EVIL.into(), KindState::Watched),
                ]),
                unreadable: BTreeMap::from([(EVIL.into(), EVIL.into())]),
            }],
            environments: vec![sample::environment(EVIL)],
        }),
        Page::SignIn(SignInPage { then: EVIL.into(), note: Some(EVIL.into()) }),
        Page::Problem(ProblemPage { status: 404, title: EVIL.into(), detail: EVIL.into() }),
    ];
    let states = [
        sample::healthy("prod", "a"),
        sample::canary("prod", "a", 0),
        sample::canary("prod", "a", 5),
        sample::aborted("prod", "a"),
        sample::blue_green("prod", "a"),
        sample::first_deploy("prod", "a"),
        sample::odd("prod", "a"),
        evil(),
    ];
    for state in states {
        pages.push(rollout(state.clone(), [None, refusal(Rule::Reason)], Freshness::Live));
        pages.push(rollout(state, [refusal(Rule::Role), refusal(Rule::Fresh)], sample::stale()));
    }
    pages
}

/// Elements without an end tag: <https://html.spec.whatwg.org/#void-elements>.
const VOID: [&str; 6] = ["meta", "link", "input", "br", "hr", "img"];

/// Panics unless every tag is closed in order, ids are unique and nothing is inline that the
/// content security policy refuses.
fn check(html: &str) {
    let mut open: Vec<String> = vec![];
    let mut ids = std::collections::BTreeSet::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    while let Some(start) = rest.find('<') {
        let tag_end = tag_end(&rest[start..]);
        let tag = &rest[start + 1..start + tag_end];
        rest = &rest[start + tag_end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order before {rest:.200}");
            continue;
        }
        let name: String =
            tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        assert!(!name.is_empty(), "a stray < before {tag}{rest:.80}");
        for (attribute, value) in attributes(tag) {
            assert!(attribute != "style" && !attribute.starts_with("on"), "inline: <{tag}>");
            if attribute == "id" {
                assert!(ids.insert(value.to_owned()), "id {value} stands twice");
            }
        }
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            let end = rest.find(&close).expect("it ends");
            assert!(!rest[..end].contains("alert"), "a {name} of a stranger");
            rest = &rest[end + close.len()..];
        } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

/// Where the tag ends: the first `>` outside quotes.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    text.char_indices()
        .find(|(_, c)| {
            quoted ^= *c == '"';
            *c == '>' && !quoted
        })
        .map(|(at, _)| at)
        .expect("a tag ends")
}

fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = vec![];
    let mut rest = tag;
    while let Some(equals) = rest.find("=\"") {
        let name = rest[..equals].rsplit(' ').next().unwrap_or_default();
        let value = &rest[equals + 2..];
        let end = value.find('"').expect("a value ends");
        found.push((name, &value[..end]));
        rest = &value[end + 1..];
    }
    found
}

fn compressed(html: &str) -> usize {
    let mut out = vec![];
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, ..Default::default() };
    brotli::BrotliCompress(&mut html.as_bytes(), &mut out, &parameters)
        .expect("memory does not fail");
    out.len()
}

fn weight_change(before: &Page, after: &Page) -> (Vec<String>, usize) {
    let (before, after) = (live(before), live(after));
    assert_eq!(before.shape, after.shape);
    let changed: Vec<_> =
        after.parts.into_iter().filter(|part| !before.parts.contains(part)).collect();
    let bytes = changed
        .iter()
        .map(|part| format!("event: patch\ndata: {}\ndata: {}\n\n", part.id, part.html).len())
        .sum();
    (changed.into_iter().map(|part| part.id).collect(), bytes)
}

#[test]
fn every_page_is_well_formed_in_every_face_and_lets_nobody_in() {
    for page in pages() {
        check(&document(&page, &frame()));
        let stale = Frame {
            actor: None,
            freshness: sample::stale(),
            outcome: Some(Outcome { good: false, sentence: EVIL.into() }),
            ..frame()
        };
        check(&document(&page, &stale));
    }
}

#[test]
fn every_part_stands_in_its_page_as_it_is_sent() {
    for page in pages() {
        let region = region(&page, &frame());
        assert!(document(&page, &frame()).contains(&region.html));
        for part in live(&page).parts {
            assert!(part.html.contains(&format!("id=\"{}\"", part.id)), "{}", part.id);
            assert!(!part.html.contains('\n'), "a frame's line holds a part: {}", part.html);
            assert!(region.html.contains(&part.html), "{} is not in {}", part.html, region.html);
        }
    }
}

#[test]
fn a_page_rendered_twice_is_the_same() {
    for (once, again) in pages().into_iter().zip(pages()) {
        assert_eq!(region(&once, &frame()), region(&again, &frame()));
    }
}

#[test]
fn a_list_of_a_hundred_rollouts_fits_the_first_flight() {
    let html = document(&rollouts(sample::many(100)), &frame());
    assert_eq!(html.matches("<tr id=").count(), 100);
    let bytes = compressed(&html);
    eprintln!("100 rows: {} bytes, {bytes} with brotli {BROTLI_QUALITY}", html.len());
    assert!(bytes <= DOCUMENT_BYTES, "{bytes} bytes");
}

#[test]
fn nothing_holds_up_the_first_paint() {
    for page in pages() {
        let html = document(&page, &frame());
        let (head, body) = html.split_once("<body").expect("a body");
        assert!(!head.contains("rel=\"stylesheet\""), "{head}");
        assert!(head.contains(&first()), "the rules stand in the head, as built");
        let sheet = body.find("rel=\"stylesheet\"").expect("the whole sheet");
        assert!(sheet > body.find("</main>").expect("the page"), "behind what it would hold up");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\""), "a script that waits for nothing");
        }
    }
}

#[test]
fn a_region_sent_again_leaves_the_filter_alone() {
    let form = |page: &Page| {
        let html = region(page, &frame()).html;
        let start =
            html.find("<form class=\"filters\"").or_else(|| html.find("<form ")).expect("a form");
        assert!(
            start < html.find("id=\"notes\"").expect("notes"),
            "before all that comes and goes"
        );
        html[start..html.find("</form>").expect("its end")].to_owned()
    };
    let (few, more) = (rollouts(sample::many(2)), rollouts(sample::many(3)));
    assert_ne!(live(&few).shape, live(&more).shape);
    assert_eq!(form(&few), form(&more));
    assert_eq!(form(&few), form(&rollouts(vec![])));
}

#[test]
fn a_change_of_weight_sends_only_what_shows_it() {
    // From the pause at 20 % to the pause at 40 %, among rollouts that stand still.
    let at = |step| sample::canary("prod", "walker", step);
    let list = |step| {
        let mut all = sample::many(50);
        all.insert(20, Arc::new(at(step)));
        rollouts(all)
    };
    let phase = crate::components::id::part(&at(1).key, 'p');
    let (ids, bytes) = weight_change(&list(1), &list(3));
    eprintln!("weight on the list: {bytes} bytes");
    assert_eq!(ids, std::slice::from_ref(&phase));
    assert!(bytes <= WEIGHT_BYTES, "{bytes} bytes");

    let matrix = |step| environments(vec![at(step)], Freshness::Live);
    let (ids, bytes) = weight_change(&matrix(1), &matrix(3));
    eprintln!("weight on the environments: {bytes} bytes");
    assert_eq!(ids, [phase]);
    assert!(bytes <= WEIGHT_BYTES, "{bytes} bytes");
}

#[test]
fn a_rollout_that_comes_or_goes_changes_the_shape() {
    let with = environments(vec![sample::canary("prod", "b", 1)], Freshness::Live);
    let without = environments(vec![], Freshness::Live);
    assert_ne!(live(&with).shape, live(&without).shape);
    let (few, more) = (rollouts(sample::many(2)), rollouts(sample::many(3)));
    assert_ne!(live(&few).shape, live(&more).shape);
}

#[test]
fn what_is_stale_is_never_called_healthy() {
    let page = environments(vec![sample::healthy("prod", "b")], sample::stale());
    let Live { parts, .. } = live(&page);
    let id = crate::components::id::part(&sample::healthy("prod", "b").key, 'p');
    let part = parts.into_iter().find(|part| part.id == id).expect("the cell is a part");
    assert!(part.html.contains("data-phase=\"unknown\""), "{}", part.html);
    assert!(part.html.contains("Last seen: Healthy"), "{}", part.html);
    let html = document(&page, &Frame { freshness: sample::stale(), ..frame() });
    assert!(html.contains("data-stale=\"stale\""));
    assert!(html.contains("Stale since 2026-11-23 11:58:59 UTC: connection refused"), "{html}");
}

#[test]
fn a_form_says_what_the_page_shows_and_what_will_happen() {
    let page = rollout(
        sample::canary("prod", "checkout", 5),
        [None, refusal(Rule::Reason)],
        Freshness::Live,
    );
    let now = &live(&page).parts[0];
    assert_eq!(now.id, "now");
    for expected in [
        "action=\"/api/v1/rollouts/prod/shop/checkout/resume\"",
        "name=\"resourceVersion\" value=\"4711\"",
        "name=\"podHash\" value=\"6b9f\"",
        "name=\"step\" value=\"5\"",
        "Traffic goes on to 80 %.",
        "All traffic goes back to 1.8.4 at once. Git still asks for 1.9.0.",
    ] {
        assert!(now.html.contains(expected), "{expected} is not in {}", now.html);
    }
    assert_eq!(now.html.matches(" required").count(), 1, "an abort needs a reason");
    assert!(!now.html.contains("aria-disabled"), "{}", now.html);
}

#[test]
fn a_refused_action_says_why_and_cannot_be_sent() {
    let state = || sample::canary("prod", "checkout", 5);
    let page = rollout(state(), [refusal(Rule::Role), refusal(Rule::Fresh)], Freshness::Live);
    let html = &live(&page).parts[0].html;
    assert!(html.contains("aria-describedby=\"resume-why\""), "{html}");
    assert!(html.contains("<p id=\"resume-why\">No: &lt;script&gt;"), "{html}");
    assert!(!html.contains("/resume\""), "who lacks the role has no form: {html}");
    assert!(html.contains("id=\"abort-send\" type=\"button\" aria-disabled=\"true\""), "{html}");
}

#[test]
fn a_row_is_lean() {
    let page = rollouts(vec![Arc::new(sample::canary("prod", "checkout", 1))]);
    let html = region(&page, &frame()).html;
    let row =
        &html[html.find("<tr id").expect("a row")..html.find("</tr></tbody>").expect("its end")];
    insta::assert_snapshot!(row, @r##"<tr id="rvojh1x"><th scope="row"><a href="rollouts/prod/shop/checkout">checkout</a></th><td id="rvojh1xp"><b data-phase="paused" class="phase"><svg aria-hidden="true"><use href="#bars"></use></svg>20 %, paused</b><ol role="img" aria-label="step 2 of 8" class="track"><li>0</li><li aria-current="step">20</li><li>40</li><li>60</li><li class="gate"></li><li>80</li><li>100</li></ol></td><td>prod · shop</td><td id="rvojh1xv">1.8.4 → 1.9.0</td><td id="rvojh1xs"><time data-ago="">2026-11-23 11:47:48Z</time></td>"##);
}
