//! The criterion groups without an engine: from a model's text to a script, and from tools to declarations and prompt.

use codemode::{
    ToolNames,
    typecheck::TypeChecker,
    typescript::{CompileOptions, compile},
};
use codemode_benches::{drivers, tools};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(benches, strip, stubs, check);
criterion_main!(benches);

fn strip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("strip");
    let functions = ["external_getTopProducts", "external_getProductRatings", "external_saveReport"];
    let names = ToolNames::new(functions.map(|function| (function, function)));
    let known = |name: &str| functions.contains(&name) || codemode::names::is_global(name);
    let options = CompileOptions::new(4 << 20, &known, names.functions());
    // The whole front end of one program, lints on: at most 150 µs is wanted.
    let thirty = include_str!("../programs/thirty_lines.ts");
    group.bench_function(BenchmarkId::new("program of 30 lines", "core"), |bencher| {
        bencher.iter(|| compile(thirty, &options).expect("it compiles"));
    });
    let program = include_str!("../programs/top_products.ts");
    for copies in [1, 64] {
        // Each copy in a block of its own, since names are declared once.
        let body = program.replace("return", "const out =");
        let text: String = (1..copies).map(|_| format!("{{\n{body}}}\n")).chain([program.to_owned()]).collect();
        let compiled = compile(&text, &options).expect("it compiles");
        assert_eq!(compiled.externals, functions[..2]);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new(format!("{}lines", text.lines().count()), "core"), |bencher| {
            bencher.iter(|| compile(&text, &options));
        });
    }
    group.finish();
}

/// The types of the program of thirty lines, by a TypeScript compiler that runs already: under 10 ms is wanted.
fn check(criterion: &mut Criterion) {
    let checker = match TypeChecker::find() {
        Ok(checker) => checker,
        Err(why) => return println!("NOT MEASURED: check: {why}"),
    };
    let program = include_str!("../programs/thirty_lines.ts");
    let declarations = "declare function external_getTopProducts(input: { limit: number }): \
                        Promise<{ products: { id: string; name: string; totalSales: number }[] }>;\n\
                        declare function external_getProductRatings(input: { productId: string }): \
                        Promise<{ ratings: { score: number }[] }>;\n\
                        declare function external_saveReport(input: { lines: unknown[] }): Promise<unknown>;";
    let found = checker.check(program, declarations).expect("the compiler answers");
    assert!(found.is_empty(), "{found:?}");
    let wrong = program.replacen("totalSales", "totalSale", 1);
    assert!(!checker.check(&wrong, declarations).expect("the compiler answers").is_empty(), "it found nothing");
    let mut group = criterion.benchmark_group("check");
    let mut copy = 0;
    group.bench_function(BenchmarkId::new("program of 30 lines", "core"), |bencher| {
        bencher.iter(|| {
            // Another text each time, so that nothing is kept from the last.
            copy += 1;
            checker.check(&format!("{program}\n// {copy}"), declarations).expect("the compiler answers")
        });
    });
    group.finish();
}

/// Names, declarations and prompt of a catalog; no sandbox.
fn stubs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stubs");
    let driver = drivers::names().first().and_then(|name| drivers::open(name).ok()).expect("a driver was compiled in");
    for count in [1, 100, 1_000] {
        let tools = tools::many(count);
        let build = || codemode::CodeMode::builder().driver(driver.clone()).tools(tools.clone()).build();
        let declared = build().expect("the tools are accepted");
        assert_eq!(declared.stubs().matches("declare function external_").count(), count);
        group.bench_function(BenchmarkId::new(format!("{count}tools"), "core"), |bencher| bencher.iter(build));
    }
    group.finish();
}
