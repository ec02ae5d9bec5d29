use crate::{DEADLINE, admin, open_watches, rollout, rollouts, within, world};
use futures::{StreamExt, TryStreamExt};
use kube::Resource;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::runtime::watcher::Error as WatchError;
use kube::runtime::{WatchStreamExt, watcher};
use sandbox::kubernetes::kinds::ROLLOUT;
use sandbox::kubernetes::store::Cluster;
use sandbox::{Fault, Sandbox};
use serde_json::json;
use std::pin::Pin;
use std::time::Duration;

type Events =
    Pin<Box<dyn futures::Stream<Item = Result<watcher::Event<DynamicObject>, WatchError>> + Send>>;

/// A watch that retries at once, so that a test waits for the world and not for a backoff.
async fn watch(sandbox: &Sandbox) -> Events {
    watcher(rollouts(admin(sandbox).await), watcher::Config::default()).backoff(Eager).boxed()
}

struct Eager;

impl Iterator for Eager {
    type Item = Duration;
    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(20))
    }
}

impl kube::runtime::utils::Backoff for Eager {
    fn reset(&mut self) {}
}

/// Writes a new mark and reads until the watch has told it.
async fn sees_a_change(cluster: &Cluster, events: &mut Events) {
    let mark = json!(cluster.version());
    cluster.modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["mark"] = mark.clone()).unwrap();
    within("the watch tells the change", async {
        loop {
            if let Ok(Some(watcher::Event::Apply(o) | watcher::Event::InitApply(o))) =
                events.try_next().await
                && o.data["spec"]["mark"] == mark
            {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_watcher_survives_cuts_410_a_restart_and_broken_json() {
    let sandbox = world(vec![rollout("cart")]).await;
    let cluster = sandbox.cluster("east").unwrap();
    let mut events = watch(&sandbox).await;
    sees_a_change(&cluster, &mut events).await;
    for http in [false, true] {
        for fault in [
            Fault::CutWatches,
            Fault::Compact,
            Fault::StopApi,
            Fault::HalfOpen(true),
            Fault::DuplicateEvents(true),
            Fault::Truncate(true),
        ] {
            sandbox.fault("east", Fault::GoneAsHttp(http)).await.unwrap();
            sandbox.fault("east", fault.clone()).await.unwrap();
            cluster
                .modify(&ROLLOUT, "shop", "cart", |o| {
                    o["spec"]["fault"] = json!(format!("{fault:?}"))
                })
                .unwrap();
            sandbox.fault("east", Fault::Clear).await.unwrap();
            sees_a_change(&cluster, &mut events).await;
        }
    }
}

#[tokio::test]
async fn a_stopped_api_refuses_connections_and_comes_back_at_the_same_port() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    api.list(&ListParams::default()).await.unwrap();
    sandbox.fault("east", Fault::StopApi).await.unwrap();
    assert!(api.list(&ListParams::default()).await.is_err());
    sandbox.fault("east", Fault::StartApi).await.unwrap();
    api.list(&ListParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_missing_kind_is_404_and_comes_back_with_its_objects() {
    let sandbox = world(vec![rollout("cart")]).await;
    let client = admin(&sandbox).await;
    let before = rollouts(client.clone()).get("cart").await.unwrap();
    sandbox.fault("east", Fault::Uninstall(&ROLLOUT)).await.unwrap();
    let kube::Error::Api(status) =
        rollouts(client.clone()).list(&ListParams::default()).await.unwrap_err()
    else {
        panic!("not an answer of the API");
    };
    assert_eq!(status.code, 404);
    let left = client.list_api_group_resources("argoproj.io/v1alpha1").await.unwrap();
    assert!(left.resources.iter().all(|resource| resource.kind != "Rollout"));
    sandbox.fault("east", Fault::Install(&ROLLOUT)).await.unwrap();
    let after = rollouts(client).get("cart").await.unwrap();
    assert_eq!(after.meta().uid, before.meta().uid);
}

#[tokio::test]
async fn the_number_of_open_watches_is_known_and_falls_when_a_client_leaves() {
    let sandbox = world(vec![rollout("cart")]).await;
    let mut events = watch(&sandbox).await;
    let reader = tokio::spawn(async move { while let Ok(Some(_)) = events.try_next().await {} });
    open_watches(&sandbox, 1).await;
    let open = sandbox.ledger("east").unwrap().open_watches();
    let key = ("kubernetes-admin".to_owned(), "rollouts.argoproj.io".to_owned());
    assert_eq!(open.get(&key), Some(&1), "{open:?}");
    reader.abort();
    open_watches(&sandbox, 0).await;
}

#[tokio::test]
async fn everything_stops_when_the_world_is_dropped() {
    let sandbox = world(vec![]).await;
    let endpoints = sandbox.endpoints().clone();
    drop(sandbox);
    let http = crate::http();
    let end = tokio::time::Instant::now() + DEADLINE;
    for url in [&endpoints.clusters[0].url, &endpoints.oidc.issuer, &endpoints.control_url] {
        while http.get(url).send().await.is_err_and(|error| !error.is_connect())
            || http.get(url).send().await.is_ok()
        {
            assert!(tokio::time::Instant::now() < end, "{url} still answers");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_resume_from_a_forgotten_version_is_410_in_the_stream_or_as_http() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let old = api.get("cart").await.unwrap().metadata.resource_version.unwrap();
    sandbox.fault("east", Fault::Compact).await.unwrap();
    let mut stream = api.watch(&WatchParams::default(), &old).await.unwrap().boxed();
    let event = within("the error event", stream.try_next()).await.unwrap();
    let Some(WatchEvent::Error(status)) = event else { panic!("not an error: {event:?}") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    assert!(within("the stream's end", stream.try_next()).await.unwrap().is_none());

    sandbox.fault("east", Fault::GoneAsHttp(true)).await.unwrap();
    let Err(kube::Error::Api(status)) = api.watch(&WatchParams::default(), &old).await.map(drop)
    else {
        panic!("not refused");
    };
    assert_eq!(status.code, 410);
}

#[tokio::test]
async fn a_watch_ends_at_its_timeout_with_a_bookmark_of_the_newest_version() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let version = sandbox.cluster("east").unwrap().version().to_string();
    let params = WatchParams::default().timeout(1);
    let stream = api.watch(&params, &version).await.unwrap();
    let events: Vec<_> = within("the stream's end", stream.try_collect()).await.unwrap();
    let [WatchEvent::Bookmark(mark)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(mark.metadata.resource_version, version);
}
