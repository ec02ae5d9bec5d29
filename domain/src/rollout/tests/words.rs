use super::*;

#[test]
fn every_state_is_told_in_words_that_are_true() {
    let rows: Vec<(&str, Modifier)> = vec![
        ("gate", |_| ()),
        ("timed pause", timed_pause),
        ("undecided", undecided),
        ("held", held),
        ("measuring", measuring),
        ("experiment", |r| at(r, 7)),
        ("pods", |r| at(r, 4)),
        ("resumed", |r| r.status.pause_conditions.clear()),
        ("steps done", |r| at(r, 8)),
        ("no steps", |r| {
            at(r, 0);
            steps(r, vec![]);
        }),
        ("healthy", healthy),
        ("scaled to zero", |r| {
            healthy(r);
            r.spec.replicas = 0;
        }),
        ("new commit unseen", |r| {
            healthy(r);
            unseen(r);
            r.spec.images = vec!["app:3".into()];
        }),
        ("first deploy", first_deploy),
        ("aborting", |r| r.status.abort = true),
        ("aborted", aborted),
        ("aborted, traffic left", |r| {
            aborted(r);
            r.status.canary_weight = Some(5);
        }),
        ("aborted when live", |r| {
            healthy(r);
            aborted(r);
        }),
        ("aborted first deploy", |r| {
            first_deploy(r);
            aborted(r);
        }),
        ("overdue", overdue),
        ("preview", blue_green),
        ("blue/green first deploy", |r| {
            blue_green(r);
            first_deploy(r);
        }),
        ("blue/green pods", |r| {
            blue_green(r);
            progressing(r);
        }),
    ];
    let told: Vec<_> = rows
        .into_iter()
        .map(|(name, change)| {
            let rollout = with(change);
            format!("{name}: {} | {}", rollout.short_words(), rollout.sentence())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    gate: 60 %, waits for a person | Paused at 60 % for a person. It goes on when someone resumes it, and goes back when someone aborts it.
    timed pause: 20 %, paused | Paused at 20 % for a set time. It goes on by itself.
    undecided: 60 %, undecided | Paused at 60 % because the analysis could not decide. Look at what was measured, then resume or abort.
    held: Paused by hand | Paused by hand in the spec. Nothing goes on until someone resumes it, or Git no longer says paused.
    measuring: 40 %, analysis running | Measuring at 40 %. It goes on when analysis errors-3 is successful, and goes back when it fails.
    experiment: 80 %, experiment running | Running an experiment at 80 %. It goes on when that ends well.
    pods: 60 %, progressing | Progressing at 60 %: more replicas need to be updated.
    resumed: 60 %, progressing | Progressing at 60 %: waiting for rollout to unpause.
    steps done: Progressing | Progressing: more replicas need to be updated.
    no steps: Progressing | Progressing: more replicas need to be updated.
    healthy: Healthy | Healthy. All traffic is on 2.
    scaled to zero: Healthy | Healthy, and scaled to zero: no pod runs.
    new commit unseen: Change not taken in yet | A change was asked for; the controller has not taken it in yet.
    first deploy: First deploy | First deploy. There is no stable version yet, so the steps are skipped; it is healthy once its pods are ready.
    aborting: Aborting | Aborting: the controller is about to send all traffic back to the stable version.
    aborted: Aborted, back on 1 | Aborted; all traffic is on 1 again. The controller says: RolloutAborted: metric "errors" failed. Git still asks for 2: revert that commit.
    aborted, traffic left: Aborted, going back to 1 | Aborted; traffic is going back to 1. The controller says: RolloutAborted: metric "errors" failed. Git still asks for 2: revert that commit.
    aborted when live: Aborted | Aborted when 2 was already fully live; nothing went back.
    aborted first deploy: Aborted | Aborted on its first deploy; there is no stable version to go back to. The controller says: RolloutAborted: metric "errors" failed. Mend it in Git.
    overdue: Degraded | Degraded: ProgressDeadlineExceeded: timed out.
    preview: Preview waits for a person | Paused with the new version as a preview. It takes over when someone resumes it; when someone aborts it, the active version stays.
    blue/green first deploy: First deploy | First deploy. There is no stable version yet; it is healthy once its pods are ready.
    blue/green pods: Progressing | Progressing: more replicas need to be updated.
    "#);
}

#[test]
fn the_trusted_version_is_not_the_one_a_new_commit_asks_for() {
    let rollout = with(|r| {
        healthy(r);
        unseen(r);
        r.spec.images = vec!["app:3".into()];
    });
    let stable = rollout.stable_version().map(|version| version.label().to_owned());
    assert_eq!(stable.as_deref(), Some("2"));
}
