//! Servers that misbehave, and the effect on programs, prompts and other servers. The servers are this test program itself,
//! started with the argument `scripted`.

mod support {
    pub mod scripted;
    pub mod wire;
}

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, Event, EventKind, ExecuteOptions, Limits, Outcome};
use codemode_mcp::{Command, ConnectOptions, McpConfig, McpToolset, Notice, ServerConfig};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("scripted") {
        return support::scripted::serve(&args.next().unwrap_or_default());
    }
    let args = Arguments::from_args();
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
    tools_of_several_servers_work_together,
    servers_start_at_the_same_time,
    a_hundred_calls_at_once,
    max_concurrency_holds_over_all_tools_of_a_server,
    a_server_that_fails_costs_only_its_own_tools,
    a_server_that_crashes_during_a_call_is_restarted_and_the_call_not_repeated,
    a_cancelled_execution_cancels_the_call_at_the_server,
    a_timeout_cancels_the_call_at_the_server,
    garbage_and_errors_are_distinguished,
    an_answer_that_is_too_large_fails_its_call_only,
    progress_becomes_events_in_order,
    changed_tools_come_at_the_end,
    other_text_on_standard_output_is_reported_and_ignored,
    five_hundred_tools_and_endless_pages,
    lazy_servers_are_found_by_programs_and_keep_their_names,
    hostile_descriptors_stay_in_their_place,
    a_wrong_structured_answer_is_reported,
    closing_ends_the_servers,
);

fn in_runtime(test: impl Future<Output = ()>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(test);
    Ok(())
}

/// A toolset and its notices.
struct World {
    toolset: McpToolset,
    notices: Arc<Mutex<Vec<Notice>>>,
    folder: tempfile::TempDir,
}

impl World {
    async fn of(scripts: &[(&str, &str)]) -> Self {
        Self::with(scripts, |_, config| config).await
    }

    async fn with(scripts: &[(&str, &str)], change: impl Fn(&str, ServerConfig) -> ServerConfig) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = McpConfig::default();
        for (name, how) in scripts {
            config = config.server(change(name, scripted(name, how, &folder.path().join(name.replace('/', "_")))));
        }
        let notices: Arc<Mutex<Vec<Notice>>> = Arc::default();
        let received = notices.clone();
        let options = ConnectOptions::default().on_notice(move |notice| lock(&received).push(notice));
        Self { toolset: McpToolset::connect(config, options).await, notices, folder }
    }

    fn code_mode(&self) -> CodeMode {
        let builder = CodeMode::builder().driver(codemode_driver_quickjs::driver());
        self.toolset.add_to(builder).build().expect("it builds")
    }

    async fn run(&self, code: &str) -> Outcome {
        self.code_mode().execute(code, ExecuteOptions::default()).await.expect("the host works")
    }

    async fn value(&self, code: &str) -> Value {
        let result = self.run(code).await.result.expect("the program returns");
        result.expect("it returns a value").value().expect("a shallow value")
    }

    /// The error that a statement ends in: message and code.
    async fn error(&self, statement: &str) -> (String, Value) {
        let failure = self.run(statement).await.result.expect_err("the program throws");
        (failure.message, failure.code.unwrap_or_default())
    }

    fn log(&self, server: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join(server)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a server has logged a line that begins so.
    async fn logged(&self, server: &str, begin: &str) -> String {
        until(|| self.log(server).into_iter().find(|line| line.starts_with(begin))).await
    }

    async fn notice(&self, wanted: impl Fn(&Notice) -> bool) -> Notice {
        until(|| lock(&self.notices).iter().find(|notice| wanted(notice)).cloned()).await
    }
}

fn scripted(name: &str, how: &str, log: &std::path::Path) -> ServerConfig {
    let program = std::env::current_exe().expect("this program").display().to_string();
    let command = Command::new(program).args(["scripted", how]).env("SCRIPT_LOG", log.display().to_string());
    ServerConfig::new(name, command)
}

/// Polls, since nothing signals what another process does. Fails after a minute.
async fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with a lock")
}

async fn tools_of_several_servers_work_together() {
    let world = World::of(&[("one", "normal"), ("two", "normal"), ("three", "normal")]).await;
    let value = world
        .value(
            "const a = await external_one_echo({ n: 1 });
             const b = await external_two_echo({ ...a, m: 2 });
             return await external_three_echo({ ...b, done: true });",
        )
        .await;
    assert_eq!(value, json!({ "n": 1, "m": 2, "done": true }));
}

async fn servers_start_at_the_same_time() {
    let world = World::of(&[("one", "meet two"), ("two", "meet one")]).await;
    assert!(world.toolset.status().iter().all(|status| status.problem.is_none()), "{:?}", world.toolset.status());
}

