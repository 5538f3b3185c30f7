//! probe
use std::sync::Arc;
use codemode_core::*;
use codemode_driver_boa::GuestHeap;
#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;
#[test]
fn probe() {
    let driver: Arc<dyn IsolateDriver> = Arc::new(codemode_driver_boa::driver());
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cm = CodeMode::builder().shared_driver(driver).build().unwrap();
    let path = std::env::var("PROBE").unwrap();
    for code in std::fs::read_to_string(path).unwrap().split("\n----\n") {
        let mut limits = Limits::default();
        limits.wall = std::time::Duration::from_secs(std::env::var("WALL").ok().and_then(|t| t.parse().ok()).unwrap_or(10));
        if let Ok(h) = std::env::var("HEAP") { limits.heap.heap_bytes = h.parse::<usize>().unwrap() << 20; }
        let mut o = ExecuteOptions::default(); o.limits = Some(limits);
        let o = o.on_event(|e| if let EventKind::Console { message, .. } = &e.kind { println!("  {message}") });
        let t = std::time::Instant::now();
        let r = rt.block_on(cm.execute(code, o));
        println!("{} => {:?} {:?}", code.chars().take(60).collect::<String>(), t.elapsed(), match &r { Ok(o) => format!("{:?} peak {:?}", o.result, o.stats.heap_peak_bytes), Err(e) => format!("HOST {e}") });
    }
}
