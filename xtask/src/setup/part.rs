//! What a part of the set-up is.

use std::path::Path;

/// One thing that cargo cannot get.
pub struct Part {
    /// What it is called in messages, and by drivers that need it (`needs` in their manifests).
    pub name: &'static str,
    /// What cannot be built or tested without it.
    pub purpose: &'static str,
    /// Makes sure it is there, in the folder it is given if it has to be fetched. Says where it is, or why it is not
    /// there and what to do about it.
    pub prepare: fn(&Path) -> Result<String, String>,
}