async fn a_hundred_calls_at_once() {
    let world = World::of(&[("one", "normal"), ("two", "normal")]).await;
    let value = world
        .value(
            "const calls = Array.from({ length: 100 }, (_, n) => n % 2 ? external_one_echo({ n }) : external_two_echo({ n }));
             return (await Promise.all(calls)).map(answer => answer.n);",
        )
        .await;
    assert_eq!(value, json!((0..100).collect::<Vec<_>>()));
}

async fn max_concurrency_holds_over_all_tools_of_a_server() {
    let world =
        World::with(&[("one", "normal")], |_, config| config.max_concurrency(2).timeout(Duration::from_millis(300)))
            .await;
    // Two calls that never answer take both permits; the third runs when their timeout has released one.
    let value = world
        .value(
            "const calls = [external_one_wait({}), external_one_wait({}), external_one_echo({ n: 3 })];
             return (await Promise.allSettled(calls)).map(end => end.status);",
        )
        .await;
    assert_eq!(value, json!(["rejected", "rejected", "fulfilled"]));
    let log = world.log("one");
    let echo = log.iter().position(|line| line.starts_with("call echo")).expect("it was called");
    assert!(log[..echo].iter().any(|line| line.starts_with("cancelled")), "{log:?}");
}

async fn a_server_that_fails_costs_only_its_own_tools() {
    let world =
        World::with(&[("good", "normal"), ("mute", "mute"), ("bad", "exit"), ("gone", "normal")], |name, config| {
            let mut config = config.start_timeout(Duration::from_millis(1_500));
            if name == "gone" {
                config.endpoint = ServerConfig::stdio("gone", "no-such-program-here", ["x"]).endpoint;
            }
            config
        })
        .await;
    assert_eq!(world.value("return await external_good_echo({ n: 1 });").await, json!({ "n": 1 }));
    let problems: Vec<(String, String)> =
        world.toolset.status().into_iter().filter_map(|status| Some((status.name, status.problem?))).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert_eq!(problems[0].1, "it did not start within 1.5s");
    assert!(problems[1].1.contains("ended (exit status: 7)") && problems[1].1.contains("disk on fire"), "{problems:?}");
    assert!(problems[2].1.starts_with("there is no program \"no-such-program-here\""), "{problems:?}");
    let prompt = world.code_mode().system_prompt().to_owned();
    assert!(
        prompt.contains("\nNote: the tools of the server \"gone\" are not available now: there is no program"),
        "{prompt}"
    );
    world.notice(|notice| matches!(notice, Notice::Down { server, retry_in: None, .. } if server == "gone")).await;
    for pause in [250, 500, 1_000].map(Duration::from_millis) {
        let paused = |notice: &Notice| matches!(notice, Notice::Down { server, retry_in, .. } if server == "bad" && *retry_in == Some(pause));
        world.notice(paused).await;
    }
}

async fn a_server_that_crashes_during_a_call_is_restarted_and_the_call_not_repeated() {
    let world = World::of(&[("one", "normal"), ("two", "normal")]).await;
    let before = world.value("return await external_one_pid({});").await;
    let (message, code) = world.error("await external_one_crash({});").await;
    assert!(
        message.contains("the server \"one\" ended (exit status: 3); its last words: segmentation fault"),
        "{message}"
    );
    assert!(message.contains("was not sent again"), "{message}");
    assert_eq!(code, "CONNECTION_LOST");
    // The next call waits for the restart.
    let after = world.value("return await external_one_pid({});").await;
    assert_ne!(before, after);
    assert_eq!(world.value("return await external_two_echo({ n: 2 });").await, json!({ "n": 2 }));
    let crashes = world.log("one").iter().filter(|line| line.starts_with("call crash")).count();
    assert_eq!(crashes, 1);
}

async fn a_cancelled_execution_cancels_the_call_at_the_server() {
    let world = World::of(&[("one", "normal")]).await;
    let code_mode = world.code_mode();
    let running = tokio::spawn(async move {
        code_mode.execute("await external_one_wait({});", ExecuteOptions::default()).await.map(drop)
    });
    let call = world.logged("one", "call wait ").await;
    running.abort();
    let cancelled = world.logged("one", "cancelled ").await;
    assert_eq!(cancelled.strip_prefix("cancelled "), call.strip_prefix("call wait "));
    assert_eq!(world.value("return await external_one_echo({ n: 1 });").await, json!({ "n": 1 }));
}

