//! MCP both ways: `--mcp` takes tools from servers, `codemode mcp` serves them.

pub mod serve;
pub mod servers;
