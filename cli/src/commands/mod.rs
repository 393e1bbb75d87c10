//! The commands: each has its arguments and `run`.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod package;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod render;
pub(crate) mod route;
pub(crate) mod status;
pub(crate) mod test;
