//! `local`: the target on which this runs.

use super::Role;
use super::login::{Auth, LoginRows};
use crate::config::error::ValueError;
use crate::config::readers::{ADDRESS, TARGET};
use crate::config::scope::Scope;
use crate::config::section::{Context, section};
use crate::model::Address;

section! {
    /// The target on which this runs; only with `role: target`.
    pub struct Local {
        /// Its name as enlisted. On Windows it is found in the registry, for every instance that is a target; elsewhere
        /// it is required.
        name: Option<String> = TARGET.optional();
        /// Its own instance, for a local login: the account of its Agent, its listening ports, its version. May be left
        /// out.
        address: Option<Address> = ADDRESS.optional();
        /// How to log in there.
        auth: Auth = LOGIN;
    }
    check name_is_known {}
}

/// Nothing logs in where no address says where.
const LOGIN: LoginRows = LoginRows {
    auth: ("windows", "As `master.auth`."),
    user: (None, "As `master.user`."),
    password: "As `master.password`.",
    password_file: (None, "As `master.password_file`."),
    logs_in: |scope, context| {
        context.role == Some(Role::Target) && scope.peek("local.address", ADDRESS.parse).is_some()
    },
};

fn name_is_known(scope: &mut Scope<'_>, context: &Context<'_>) {
    if context.role == Some(Role::Target) && !context.sources.windows && scope.is_missing("local.name") {
        let wrong = ValueError::new("is missing, and only the registry of Windows could supply it");
        scope.fault("local.name", wrong.expected("set it to the name as enlisted, or give --local.name"));
    }
    if context.role == Some(Role::Master) {
        for path in ["local.name", "local.address", "local.user", "local.password", "local.password_file"] {
            if scope.is_written(path) {
                scope.fault(
                    path,
                    ValueError::new("has no meaning with role: master").expected("set role: target or leave it out"),
                );
            }
        }
    }
}
