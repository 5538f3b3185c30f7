//! x
use codemode_core::*;
#[tokio::main]
async fn main() {
    let cm = CodeMode::builder().driver(codemode_driver_quickjs::driver()).tool(Tool::from_schema("echo", "d", serde_json::json!({"type":"object"}), None, |v, _| async move { Ok(v) }))
    .tool(Tool::from_schema("sleep", "d", serde_json::json!({"type":"object"}), None, |v, _| async move { tokio::time::sleep(std::time::Duration::from_millis(5)).await; Ok(v) })).build().unwrap();
    for code in std::env::args().skip(1) {
        let t = std::time::Instant::now();
        let r = Recorder::default();
        let o = cm.execute(&code, ExecuteOptions { journal: Some(r.clone()), ..Default::default() }.on_event(|e| println!("  {}", e.to_json()))).await;
        println!("{:?}", t.elapsed());
        match o { Ok(o) => println!("{} {:?}", Reply::of(&o), o.stats), Err(e) => println!("ERR {e}") }
        match cm.replay(&code, r.take()).await { Ok(o) => println!("replay {}", Reply::of(&o)), Err(e) => println!("replay ERR {e}") }
    }
    for (n, code) in [("w1", "return 1 + 1".to_string()), ("w4", "let s=0; for (let i=0;i<1000;i++) { s += (await external_echo({v:i})).v } return s".into()), ("w8x", "for (let i=0;i<10;i++) await external_sleep({}); return 1".into())] {
        let mut ts: Vec<_> = vec![];
        for _ in 0..100 { let t = std::time::Instant::now(); cm.execute(&code, Default::default()).await.unwrap().result.unwrap(); ts.push(t.elapsed()); }
        ts.sort(); println!("{n}: median {:?} min {:?} p99 {:?}", ts[50], ts[0], ts[98]);
    }
}
