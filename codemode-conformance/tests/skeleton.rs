//! What `cargo xtask new-driver` writes compiles, and is red: each case that asks for an engine fails, and says why.

use std::sync::Arc;

use codemode_conformance::{load_cases, play};
use codemode_core::{IsolateDriver, Recording};

// A source file of another folder, compiled where it is: the skeleton is not a crate of the workspace.
#[path = "../../xtask/skeleton/src/lib.rs"]
mod skeleton;

#[tokio::test]
async fn a_driver_without_an_engine_is_red() {
    let driver: Arc<dyn IsolateDriver> = Arc::new(skeleton::driver());
    let (mut red, mut refused) = (0, 0);
    for case in load_cases().expect("the cases can be read") {
        match play(&case, &driver).await {
            Err(why) => {
                assert!(why.contains("cannot create yet: see docs/driver-author.md"), "{}: {why}", case.id());
                red += 1;
            }
            // A program that was refused before an engine was asked is no engine's success.
            Ok(played) => {
                assert!(played.recording == Recording::default(), "{} ran without an engine", case.id());
                refused += 1;
            }
        }
    }
    println!("{red} red, {refused} refused before an engine is asked");
    assert!(red > 5 * refused, "{red} red, {refused} refused before an engine is asked");
}
