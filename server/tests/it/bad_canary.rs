//! A version that answers with errors: the controller aborts, and the page says so at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Json, Router, routing::get};
use domain::{actor::Role, rollout::Phase};
use serde_json::{Value, json};

use crate::{
    canary::version_of,
    world::{NAMESPACE, NEW, PATH, Story, World},
};

/// How soon a page must say what its cluster knows.
const SOON: std::time::Duration = std::time::Duration::from_secs(2);

/// What a real controller's web metric asks: a vector that is empty while all is well.
struct Metric {
    url: String,
    is_bad: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Metric {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metric() -> Metric {
    let is_bad = Arc::new(AtomicBool::new(false));
    let read = Arc::clone(&is_bad);
    let router = Router::new().route(
        "/",
        get(move || {
            let bad = read.load(Ordering::SeqCst);
            async move { Json(json!({"result": if bad { vec![0.9] } else { vec![] }})) }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("a bound address"));
    let task = tokio::spawn(async move {
        axum::serve(listener, router).await.expect("the metric is served");
    });
    Metric { url, is_bad, task }
}

/// The template, named as the sandbox knows it; a real controller asks the address.
fn template(url: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "health", "namespace": NAMESPACE},
        "spec": {"metrics": [{
            "name": "fast-breaker",
            "interval": "1s",
            "failureLimit": 0,
            "successCondition": "len(result) == 0",
            "provider": {"web": {"url": url, "jsonPath": "{$.result}"}},
        }]},
    })
}

/// Errors on the canary: the controller aborts, all traffic goes back, the page says so in words
/// within two seconds of the cluster.
pub(crate) async fn a_bad_canary_is_aborted_and_the_page_says_so(story: &Story) {
    let metric = metric().await;
    let template = template(&metric.url);
    match &story.world {
        World::Sandbox(sandbox) => {
            let cluster = sandbox.cluster("one").expect("the one cluster");
            cluster.apply(template).expect("a template of our own");
        }
        World::Testbed(testbed, _) => {
            testbed.apply(&template.to_string()).await.expect("a template of our own");
        }
    }
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    story
        .patch(json!({"spec": {"strategy": {"canary": {"analysis": {
            "startingStep": 1, "templates": [{"templateName": "health"}]
        }}}}}))
        .await
        .expect("an administrator may change the plan");
    story.break_version(NEW);
    metric.is_bad.store(true, Ordering::SeqCst);

    let mut person = story.person(Role::Viewer).await;
    let page = person.get(PATH).await.expect("the page opens");
    let mut tab = person.live(PATH, &version_of(&page.html)).await.expect("the stream opens");
    story.release(NEW).await;
    story
        .until("the controller aborts", |r| r.status.abort && r.reading().phase == Phase::Degraded)
        .await;
    let said = tab.next_where(|event| event.data.contains("Aborted"));
    tokio::time::timeout(SOON, said)
        .await
        .expect("the page says so within two seconds")
        .expect("the stream goes on");
    let page = person.get(PATH).await.expect("the page opens");
    assert!(page.html.contains("fast-breaker"), "the metric that failed is named");
    story.until("all traffic is back", |r| r.actual_weight() == Some(0)).await;
}
