use crate::{http, rollout, world};
use serde_json::{Value, json};

#[tokio::test]
async fn the_control_page_breaks_and_mends_an_api_by_form_and_by_json() {
    let sandbox = world(vec![rollout("cart")]).await;
    let url = &sandbox.endpoints().control_url;
    let page = http().get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("shop/cart") && page.contains("All is well."), "{page}");
    let form = [("cluster", "east"), ("fault", "delay"), ("milliseconds", "5")];
    let answer = http().post(format!("{url}/faults")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let page = http().get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Now answers wait 5 ms."), "{page}");
    let stop = json!({"cluster": "east", "fault": "stop-api"});
    let answer = http().post(format!("{url}/faults")).json(&stop).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let state: Value =
        http().get(format!("{url}/faults")).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["clusters"][0]["open"], false);
    let clear = json!({"cluster": "east", "fault": "clear"});
    http().post(format!("{url}/faults")).json(&clear).send().await.unwrap();
    let page = http().get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("All is well."), "{page}");
}

#[tokio::test]
async fn unknown_faults_and_other_sites_are_refused() {
    let sandbox = world(vec![]).await;
    let url = format!("{}/faults", sandbox.endpoints().control_url);
    let unknown = json!({"cluster": "east", "fault": "earthquake"});
    let answer = http().post(&url).json(&unknown).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let form = [("cluster", "east"), ("fault", "stop-api")];
    let cross = http().post(&url).header("sec-fetch-site", "cross-site").form(&form);
    assert_eq!(cross.send().await.unwrap().status(), 403);
}
