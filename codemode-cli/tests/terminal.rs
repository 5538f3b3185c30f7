//! What a person at a terminal sees, and what the signals of a terminal do.
#![cfg(unix)]

mod support;

use std::{
    fs::File,
    io::Read,
    process::Stdio,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::json;
use support::{Alive, Folder, PATIENCE, SOON, wait};

/// A terminal of 60 columns: its end for a program, and what appears on it, piece by piece.
fn terminal() -> (File, Receiver<(Instant, String)>) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 }).expect("it has a size");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let path = name.to_str().expect("a path");
    let slave = File::options().read(true).write(true).open(path).expect("its other end");
    let (tell, hear) = mpsc::channel();
    let mut master = File::from(master);
    thread::spawn(move || {
        let mut piece = [0; 4096];
        // Reading fails when the last program has left.
        while let Ok(length @ 1..) = master.read(&mut piece) {
            let text = String::from_utf8_lossy(&piece[..length]).into_owned();
            if tell.send((Instant::now(), text)).is_err() {
                break;
            }
        }
    });
    (slave, hear)
}

/// Runs with a terminal for its output, and gives what appeared.
fn on_terminal(folder: &Folder, args: &[&str], no_color: bool) -> Vec<(Instant, String)> {
    let (slave, seen) = terminal();
    let mut command = folder.command(args);
    command.env("TERM", "xterm-256color").stdout(slave.try_clone().expect("its end")).stderr(slave);
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let child = command.spawn().expect("the program starts");
    // The command holds an end of the terminal as well.
    drop(command);
    wait(child, Instant::now());
    seen.iter().collect()
}

#[test]
fn a_person_sees_lines_and_waiting_calls_live() {
    let folder = Folder::new();
    let slow =
        json!({ "name": "slow", "description": "d", "inputSchema": {}, "command": ["sh", "-c", "sleep 0.5; echo 1"] });
    folder.file("t.json", json!([slow]).to_string());
    let long = "x".repeat(200);
    folder.file(
        "p.ts",
        format!("console.log('first'); await Promise.all([external_slow({{ long: '{long}' }}), external_slow({{}})]); return {{ a: 'b' }}"),
    );
    let seen = on_terminal(&folder, &["run", "p.ts", "--tools", "t.json"], false);
    let all: String = seen.iter().map(|(_, text)| text.as_str()).collect();
    let at = |what: &str| {
        let found = seen.iter().find(|(_, text)| text.contains(what));
        found.unwrap_or_else(|| panic!("{what:?} is missing in {all}")).0
    };
    // Each piece came when it happened.
    assert!(at("← slow #1") - at("first") > Duration::from_millis(350), "{all}");
    assert!(at("← slow #1") - at("0.2 s waiting for slow ×2") > Duration::from_millis(100), "{all}");
    assert!(all.contains("\x1b[36m→ slow #1") && all.contains("\x1b[32m\"b\""), "colours: {all:?}");
    assert!(all.matches("waiting for").count() == all.matches("\x1b[2K").count(), "all moving lines go: {all:?}");
    for line in all.split(['\n', '\r']) {
        let shown = without_colours(line);
        assert!(shown.chars().count() <= 60, "{shown:?}");
    }

    let plain: String =
        on_terminal(&folder, &["run", "p.ts", "--tools", "t.json"], true).into_iter().map(|it| it.1).collect();
    assert_eq!(without_colours(&plain), plain.replace("\x1b[2K", ""), "NO_COLOR: {plain:?}");
    assert!(plain.contains("{ \"a\": \"b\" }"));
}

#[test]
fn quick_calls_show_no_waiting_line() {
    let folder = Folder::with_shop();
    let seen = on_terminal(&folder, &["run", "top-products.ts", "--sqlite", "shop.db"], false);
    let all: String = seen.into_iter().map(|(_, text)| text).collect();
    assert!(all.contains("← querySql #6"), "{all}");
    // A busy machine may be slow; what was drawn was also taken away.
    assert_eq!(all.matches("waiting for").count(), all.matches("\x1b[2K").count(), "{all:?}");
}

#[test]
fn signals_cancel_the_program_and_its_commands() {
    let folder = Folder::new();
    let hangs = format!("{} trap '' INT TERM; sleep 600 & sleep 600", Alive::HOLD);
    let tool = json!({ "name": "hangs", "description": "d", "inputSchema": {}, "command": ["sh", "-c", hangs] });
    folder.file("t.json", json!([tool]).to_string());
    folder.file("waits.ts", "console.log('begun'); await external_hangs({})");
    folder.file(
        "spins.ts",
        "external_hangs({}); await new Promise((go) => setTimeout(go, 100)); console.log('begun'); for (;;) {}",
    );
    for (program, signal, code, name) in [
        ("waits.ts", Signal::INT, 130, "Ctrl-C"),
        ("waits.ts", Signal::TERM, 143, "SIGTERM"),
        ("waits.ts", Signal::HUP, 129, "SIGHUP"),
        ("spins.ts", Signal::INT, 130, "Ctrl-C"),
    ] {
        for json in [false, true] {
            let alive = Alive::watch(&folder);
            let mut command = folder.command(&["run", program, "--tools", "t.json", "--events", "events"]);
            command.args(json.then_some("--json")).stdin(Stdio::null());
            let child = command.spawn().expect("the program starts");
            until(|| {
                std::fs::read_to_string(folder.path("events"))
                    .is_ok_and(|it| it.contains("begun") && it.contains("call"))
            });
            thread::sleep(Duration::from_millis(50));
            let begin = Instant::now();
            let pid = Pid::from_raw(child.id().cast_signed()).expect("a number");
            kill_process(pid, signal).expect("it is there");
            let ran = wait(child, begin).ends(code).says(&format!("codemode: cancelled by {name}\n"));
            assert!(ran.took < SOON, "{ran:#?}");
            if json {
                let reply = ran.json();
                assert_eq!((&reply["success"], &reply["logs"]), (&json!(false), &json!(["begun"])), "{reply}");
                assert_eq!(reply["error"]["kind"], "cancelled");
            }
            alive.ends();
            for name in ["alive", "events"] {
                std::fs::remove_file(folder.path(name)).expect("it is there");
            }
        }
    }
}

/// Waits for something that happens soon.
fn until(happened: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it never happened");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The text without the sequences `ESC [ … letter`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        out.push_str(&part[end..]);
    }
    out
}
