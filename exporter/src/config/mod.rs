//! What was written, and what it means.

mod secret;
mod values;

pub use secret::Secret;
pub use values::{
    Address, Auth, CheckSettings, Collectors, Config, Depth, Encrypt, Filter, LabelRule, Limits, Local, Maintenance,
    Master, PasswordSource, Pattern, PortOverride, Ports, Role, Targets, Trust,
};
