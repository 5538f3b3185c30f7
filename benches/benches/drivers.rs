//! The criterion groups over whole executions; ids are `model/size/driver`. Every workload runs once with its answer
//! checked before it is timed, and every timed execution is checked to have succeeded.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codemode::{CodeMode, ContextConfig, IsolateDriver};
use codemode_benches::{
    drivers,
    models::{Model, models},
    tools::Gate,
    workload::{Problem, execute},
};
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, measurement::WallTime};
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("the machine has threads to give");
    let mut criterion = Criterion::default().configure_from_args();
    start(&mut criterion, &runtime);
    for of_one_model in models().chunk_by(|a, b| a.model == b.model) {
        let mut group = criterion.benchmark_group(of_one_model.first().map_or("", |model| model.model));
        for model in of_one_model {
            for name in drivers::names() {
                time(&mut group, &runtime, model, &name);
            }
        }
        group.finish();
    }
    criterion.final_summary();
}

/// A sandbox made and destroyed, without a program.
fn start(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("start");
    for name in drivers::names().iter().filter(|name| !drivers::is_warm(name)) {
        let driver = open(name);
        let config = ContextConfig::new(drivers::limits(), Arc::default());
        group.bench_function(BenchmarkId::new("cold", name), |bencher| {
            bencher.iter(|| {
                let context = runtime.block_on(driver.create_context(config.clone()));
                drop(context.expect("the engine starts"));
            });
        });
    }
    group.finish();
}

fn time(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, model: &Model, name: &str) {
    let (workload, driver) = (&model.workload, open(name));
    let code_mode = workload.code_mode(&driver, &Gate::default()).expect("the tools are there");
    let value = runtime.block_on(execute(&code_mode, &workload.program)).expect("the program succeeds");
    workload.check(&value).expect("the answer is right");

    let at_once = workload.concurrency.unwrap_or(1);
    let few = model.heavy || at_once > 1;
    group.sampling_mode(if few { SamplingMode::Flat } else { SamplingMode::Auto });
    group.sample_size(if few { 10 } else { 40 });
    group.throughput(Throughput::Elements(at_once as u64));
    let run = || runtime.block_on(executions(&code_mode, &workload.program, at_once)).expect("it succeeds again");
    group.bench_function(BenchmarkId::new(&model.size, name), |bencher| {
        if drivers::is_warm(name) {
            // What a pool saves is seen when it had time to fill.
            bencher.iter_custom(|iterations| (0..iterations).map(|_| after_a_pause(run)).sum());
        } else {
            bencher.iter(run);
        }
    });
}

fn after_a_pause(run: impl Fn()) -> Duration {
    std::thread::sleep(drivers::REFILL);
    let begun = Instant::now();
    run();
    begun.elapsed()
}

async fn executions(code_mode: &CodeMode, program: &str, at_once: usize) -> Result<(), Problem> {
    if at_once == 1 {
        return execute(code_mode, program).await.map(drop);
    }
    let program: Arc<str> = program.into();
    let start = |_| {
        let (code_mode, program) = (code_mode.clone(), program.clone());
        tokio::spawn(async move { execute(&code_mode, &program).await })
    };
    let results = try_join_all((0..at_once).map(start)).await.map_err(|panic| panic.to_string())?;
    results.into_iter().try_for_each(|result| result.map(drop))
}

fn open(name: &str) -> Arc<dyn IsolateDriver> {
    drivers::open(name).expect("it was compiled in")
}
