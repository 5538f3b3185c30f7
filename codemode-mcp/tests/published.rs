//! Published third-party servers from npm and PyPI as tools of one sandbox. `cargo xtask setup` installs them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, EventKind, ExecuteOptions};
use codemode_mcp::{ConnectOptions, McpConfig, McpToolset};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

fn main() {
    let args = Arguments::from_args();
    let parts = Parts::find();
    if parts.is_none() {
        eprintln!("PUBLISHED MCP SERVERS WERE NOT TESTED: they are not in target/tools/mcp; run `cargo xtask setup`");
        if std::env::var_os("CODEMODE_REQUIRE_ALL").is_some() {
            std::process::exit(1);
        }
    }
    libtest_mimic::run(&args, trials(parts)).exit();
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        fn trials(parts: Option<Parts>) -> Vec<Trial> {
            let missing = parts.is_none();
            let parts = parts.unwrap_or_default();
            vec![$({
                let parts = parts.clone();
                Trial::test(stringify!($name), move || in_runtime($name(parts))).with_ignored_flag(missing)
            }),*]
        }
    };
}

trials!(
    one_program_joins_five_servers,
    a_hundred_calls_over_node_and_python,
    images_links_and_resources_are_typed,
    progress_of_a_published_server_becomes_events,
    a_published_server_killed_during_a_call_comes_back,
    a_refused_path_throws_the_servers_text,
    thoughts_and_commits,
    every_published_tool_has_types,
);

fn in_runtime(test: impl Future<Output = ()>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(test);
    Ok(())
}

/// Where the servers are.
#[derive(Clone, Default)]
struct Parts(PathBuf);

impl Parts {
    fn find() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools/mcp");
        folder.join("npm/node_modules").is_dir().then_some(Self(folder))
    }

    fn node(&self, server: &str) -> String {
        let file = if server == "memory" || server == "everything" || server == "filesystem" {
            server
        } else {
            "sequential-thinking"
        };
        let dist = self.0.join("npm/node_modules/@modelcontextprotocol").join(format!("server-{file}/dist/index.js"));
        dist.display().to_string()
    }

    fn python(&self, server: &str) -> String {
        self.0.join("py/bin").join(server).display().to_string()
    }

    /// A config of all of them over a folder.
    fn config(&self, folder: &Path) -> McpConfig {
        let folder = folder.display().to_string();
        let text = json!({ "mcpServers": {
            "everything": { "command": "node", "args": [self.node("everything")] },
            "files": { "command": "node", "args": [self.node("filesystem"), folder] },
            "memory": { "command": "node", "args": [self.node("memory")], "env": { "MEMORY_FILE_PATH": format!("{folder}/memory.jsonl") } },
            "thinking": { "command": "node", "args": [self.node("sequential-thinking")] },
            "time": { "command": self.python("mcp-server-time"), "args": ["--local-timezone", "UTC"] },
            "git": { "command": self.python("mcp-server-git"), "args": ["--repository", folder] },
            "sqlite": { "command": self.0.join("py-sqlite/bin/mcp-server-sqlite"), "args": ["--db-path", format!("{folder}/notes.db")] },
        } });
        McpConfig::parse(&text.to_string(), "test").expect("the config is right")
    }
}

struct World {
    toolset: McpToolset,
    folder: tempfile::TempDir,
}

impl World {
    async fn of(parts: &Parts, names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let git = std::process::Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status();
        assert!(git.is_ok_and(|status| status.success()), "git is needed");
        let mut config = parts.config(folder.path());
        config.servers.retain(|server| names.contains(&server.name.as_str()));
        let options = ConnectOptions::default().timeout(Duration::from_secs(60));
        let toolset = McpToolset::connect(config, options).await;
        let problems: Vec<_> = toolset.status().into_iter().filter(|status| status.problem.is_some()).collect();
        assert!(problems.is_empty(), "{problems:?}");
        Self { toolset, folder }
    }

    fn code_mode(&self) -> CodeMode {
        self.toolset.add_to(CodeMode::builder().driver(codemode_driver_quickjs::driver())).build().expect("it builds")
    }

