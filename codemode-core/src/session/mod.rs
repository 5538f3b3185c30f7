//! What an execution means: its [`EventLoop`], the messages between guest and host, and the words of its failures. Pure: no
//! thread, no clock, no runtime.

mod actions;
mod console;
mod event_loop;
pub mod message;
mod stack;
#[cfg(test)]
mod tests;
pub(crate) mod url;
pub(crate) mod wording;

pub use actions::{Action, Input, Mode, Start};
pub use event_loop::EventLoop;
