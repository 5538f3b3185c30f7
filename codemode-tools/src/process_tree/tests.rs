//! What leaves its group, its session and its parent ends all the same.

use std::{
    io::Read,
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::*;

/// A shell text that runs as a tree. Every process of it holds its standard output.
fn start(tree: &ProcessTree, text: &str) -> Child {
    let (name, value) = tree.variable();
    let mut command = Command::new("sh");
    command.args(["-c", text]).env(name, value).process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().expect("a shell");
    tree.began(child.id());
    child
}

/// Waits until `text` was printed, kills the tree, and expects that nothing holds the output any longer.
#[track_caller]
fn dies(text: &str, ends_itself: bool) {
    let tree = ProcessTree::new();
    let mut child = start(&tree, text);
    let mut output = child.stdout.take().expect("a pipe");
    let mut ready = [0; 3];
    output.read_exact(&mut ready).expect("it says that it is ready");
    if ends_itself {
        child.wait().expect("it ends");
    }
    is_over(&tree, &mut child, output, text);
}

/// Kills the tree, and expects that nothing holds the output any longer.
#[track_caller]
fn is_over(tree: &ProcessTree, child: &mut Child, mut output: ChildStdout, text: &str) {
    tree.kill();
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || tell.send(output.read_to_end(&mut Vec::new()).is_ok()));
    let ended = hear.recv_timeout(Duration::from_secs(5));
    // Before the assertion, so that a failure leaves nothing behind that the tree can still reach.
    tree.kill();
    let _ = child.kill();
    child.wait().expect("it ends");
    assert_eq!(ended, Ok(true), "something is left of: {text}");
}

#[test]
fn a_session_of_its_own_saves_no_process() {
    dies("setsid sleep 600 & setsid setsid sleep 600 & echo ok; sleep 600", false);
}

#[test]
fn a_process_whose_parents_are_gone_is_found_by_its_environment() {
    dies("(setsid sh -c 'sleep 600 & sleep 600 & exit' &) & wait; sleep 0.2; echo ok", true);
}

#[test]
fn a_process_without_environment_is_found_by_its_parents() {
    dies("setsid env -i sh -c 'sleep 600 & echo ok; sleep 600' & sleep 600", false);
}

#[test]
fn what_ignores_signals_or_is_stopped_dies() {
    dies("trap '' TERM INT HUP; setsid sh -c 'kill -STOP $$' & sleep 0.1; echo ok; sleep 600", false);
}

#[test]
fn a_name_cannot_hide_a_process() {
    dies(
        "cp \"$(command -v sleep)\" '/tmp/) S 1 (' && (setsid '/tmp/) S 1 (' 600 &); rm '/tmp/) S 1 ('; echo ok",
        true,
    );
}

#[test]
fn what_goes_on_starting_others_dies() {
    dies("f() { while :; do setsid sleep 600 & sleep 0.002; done; }; f & f & sleep 0.3; echo ok; wait", false);
}

#[test]
fn what_is_becoming_another_program_dies() {
    // Each of them does nothing but become a shell again, and has no parent by which it could be found.
    let again = r#"exec sh -c "eval \"\$AGAIN\"""#;
    dies(
        &format!(
            "export AGAIN='{again}'; for i in 1 2 3 4 5 6; do (setsid sh -c \"$AGAIN\" &); done; sleep 0.2; echo ok"
        ),
        true,
    );
}

#[test]
fn a_program_that_ends_before_it_is_recorded_leaves_nothing() {
    let tree = ProcessTree::new();
    let (name, value) = tree.variable();
    let mut command = Command::new("sh");
    command.args(["-c", "setsid sleep 600 &"]).env(name, value).process_group(0).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a shell");
    // It is not waited for, so its number stays its own.
    let state = format!("/proc/{}/stat", child.id());
    while !std::fs::read_to_string(&state).expect("it is there").contains(") Z ") {
        thread::sleep(Duration::from_millis(1));
    }
    // The other one has left the group by then.
    thread::sleep(Duration::from_millis(100));
    tree.began(child.id());
    let output = child.stdout.take().expect("a pipe");
    is_over(&tree, &mut child, output, "setsid sleep 600 &");
}

#[test]
fn other_trees_and_the_own_process_live_on() {
    let (one, other) = (ProcessTree::new(), ProcessTree::new());
    let (mut first, mut second) = (start(&one, "sleep 600"), start(&other, "sleep 600"));
    one.kill();
    one.kill();
    assert!(!first.wait().expect("it ends").success());
    assert!(second.try_wait().expect("it can be asked").is_none());
    drop(other);
    assert!(!second.wait().expect("it ends").success());
    // A tree without a program has nothing to kill.
    drop(ProcessTree::new());
}