    async fn value(&self, code: &str) -> Value {
        let outcome = self.code_mode().execute(code, ExecuteOptions::default()).await.expect("the host works");
        let result = outcome.result.unwrap_or_else(|failure| panic!("{failure}\n{code}"));
        result.expect("it returns a value").value().expect("a shallow value")
    }
}

async fn one_program_joins_five_servers(parts: Parts) {
    let world = World::of(&parts, &["everything", "files", "memory", "time", "sqlite"]).await;
    let path = world.folder.path().canonicalize().expect("a folder").join("people.json").display().to_string();
    let code = format!(
        "const people = [{{ name: 'Ada', born: 1815 }}, {{ name: 'Grace', born: 1906 }}];
         await external_files_write_file({{ path: {path:?}, content: JSON.stringify(people) }});
         const read = JSON.parse((await external_files_read_text_file({{ path: {path:?} }})).content);
         const sum = await external_everything_get_sum({{ a: read[0].born, b: read[1].born }});
         await external_memory_create_entities({{ entities: read.map(p => ({{ name: p.name, entityType: 'person', observations: [`born ${{p.born}}`] }})) }});
         const graph = await external_memory_search_nodes({{ query: 'Grace' }});
         await external_sqlite_create_table({{ query: 'CREATE TABLE people (name TEXT, born INTEGER)' }});
         for (const p of read) await external_sqlite_write_query({{ query: `INSERT INTO people VALUES ('${{p.name}}', ${{p.born}})` }});
         const rows = await external_sqlite_read_query({{ query: 'SELECT count(*) AS n, min(born) AS first FROM people' }});
         const time = await external_time_convert_time({{ source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' }});
         return {{ sum, found: graph.entities.map(e => e.name), rows, tokyo: time.time_difference }};"
    );
    let value = world.value(&code).await;
    assert_eq!(value["sum"].as_str().or(Some("")).map(|text| text.contains("3721")), Some(true), "{value}");
    assert_eq!((&value["found"], &value["tokyo"]), (&json!(["Grace"]), &json!("+9.0h")));
    assert!(value["rows"].to_string().contains("1815"), "{value}");
}

async fn a_hundred_calls_over_node_and_python(parts: Parts) {
    let world = World::of(&parts, &["everything", "time"]).await;
    let value = world
        .value(
            "const calls = Array.from({ length: 100 }, (_, n) => n % 2
               ? external_everything_echo({ message: `m${n}` })
               : external_time_get_current_time({ timezone: 'UTC' }));
             const answers = await Promise.all(calls);
             return { echoes: answers.filter(a => typeof a === 'string').map(a => a.replace('Echo: ', '')),
                      zones: [...new Set(answers.filter(a => typeof a !== 'string').map(a => a.timezone))] };",
        )
        .await;
    let echoes: Vec<String> = (0..100).filter(|n| n % 2 == 1).map(|n| format!("m{n}")).collect();
    assert_eq!(value, json!({ "echoes": echoes, "zones": ["UTC"] }));
}

async fn images_links_and_resources_are_typed(parts: Parts) {
    let world = World::of(&parts, &["everything"]).await;
    let value = world
        .value(
            "const image = (await external_everything_get_tiny_image({})).find(block => block.type === 'image');
             const links = (await external_everything_get_resource_links({ count: 2 })).filter(b => b.type === 'resource_link');
             const embedded = (await external_everything_get_resource_reference({ resourceType: 'Text', resourceId: 1 })).find(b => b.type === 'resource');
             const weather = await external_everything_get_structured_content({ location: 'Chicago' });
             const whole = image.handle ? (await external_read_handle({ handle: image.handle })).data : image.data;
             return { mime: image.mimeType, png: atob(whole.slice(0, 8)).slice(1, 4), bytes: image.bytes > 100, links: links.length,
                      uri: typeof embedded.uri, text: typeof embedded.text, weather: typeof weather.temperature };",
        )
        .await;
    assert_eq!(
        value,
        json!({ "mime": "image/png", "png": "PNG", "bytes": true, "links": 2, "uri": "string", "text": "string", "weather": "number" })
    );
}

async fn progress_of_a_published_server_becomes_events(parts: Parts) {
    let world = World::of(&parts, &["everything"]).await;
    let steps: Arc<Mutex<Vec<f64>>> = Arc::default();
    let received = steps.clone();
    let options = ExecuteOptions::default().on_event(move |event| {
        if let EventKind::Progress { progress, .. } = event.kind {
            received.lock().expect("no test panics here").push(progress.done);
        }
    });
    let code = "return await external_everything_trigger_long_running_operation({ duration: 0.4, steps: 4 });";
    let outcome = world.code_mode().execute(code, options).await.expect("the host works");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert_eq!(*steps.lock().expect("no test panics here"), [1.0, 2.0, 3.0, 4.0]);
}

async fn a_published_server_killed_during_a_call_comes_back(parts: Parts) {
    let world = World::of(&parts, &["everything", "memory"]).await;
    let code_mode = world.code_mode();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let options = ExecuteOptions::default().on_event(move |event| {
        if let EventKind::Progress { .. } = event.kind
            && let Some(begun) = begun.lock().expect("no test panics here").take()
        {
            let _ = begun.send(());
        }
    });
    let code = "const first = await external_everything_trigger_long_running_operation({ duration: 20, steps: 40 }).catch(e => e.message);
                return [first, await external_everything_echo({ message: 'back' })];";
    let running = tokio::spawn(async move { code_mode.execute(code, options).await });
    begins.await.expect("the operation says how far it is");
    let killed = kill_children_named("server-everything");
    assert_eq!(killed, 1);
    let outcome = running.await.expect("no panic").expect("the host works");
    let value = outcome.result.expect("the program returns").expect("a value").value().expect("shallow");
    let why = value[0].as_str().unwrap_or_default();
    assert!(why.contains("ended (signal: 9") && why.contains("was not sent again"), "{why}");
    assert_eq!(value[1], "Echo: back");
}

/// Kills the children of this process whose command line contains `part`. Returns how many there were.
fn kill_children_named(part: &str) -> usize {
    let mine = std::process::id().to_string();
    let listed = std::process::Command::new("ps").args(["-eo", "pid=,ppid=,args="]).output().expect("ps is there");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pids = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (pid, parent) = (words.next()?, words.next()?);
        (parent == mine && line.contains(part)).then(|| pid.to_owned())
    });
    pids.filter(|pid| {
        std::process::Command::new("kill").args(["-9", pid]).status().is_ok_and(|status| status.success())
    })
    .count()
}

