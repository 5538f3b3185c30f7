//! Servers that try to hold, swell or keep the host: what programs get, what the host spends, and what is left afterwards. The
//! servers are this test program itself, started with the argument `hostile`.

mod support {
    pub mod hostile;
    pub mod memory;
    pub mod wire;
}

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use codemode_core::{ArtifactStore, CodeMode, ExecuteOptions, Failure, Limits};
use codemode_mcp::{Command, ConnectOptions, McpConfig, McpToolset, Notice, ServerConfig};
use libtest_mimic::{Arguments, Failed, Trial};
use support::memory::resident;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("hostile") {
        return support::hostile::serve(&args.next().unwrap_or_default());
    }
    let mut args = Arguments::from_args();
    // They measure memory.
    args.test_threads = Some(1);
    libtest_mimic::run(&args, trials()).exit();
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        fn trials() -> Vec<Trial> {
            vec![$(Trial::test(stringify!($name), || in_runtime($name()))),*]
        }
    };
}

trials!(
    requests_without_end_whose_answers_are_not_read_end_the_connection,
    closing_does_not_wait_for_a_server,
    messages_nobody_asked_for_are_read_at_a_pace,
    progress_without_end_stays_within_bounds,
    errors_without_end_are_drained,
    changes_without_end_are_listed_now_and_then,
    a_server_that_does_not_read_is_given_no_more_than_fits,
    a_listing_that_never_comes_does_not_hold_the_end,
    children_end_with_a_server_that_ends,
    children_end_with_a_server_that_is_stopped,
    what_is_kept_of_answers_is_counted_whole,
);

fn in_runtime(test: impl Future<Output = ()>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(5));
    Ok(())
}

struct World {
    toolset: McpToolset,
    folder: tempfile::TempDir,
    changes: Arc<AtomicUsize>,
}

impl World {
    async fn of(how: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = std::env::current_exe().expect("this program");
        let command = Command::new(program.to_string_lossy()).args(["hostile", how]);
        let log = folder.path().join("log");
        let config =
            McpConfig::default().server(ServerConfig::new("evil", command.env("SCRIPT_LOG", log.to_string_lossy())));
        let changes: Arc<AtomicUsize> = Arc::default();
        let counted = changes.clone();
        let options = ConnectOptions::default().store(ArtifactStore::new(16 << 20)).on_notice(move |notice| {
            counted.fetch_add(usize::from(matches!(notice, Notice::ToolsChanged { .. })), Ordering::SeqCst);
        });
        let toolset = McpToolset::connect(config, options).await;
        assert_eq!(toolset.status()[0].problem, None, "{how}");
        Self { toolset, folder, changes }
    }

    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn run(&self, code: &str, timeout: Duration) -> Result<(), Failure> {
        let limits = Limits::default().timeout(timeout);
        let builder = CodeMode::builder().driver(codemode_driver_quickjs::driver()).limits(limits);
        let code_mode = self.toolset.add_to(builder).build().expect("it builds");
        let begin = Instant::now();
        let outcome = code_mode.execute(code, ExecuteOptions::default()).await.expect("the host works");
        assert!(begin.elapsed() < timeout + Duration::from_secs(2), "{:?}", begin.elapsed());
        outcome.result.map(drop)
    }

    /// Ends the servers, which takes only so long.
    async fn close(self) {
        let begin = Instant::now();
        self.toolset.close().await;
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    }

    /// The child that the server started.
    async fn child(&self) -> PathBuf {
        until(|| self.log().iter().find_map(|line| Some(Path::new("/proc").join(line.strip_prefix("child ")?)))).await
    }
}

async fn until<T>(found: impl Fn() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "it never happened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn gone(process: &Path) {
    // A zombie of another parent does nothing.
    let stat = || std::fs::read_to_string(process.join("stat")).ok().filter(|stat| !stat.contains(") Z"));
    until(|| stat().is_none().then_some(())).await;
}

/// In MiB, with room for what other parts of the process do.
fn grew_little(before: usize) {
    let now = resident();
    assert!(now < before + 96, "from {before} to {now} MiB");
}

