//! How the values of each type are written and read.

use super::keys::Kind;
use super::section::Reader;
use super::{Secret, address, parse};
use crate::model::Address;
use std::path::PathBuf;
use std::time::Duration;

/// A name of SQL Server.
pub(super) const NAME: Reader<String> = Reader { kind: Kind::Text, parse: parse::name };
/// The name of a target.
pub(super) const TARGET: Reader<String> = Reader { kind: Kind::Text, parse: parse::target_name };
pub(super) const SECRET: Reader<Secret> = Reader { kind: Kind::Secret, parse: parse::password };
pub(super) const FILE: Reader<PathBuf> = Reader { kind: Kind::File, parse: parse::path };
pub(super) const ADDRESS: Reader<Address> = Reader { kind: Kind::Address, parse: address::parse };
pub(super) const HOST: Reader<String> = Reader { kind: Kind::Host, parse: address::host };
pub(super) const FLAG: Reader<bool> = Reader { kind: Kind::Flag, parse: parse::flag };
pub(super) const DURATION: Reader<Duration> = Reader { kind: Kind::Duration, parse: parse::duration };
pub(super) const COUNT: Reader<usize> = Reader { kind: Kind::Count, parse: parse::count };
/// A time zone, by the name under which it was written.
pub(super) const ZONE: Reader<String> = Reader { kind: Kind::Zone, parse: parse::zone };
