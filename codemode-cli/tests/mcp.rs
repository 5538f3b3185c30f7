//! `codemode mcp` as its users meet it: driven by the official clients, with a published server behind it. `cargo xtask
//! setup` gets both.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

fn main() {
    let args = Arguments::from_args();
    let parts = Parts::find();
    if parts.is_none() {
        eprintln!("MCP CLIENTS WERE NOT TESTED: they are not in target/tools/mcp; run `cargo xtask setup`");
        if std::env::var_os("CODEMODE_REQUIRE_ALL").is_some() {
            std::process::exit(1);
        }
    }
    let missing = parts.is_none();
    let parts = parts.unwrap_or_default();
    let trial = |name: &str, test: fn(&Parts) -> Result<(), Failed>| {
        let parts = parts.clone();
        Trial::test(name, move || test(&parts)).with_ignored_flag(missing)
    };
    let trials = vec![
        trial("typescript_sdk_1_over_stdio", |parts| story(parts, "sdk1", &Way::Stdio, Some("2025-11-25"))),
        trial("typescript_sdk_1_over_http", |parts| story(parts, "sdk1", &Way::Http, Some("2025-11-25"))),
        trial("typescript_sdk_2_over_stdio", |parts| story(parts, "sdk2", &Way::Stdio, Some("2026-07-28"))),
        trial("typescript_sdk_2_over_http", |parts| story(parts, "sdk2", &Way::Http, Some("2026-07-28"))),
        trial("ai_sdk_over_stdio", |parts| story(parts, "ai", &Way::Stdio, None)),
        trial("ai_sdk_over_http", |parts| story(parts, "ai", &Way::Http, None)),
        trial("python_sdk_with_2025_11_25", |parts| story(parts, "legacy", &Way::Stdio, Some("2025-11-25"))),
        trial("python_sdk_with_2026_07_28", |parts| story(parts, "auto", &Way::Stdio, Some("2026-07-28"))),
        trial("python_sdk_over_http_with_2025_11_25", |parts| story(parts, "legacy", &Way::Http, Some("2025-11-25"))),
        trial("python_sdk_over_http_with_2026_07_28", |parts| story(parts, "auto", &Way::Http, Some("2026-07-28"))),
        trial("inspector_command_line", inspector),
        trial("all_kinds_of_tools_behind_one", all_kinds_of_tools),
        trial("run_with_mcp_servers", run_with_servers),
    ];
    libtest_mimic::run(&args, trials).exit();
}

/// Where the clients and servers are.
#[derive(Clone, Default)]
struct Parts(PathBuf);

impl Parts {
    fn find() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools/mcp");
        folder.join("npm/node_modules").is_dir().then_some(Self(folder))
    }

    /// A file of servers with one that is published.
    fn config(&self, folder: &Path) -> PathBuf {
        let server = self.0.join("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js");
        let config = json!({ "mcpServers": { "everything": { "command": "node", "args": [server] } } });
        let path = folder.join("servers.json");
        fs::write(&path, config.to_string()).expect("a folder to write to");
        path
    }

    /// A script where its packages are found, written in one step since tests run side by side.
    fn script(&self, name: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
        let place = self.0.join("npm").join(name);
        let fresh = tempfile::NamedTempFile::new_in(place.parent().expect("a folder")).expect("a folder to write to");
        fs::copy(&source, &fresh).expect("the script can be copied");
        fresh.persist(&place).expect("the script can be renamed");
        place
    }
}

enum Way {
    Stdio,
    Http,
}

const CODEMODE: &str = env!("CARGO_BIN_EXE_codemode");
const TOKEN: &str = "a-token-for-tests-only";