async fn a_timeout_cancels_the_call_at_the_server() {
    let world = World::with(&[("one", "normal")], |_, config| config.timeout(Duration::from_millis(200))).await;
    let (message, code) = world.error("await external_one_wait({});").await;
    assert_eq!(message, "wait of the server \"one\" did not answer within 200ms and was cancelled");
    assert_eq!(code, "TOOL_TIMEOUT");
    world.logged("one", "cancelled ").await;
}

async fn garbage_and_errors_are_distinguished() {
    let world = World::of(&[("one", "normal")]).await;
    let (message, code) = world.error("await external_one_nonsense({});").await;
    assert_eq!(
        (message.as_str(), code),
        ("the server's answer is not a tool result; its server has a mistake", json!("BAD_ANSWER"))
    );
    // Half an answer fails its own call, at once, and no other.
    let value = world
        .value(
            "const [bad, good] = await Promise.allSettled([external_one_garbage({}), external_one_echo({ n: 1 })]);
             return { message: bad.reason?.message, code: bad.reason?.code, good: good.value };",
        )
        .await;
    assert_eq!((&value["code"], &value["good"]), (&json!("BAD_ANSWER"), &json!({ "n": 1 })), "{value}");
    let message = value["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("the server's answer cannot be read: EOF while parsing"), "{message}");
    world.notice(|notice| notice.to_string().starts_with("server \"one\" gave an answer that cannot be read")).await;
    let (message, code) = world.error("await external_one_fail({});").await;
    assert_eq!((message.as_str(), code), ("no such city: Rmoe", json!("TOOL_FAILED")));
    let (message, code) = world.error("await external_one_refuse({});").await;
    assert_eq!((message.as_str(), code), ("city is required", json!(-32602)));
}

async fn an_answer_that_is_too_large_fails_its_call_only() {
    let world = World::of(&[("one", "normal")]).await;
    let value = world
        .value(
            "const [huge, small] = await Promise.allSettled([external_one_huge({ bytes: 50_000_000 }), external_one_echo({ n: 1 })]);
             return { why: huge.reason?.message, small: small.value };",
        )
        .await;
    assert_eq!(value["small"], json!({ "n": 1 }));
    let why = value["why"].as_str().unwrap_or_default();
    assert!(why.contains("at most 16777216 are read; ask for less"), "{why}");
    // Between the sandbox's limit and ours, the sandbox refuses.
    let (message, _) = world.error("await external_one_huge({ bytes: 6_000_000 });").await;
    assert!(message.contains("4 MiB") || message.contains("4194304") || message.contains("4,194,304"), "{message}");
}

async fn progress_becomes_events_in_order() {
    let world = World::of(&[("one", "normal")]).await;
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let received = events.clone();
    let options = ExecuteOptions::default().on_event(move |event| lock(&received).push(event));
    let outcome =
        world.code_mode().execute("return await external_one_progress({});", options).await.expect("the host works");
    assert!(outcome.result.is_ok());
    let steps: Vec<String> = lock(&events)
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Progress { call_id, tool, progress, .. } => {
                Some(format!("{call_id} {tool} {}/{:?} {:?}", progress.done, progress.total, progress.message))
            }
            EventKind::CallResult { .. } => Some("result".into()),
            _ => None,
        })
        .collect();
    let step = |n: u32| format!("1 one/progress {n}/Some(3.0) Some(\"step {n}\")");
    assert_eq!(steps, [step(1), step(2), step(3), "result".into()]);
}

async fn changed_tools_come_at_the_end() {
    let world = World::of(&[("one", "normal"), ("two", "normal")]).await;
    let names = || world.toolset.tools().iter().map(|tool| tool.name().to_owned()).collect::<Vec<_>>();
    let before = names();
    let mut changes = world.toolset.changes();
    changes.mark_seen();
    world.run("await external_one_grow({});").await;
    assert!(changes.changed().await, "the servers are there");
    world.notice(|notice| matches!(notice, Notice::ToolsChanged { server, tools: 13 } if server == "one")).await;
    let after = names();
    let place = after.iter().position(|name| name == "one/grown").expect("the new tool is there");
    assert_eq!(after[..place], before[..place]);
    assert_eq!(world.value("return await external_one_grown({ n: 1 });").await, json!({ "n": 1 }));
}

async fn other_text_on_standard_output_is_reported_and_ignored() {
    let world = World::of(&[("one", "noisy")]).await;
    assert_eq!(world.value("return await external_one_echo({ n: 1 });").await, json!({ "n": 1 }));
    let notice = world.notice(|notice| matches!(notice, Notice::Warning { .. })).await;
    assert_eq!(
        notice.to_string(),
        "server \"one\" writes text that is no message to its standard output; it is ignored: \"Server listening on stdio!\""
    );
}

