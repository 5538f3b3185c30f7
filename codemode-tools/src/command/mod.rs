//! Tools that are commands, declared in a JSON file. A command is started once a call, without a shell; it reads the
//! input as JSON from standard input and writes the answer as JSON to standard output.
//!
//! The file holds an array of `{ name, description, inputSchema, outputSchema?, command, timeoutMs?, maxConcurrency?,
//! env? }`. A relative program with a slash is looked up beside the file, one without in `PATH`. A command inherits only
//! [`inherited_environment`](crate::inherited_environment); `env` adds variables, and `null` passes on the host's own.
//! When a call is over or dropped, the command and every process it started are killed, as [`ProcessTree`](crate::ProcessTree)
//! says.
//!
//! ```
//! use codemode_core::{CodeMode, ExecuteOptions};
//! use codemode_tools::command::CommandTools;
//!
//! # #[cfg(unix)]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let declarations = r#"[{
//!     "name": "echo",
//!     "description": "Returns its input",
//!     "inputSchema": { "type": "object", "properties": { "word": { "type": "string" } }, "required": ["word"] },
//!     "command": ["cat"]
//! }]"#;
//! let commands = CommandTools::from_json(declarations, "tools.json")?;
//!
//! let code_mode =
//!     CodeMode::builder().driver(codemode_driver_quickjs::driver()).tools(commands.tools()).build()?;
//! let program = "return await external_echo({ word: 'hello' })";
//! let outcome = code_mode.execute(program, ExecuteOptions::default()).await?;
//! let result = outcome.result.expect("the program succeeds").expect("it returns a value");
//! assert_eq!(result.text(), r#"{"word":"hello"}"#);
//! # Ok(())
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```

mod call;
mod children;
mod declaration;
mod json_place;
mod program;
mod tools;

pub use tools::CommandTools;