const CALL: &str = "return await external_evil_go({})";

async fn requests_without_end_whose_answers_are_not_read_end_the_connection() {
    for how in ["pings", "samplings", "long-ids"] {
        let (world, before) = (World::of(how).await, resident());
        let failure = world.run(CALL, Duration::from_secs(15)).await.expect_err("no answer comes");
        let wanted = "the server \"evil\" sent requests without end and did not read the answers, and was stopped";
        assert!(failure.message.contains(wanted), "{how}: {failure:?}");
        assert_eq!(failure.code, Some("CONNECTION_LOST".into()), "{how}");
        grew_little(before);
        world.close().await;
    }
}

async fn closing_does_not_wait_for_a_server() {
    for how in ["pings", "deaf", "answers"] {
        let (world, before) = (World::of(how).await, resident());
        let failure = world.run(CALL, Duration::from_secs(1)).await.expect_err("no answer comes");
        assert!(failure.message.contains("1s"), "{how}: {failure:?}");
        grew_little(before);
        world.close().await;
    }
}

async fn messages_nobody_asked_for_are_read_at_a_pace() {
    for how in ["answers", "logs"] {
        let (world, before) = (World::of(how).await, resident());
        world.run(CALL, Duration::from_secs(3)).await.expect_err("no answer comes");
        grew_little(before);
        world.close().await;
    }
}

async fn progress_without_end_stays_within_bounds() {
    let (world, before) = (World::of("progress").await, resident());
    world.run(CALL, Duration::from_secs(3)).await.expect_err("no answer comes");
    grew_little(before);
    world.close().await;
}

async fn errors_without_end_are_drained() {
    let (world, before) = (World::of("stderr").await, resident());
    world.run(CALL, Duration::from_secs(2)).await.expect_err("no answer comes");
    grew_little(before);
    world.close().await;
}

async fn changes_without_end_are_listed_now_and_then() {
    let (world, before) = (World::of("changes").await, resident());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let lists = world.log().iter().filter(|line| *line == "list").count();
    assert!((1..=9).contains(&lists), "{lists} listings in 3 s");
    assert_eq!(world.changes.load(Ordering::SeqCst), 0, "nothing has changed");
    grew_little(before);
    world.close().await;
}

async fn a_server_that_does_not_read_is_given_no_more_than_fits() {
    let (world, before) = (World::of("deaf").await, resident());
    let many = "const s = 'x'.repeat(3e6);
        await Promise.all(Array.from({ length: 60 }, () => external_evil_go({ s }).catch(() => {})));";
    for _ in 0..3 {
        world.run(many, Duration::from_secs(2)).await.expect_err("no answer comes");
    }
    let now = resident();
    assert!(now < before + 300, "from {before} to {now} MiB");
    world.close().await;
}

async fn a_listing_that_never_comes_does_not_hold_the_end() {
    let world = World::of("changes-unlisted").await;
    world.run(CALL, Duration::from_secs(1)).await.expect_err("no answer comes");
    world.close().await;
}

async fn children_end_with_a_server_that_ends() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let world = World::of("leaves").await;
    let begin = Instant::now();
    let failure = world.run(CALL, Duration::from_secs(15)).await.expect_err("no answer comes");
    assert!(failure.message.contains("ended (exit status: 0)"), "{failure:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "its child holds its output open");
    gone(&world.child().await).await;
    world.close().await;
}

async fn children_end_with_a_server_that_is_stopped() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let world = World::of("stays").await;
    world.run(CALL, Duration::from_secs(15)).await.expect("an answer");
    let child = world.child().await;
    assert!(child.exists());
    world.close().await;
    gone(&child).await;
}

async fn what_is_kept_of_answers_is_counted_whole() {
    let (world, before) = (World::of("mime").await, resident());
    for _ in 0..30 {
        world.run(CALL, Duration::from_secs(30)).await.expect("an answer");
    }
    grew_little(before);
    world.close().await;
}
