//! The Rust API in one file: typed tools, live events, one program, one result.
//!
//! `cargo run --release -p codemode-sdk --example quickstart`

use std::time::Duration;

use codemode::{CodeMode, EventKind, ExecuteOptions, Limits, Reply, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct WeatherInput {
    /// City name
    city: String,
}

#[derive(Serialize, JsonSchema)]
struct Weather {
    celsius: f64,
    /// Chance of rain, 0 to 1
    rain: f64,
}

async fn weather(input: WeatherInput) -> Result<Weather, ToolError> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (celsius, rain) = match input.city.as_str() {
        "Lisbon" => (24.5, 0.05),
        "Oslo" => (11.0, 0.6),
        "Kyoto" => (19.0, 0.3),
        city => return Err(ToolError::new(format!("there is no weather station in {city}")).code("UNKNOWN_CITY")),
    };
    Ok(Weather { celsius, rain })
}

/// What a model would write, given the prompt.
const PROGRAM: &str = r#"
const cities: string[] = ["Lisbon", "Oslo", "Kyoto", "Atlantis"];
const reports = await Promise.allSettled(cities.map((city) => external_fetchWeather({ city })));
const dry: { city: string; celsius: number }[] = [];
reports.forEach((report, i) => {
  if (report.status === "rejected") console.warn(cities[i], "-", report.reason.message);
  else if (report.value.rain < 0.5) dry.push({ city: cities[i], celsius: report.value.celsius });
});
return dry.sort((a, b) => b.celsius - a.celsius);
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let code_mode = CodeMode::builder()
        .driver(codemode::quickjs())
        .tool(
            Tool::typed("fetchWeather", "Get current weather for a city", |input: WeatherInput, _ctx| weather(input))
                .timeout(Duration::from_secs(2))
                .concurrency(8),
        )
        .limits(Limits::default().timeout(Duration::from_secs(5)))
        .build()?;

    println!("── the tool for the model: {}", code_mode.tool_definition().name);
    println!("{}", code_mode.stubs());

    println!("── events, live");
    let options = ExecuteOptions::default().on_event(|event| match &event.kind {
        EventKind::Call { call_id, function, args, .. } => {
            println!("call {call_id}: {function}({})", args.as_ref().map_or("", |args| args.text()));
        }
        EventKind::CallResult { call_id, duration, .. } => println!("call {call_id}: answered in {duration:.0?}"),
        EventKind::CallError { call_id, error, .. } => println!("call {call_id}: {}", error.message),
        EventKind::Console { level, message } => println!("console.{}: {message}", level.as_str()),
        _ => {}
    });
    let outcome = code_mode.execute(PROGRAM, options).await?;

    println!("── what the model gets back");
    println!("{}", Reply::of(&outcome));
    Ok(())
}