async fn a_refused_path_throws_the_servers_text(parts: Parts) {
    let world = World::of(&parts, &["files"]).await;
    let value = world
        .value(
            "try { await external_files_read_text_file({ path: '/etc/passwd' }); return 'read' }
             catch (error) { return { code: error.code, message: error.message } }",
        )
        .await;
    assert_eq!(value["code"], "TOOL_FAILED");
    assert!(value["message"].as_str().is_some_and(|text| text.contains("Access denied")), "{value}");
}

async fn thoughts_and_commits(parts: Parts) {
    let world = World::of(&parts, &["thinking", "git", "files"]).await;
    let folder = world.folder.path().canonicalize().expect("a folder").display().to_string();
    let value = world
        .value(&format!(
            "await external_files_write_file({{ path: {folder:?} + '/a.txt', content: 'hello' }});
             await external_git_git_add({{ repo_path: {folder:?}, files: ['a.txt'] }});
             const status = await external_git_git_status({{ repo_path: {folder:?} }});
             const thought = await external_thinking_sequentialthinking({{ thought: 'look', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }});
             return {{ staged: JSON.stringify(status).includes('a.txt'), thought: thought.thoughtNumber }};"
        ))
        .await;
    assert_eq!(value, json!({ "staged": true, "thought": 1 }));
}

async fn every_published_tool_has_types(parts: Parts) {
    let world = World::of(&parts, &["everything", "files", "memory", "thinking", "time", "git", "sqlite"]).await;
    let begun = Instant::now();
    let code_mode = world.code_mode();
    let took = begun.elapsed();
    let count = world.toolset.tools().len();
    assert!(count > 45, "{count}");
    assert_eq!(code_mode.problems(), &[] as &[String]);
    assert_eq!(code_mode.stubs().matches("external_").count(), count);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