/// A server over HTTP, killed when dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(CODEMODE)
            .args(["mcp", "--http", "127.0.0.1:0", "--token-env", "TEST_TOKEN", "--mcp"])
            .arg(config)
            .env("TEST_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("codemode starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| line.split_once("serving MCP at ").map(|(_, url)| url.to_owned()))
            .expect("an address");
        std::thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        Self { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself; the test says so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets a client do what clients do, and compares what it saw.
fn story(parts: &Parts, client: &str, way: &Way, version: Option<&str>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let config = parts.config(folder.path());
    let mut command = if matches!(client, "legacy" | "auto") {
        let mut python = Command::new(parts.0.join("py/bin/python"));
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/story.py"));
        python
    } else {
        let mut node = Command::new("node");
        node.arg(parts.script("story.mjs"));
        node
    };
    command.arg(client);
    let served = match way {
        Way::Stdio => {
            command.args(["stdio", CODEMODE, "mcp", "--mcp"]).arg(&config);
            None
        }
        Way::Http => {
            let served = Served::start(&config);
            command.args(["http", &served.url, TOKEN]);
            Some(served)
        }
    };
    let done = command.stderr(Stdio::inherit()).output()?;
    drop(served);
    let saw: Value = serde_json::from_slice(&done.stdout)
        .map_err(|_| format!("{client} ended ({}) and said: {}", done.status, String::from_utf8_lossy(&done.stdout)))?;
    check(client, &saw, version);
    Ok(())
}

fn check(client: &str, saw: &Value, version: Option<&str>) {
    assert_eq!(saw["tools"], json!(["execute_typescript", "read_result"]), "{saw:#}");
    let sum = "The sum of 20 and 22 is 42.";
    assert_eq!(saw["added"]["structured"]["result"], json!({ "sum": sum }), "{saw:#}");
    assert_eq!(saw["added"]["structured"]["logs"], json!(["adding"]));
    assert_eq!(saw["added"]["text"], format!("{{\"sum\":\"{sum}\"}}\n\nlogs:\nadding"));
    let failed = &saw["failed"];
    assert_eq!((&failed["line"], &failed["isError"]), (&json!(2), &json!(true)), "{saw:#}");
    assert!(failed["text"].as_str().is_some_and(|text| text.starts_with("TypeError: boom (line 2, ")), "{saw:#}");
    assert_eq!(saw["long"], json!({ "bytes": 100_000, "shown": 40_000, "note": true, "tail": "!" }));
    assert_eq!(saw["image"], json!(["image/png"]));
    assert_eq!((&saw["together"], &saw["after"]), (&json!(true), &json!("2")));
    if client != "ai" {
        // What is said in the same moment as the answer, or as something else, a client may hear later or not at all.
        let heard = |text: &str| saw["heard"].as_array().is_some_and(|heard| heard.iter().any(|one| one == text));
        assert!(heard("adding"), "{saw:#}");
        assert!(heard("external_everything_trigger_long_running_operation({\"duration\":0.5,\"steps\":1})"), "{saw:#}");
        assert_eq!(saw["cancelled"], "rejected");
    }
    if let (Some(version), Some(spoken)) = (version, saw["version"].as_str()) {
        assert_eq!(spoken, version);
        assert!(client == "sdk2" || version != "2025-11-25" || saw["logs"] == json!(["adding"]), "{saw:#}");
    }
}

fn inspector(parts: &Parts) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let config = parts.config(folder.path());
    let inspector = parts.0.join("npm/node_modules/.bin/mcp-inspector");
    let run = |more: &[&str]| -> Result<Value, Failed> {
        let mut command = Command::new(&inspector);
        command.args(["--cli", CODEMODE, "mcp", "--mcp"]).arg(&config).args(more);
        let done = command.output()?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        serde_json::from_str(text.trim()).map_err(|_| format!("{text}{}", String::from_utf8_lossy(&done.stderr)).into())
    };
    let listed = run(&["--method", "tools/list"])?;
    assert_eq!(listed["tools"][0]["name"], "execute_typescript");
    let description = listed["tools"][0]["description"].as_str().unwrap_or_default();
    assert!(description.contains("external_everything_get_sum"), "{description}");
    let searched = ["--catalog-tokens", "0", "--method", "tools/list"];
    let names: Vec<String> =
        run(&searched)?["tools"].as_array().into_iter().flatten().map(|tool| tool["name"].to_string()).collect();
    assert_eq!(names.join(" "), r#""execute_typescript" "search_tools" "discover_tools" "read_result""#);
    let search =
        ["--catalog-tokens", "0", "--method", "tools/call", "--tool-name", "search_tools", "--tool-arg", "query=sum"];
    let found = run(&search)?;
    let text = found["content"][0]["text"].as_str().unwrap_or_default();
    assert!(text.contains("declare function external_everything_get_sum(input: "), "{text}");
    let code = "typescriptCode=return await external_everything_echo({ message: 'hi' })";
    let called = run(&["--method", "tools/call", "--tool-name", "execute_typescript", "--tool-arg", code])?;
    assert_eq!(called["structuredContent"], json!({ "success": true, "result": "Echo: hi" }));
    Ok(())
}

/// A database, a command and a server in one program.
fn all_kinds_of_tools(parts: &Parts) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("examples");
    fs::copy(examples.join("shop.sql"), folder.path().join("shop.sql"))?;
    let tools = folder.path().join("tools.json");
    let greet = json!([{ "name": "greet", "description": "Greets", "inputSchema": { "type": "object" },
                         "command": ["/bin/echo", "\"hello\""] }]);
    fs::write(&tools, greet.to_string())?;
    let code = "typescriptCode=const [{ rows }, sum, hello] = await Promise.all([
                  external_querySql({ sql: 'SELECT count(*) AS n FROM products' }),
                  external_everything_get_sum({ a: 1, b: 2 }), external_greet({})]);
                return { products: rows[0].n > 0, sum, hello };";
    let mut command = Command::new(parts.0.join("npm/node_modules/.bin/mcp-inspector"));
    command.args(["--cli", CODEMODE, "mcp", "--mcp"]).arg(parts.config(folder.path()));
    command.arg("--sqlite").arg(folder.path().join("shop.db")).arg("--tools").arg(&tools);
    command.args(["--method", "tools/call", "--tool-name", "execute_typescript", "--tool-arg", code]);
    let done = command.output()?;
    let said: Value = serde_json::from_slice(&done.stdout).map_err(|_| format!("{done:?}"))?;
    let expected = json!({ "products": true, "sum": "The sum of 1 and 2 is 3.", "hello": "hello" });
    assert_eq!(said["structuredContent"]["result"], expected, "{said:#}");
    Ok(())
}

fn run_with_servers(parts: &Parts) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let config = parts.config(folder.path());
    let program = folder.path().join("program.ts");
    fs::write(
        &program,
        "return (await external_everything_get_structured_content({ location: 'Chicago' })).temperature;",
    )?;
    let done = Command::new(CODEMODE).arg("run").arg(&program).arg("--mcp").arg(&config).output()?;
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).trim().parse::<f64>().is_ok(), "{done:?}");
    let prompt = Command::new(CODEMODE).arg("prompt").arg("--mcp").arg(&config).output()?;
    assert!(String::from_utf8_lossy(&prompt.stdout).contains("external_everything_get_sum(input:"), "{prompt:?}");
    Ok(())
}