async fn five_hundred_tools_and_endless_pages() {
    let world = World::with(&[("many", "many"), ("endless", "endless"), ("fat", "fat")], |_, config| {
        config.exclude(["tool_?"])
    })
    .await;
    let counts: Vec<usize> = world.toolset.status().iter().map(|status| status.tools).collect();
    assert_eq!(counts, [490, 990, 0]);
    for cut in ["endless", "fat"] {
        let what = format!("server {cut:?} lists more tools than can be kept; the rest is left out");
        world.notice(|notice| notice.to_string() == what).await;
    }
    assert_eq!(world.value("return await external_many_tool_499({ n: 1 });").await, json!({ "n": 1 }));
}

async fn lazy_servers_are_found_by_programs_and_keep_their_names() {
    let world = World::with(&[("one", "normal"), ("many", "many")], |name, config| config.lazy(name == "many")).await;
    let code_mode = world.code_mode();
    assert!(code_mode.declarations().contains("declare function external_one_echo("), "{}", code_mode.declarations());
    assert!(!code_mode.declarations().contains("declare function external_many_"), "{}", code_mode.declarations());
    let value = world
        .value(
            "const { total, tools } = await external_searchTools({ query: 'tool 499', limit: 1 });
             return { total, name: tools[0].name, declared: tools[0].declaration.includes('declare function external_many_tool_499('),
                      called: await external_many_tool_499({ n: 1 }) };",
        )
        .await;
    // `tool` stands in the descriptions of the other server too.
    assert_eq!(
        value,
        json!({ "total": 512, "name": "external_many_tool_499", "declared": true, "called": { "n": 1 } })
    );
}

async fn hostile_descriptors_stay_in_their_place() {
    let world = World::of(&[("evil", "hostile"), ("good", "normal"), ("evil/b", "normal")]).await;
    let code_mode = world.code_mode();
    let stubs = code_mode.stubs();
    for name in ["external_evil_a_b(", "external_evil_a_b_2(", "external_evil_new_line(", "external_evil___proto__"] {
        assert!(stubs.contains(name), "{name} in {stubs}");
    }
    assert!(!stubs.contains("closes */") && !stubs.contains("new\nline"), "{stubs}");
    // Both names are `evil/b/echo`; each tool is called at its own server.
    let value =
        world.value("return [await external_evil_b_echo({ n: 1 }), await external_evil_b_echo_({ n: 2 })];").await;
    assert_eq!(value, json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(world.log("evil").iter().filter(|line| line.starts_with("call b/echo ")).count(), 1);
    let value = world
        .value(
            "const first = await external_evil_a_b({ n: 1 }), second = await external_evil_a_b_2({ n: 2 });
             const line = await external_evil_new_line({ n: 3 });
             const cyclic = await external_evil_cyclic({ next: { next: {} } });
             return [first, second, line, cyclic];",
        )
        .await;
    assert_eq!(value, json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }, { "next": { "next": {} } }]));
    assert_eq!(world.log("evil").iter().filter(|line| line.starts_with("call ")).count(), 5);
    // One bad schema breaks one tool only.
    assert!(
        code_mode.problems().iter().any(|problem| problem.starts_with("evil/broken")),
        "{:?}",
        code_mode.problems()
    );
    let (_, code) = world.error("await external_evil_broken({});").await;
    assert_eq!(code, "BROKEN_SCHEMA");
    assert_eq!(world.value("return await external_good_echo({ n: 4 });").await, json!({ "n": 4 }));
}

async fn a_wrong_structured_answer_is_reported() {
    let world = World::of(&[("one", "normal")]).await;
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let received = warnings.clone();
    let builder = CodeMode::builder()
        .driver(codemode_driver_quickjs::driver())
        .limits(Limits::default())
        .on_warning(move |warning| lock(&received).push(warning));
    let code_mode = world.toolset.add_to(builder).build().expect("it builds");
    let outcome =
        code_mode.execute("return await external_one_liar({});", ExecuteOptions::default()).await.expect("it runs");
    assert!(outcome.result.is_ok());
    assert_eq!(
        *lock(&warnings),
        [
            "the answer of external_one_liar does not fit its output schema: $.count: expected integer, found string \"many\""
        ]
    );
}

async fn closing_ends_the_servers() {
    let world = World::of(&[("one", "normal")]).await;
    world.value("return await external_one_pid({});").await;
    world.toolset.close().await;
    world.logged("one", "input ended").await;
    let (message, code) = world.error("await external_one_echo({});").await;
    assert_eq!(
        (message.as_str(), code),
        ("the server \"one\" is not available: it was closed", json!("SERVER_UNAVAILABLE"))
    );
    drop::<PathBuf>(world.folder.path().into());
}
